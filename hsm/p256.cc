#include <tenon/hsm/key_type.h>
#include <tenon/hsm/openssl_ptr.h>
#include <tenon/hsm/p256.h>

#include <openssl/core_names.h>
#include <openssl/obj_mac.h>

namespace tenon::hsm {
namespace {

constexpr std::size_t kPointBytes = 65;
constexpr std::size_t kMaxSignatureBytes = 72;  // SEQUENCE of two INTEGERs of 33 bytes

GroupPtr p256_group() {
  GroupPtr group(EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1));
  TENON_CHECK(group != nullptr);
  return group;
}

// Null if the scalar is 0, or n or more.
BigNumberPtr secret_scalar(const SecretBytes& bytes, const EC_GROUP* group) {
  TENON_CHECK(bytes.size() == kPrivateKeyBytes);
  BigNumberPtr scalar(BN_secure_new());
  const ByteView view = bytes.bytes(RevealSecret());
  TENON_CHECK(scalar && BN_bin2bn(view.data(), static_cast<int>(view.size()), scalar.get()) != nullptr);
  BN_set_flags(scalar.get(), BN_FLG_CONSTTIME);
  const bool in_range = !BN_is_zero(scalar.get()) && BN_cmp(scalar.get(), EC_GROUP_get0_order(group)) < 0;
  return in_range ? std::move(scalar) : nullptr;
}

// Null if OpenSSL refuses.
PkeyPtr private_key(const BIGNUM* scalar, ByteView point) {
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  if (!builder ||
      OSSL_PARAM_BLD_push_utf8_string(builder.get(), OSSL_PKEY_PARAM_GROUP_NAME, SN_X9_62_prime256v1, 0) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar) != 1 ||
      OSSL_PARAM_BLD_push_octet_string(builder.get(), OSSL_PKEY_PARAM_PUB_KEY, point.data(), point.size()) != 1) {
    return nullptr;
  }
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder.get()));
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  if (!params || !context || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, params.get()) != 1) {
    return nullptr;
  }
  return PkeyPtr(key);
}

}  // namespace

SecretBytes p256_generate() {
  const GroupPtr group = p256_group();
  for (;;) {  // a second round has a chance of 2^-32
    SecretBytes scalar = SecretBytes::random(kPrivateKeyBytes);
    if (secret_scalar(scalar, group.get())) return scalar;
  }
}

Result<Bytes> p256_point(const SecretBytes& bytes) {
  const GroupPtr group = p256_group();
  const BigNumberPtr scalar = secret_scalar(bytes, group.get());
  if (!scalar) return Error{ErrorCode::kParse, "not a private key of P-256"};
  const PointPtr point(EC_POINT_new(group.get()));
  Bytes encoded(kPointBytes);
  TENON_CHECK(point && EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, nullptr) == 1);
  TENON_CHECK(EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(),
                                 encoded.size(), nullptr) == kPointBytes);
  return encoded;
}

Result<Bytes> p256_sign(const SecretBytes& bytes, ByteView point, ByteView message) {
  const Error failed{ErrorCode::kSig, "OpenSSL could not sign with the P-256 key"};
  const GroupPtr group = p256_group();
  const BigNumberPtr scalar = secret_scalar(bytes, group.get());
  const PkeyPtr key = scalar ? private_key(scalar.get(), point) : nullptr;
  const DigestContextPtr context(EVP_MD_CTX_new());
  Bytes signature(kMaxSignatureBytes);
  std::size_t size = signature.size();
  if (!key || !context || EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get()) != 1 ||
      EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) != 1) {
    return failed;
  }
  signature.resize(size);
  return signature;
}

}  // namespace tenon::hsm
