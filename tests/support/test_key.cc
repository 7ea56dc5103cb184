#include <tenon/metadata/hex.h>
#include <tenon/metadata/pem.h>

#include <map>
#include <memory>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <sodium.h>
#include <tests/support/test_key.h>

namespace tenon::tests {
namespace {

template <auto free>
struct Free {
  template <class T>
  void operator()(T* handle) const {
    free(handle);
  }
};
template <class T, auto free>
using Handle = std::unique_ptr<T, Free<free>>;

using Group = Handle<EC_GROUP, EC_GROUP_free>;
using Number = Handle<BIGNUM, BN_free>;
using Key = Handle<EVP_PKEY, EVP_PKEY_free>;

Bytes seed_of(std::uint32_t number) {
  const Sha256 seed = Sha256::of(as_bytes("tenon test key " + std::to_string(number)));
  return {seed.bytes.begin(), seed.bytes.end()};
}

Key ec_key(ByteView secret, int curve) {
  const Group group(EC_GROUP_new_by_curve_name(curve));
  const Number scalar(BN_bin2bn(secret.data(), static_cast<int>(secret.size()), nullptr));
  const Handle<EC_POINT, EC_POINT_free> point(EC_POINT_new(group.get()));
  TENON_CHECK(EC_POINT_mul(group.get(), point.get(), scalar.get(), nullptr, nullptr, nullptr) == 1);
  Bytes encoded(133);
  encoded.resize(EC_POINT_point2oct(group.get(), point.get(), POINT_CONVERSION_UNCOMPRESSED, encoded.data(),
                                    encoded.size(), nullptr));
  const Handle<OSSL_PARAM_BLD, OSSL_PARAM_BLD_free> build(OSSL_PARAM_BLD_new());
  TENON_CHECK(OSSL_PARAM_BLD_push_utf8_string(build.get(), OSSL_PKEY_PARAM_GROUP_NAME, OBJ_nid2sn(curve), 0) == 1);
  TENON_CHECK(OSSL_PARAM_BLD_push_octet_string(build.get(), OSSL_PKEY_PARAM_PUB_KEY, encoded.data(), encoded.size()) ==
              1);
  TENON_CHECK(OSSL_PARAM_BLD_push_BN(build.get(), OSSL_PKEY_PARAM_PRIV_KEY, scalar.get()) == 1);
  const Handle<OSSL_PARAM, OSSL_PARAM_free> parameters(OSSL_PARAM_BLD_to_param(build.get()));
  const Handle<EVP_PKEY_CTX, EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_from_name(nullptr, "EC", nullptr));
  EVP_PKEY* key = nullptr;
  TENON_CHECK(EVP_PKEY_fromdata_init(context.get()) == 1);
  TENON_CHECK(EVP_PKEY_fromdata(context.get(), &key, EVP_PKEY_KEYPAIR, parameters.get()) == 1);
  return Key(key);
}

// OpenSSL makes RSA keys from no seed, and takes its time.
EVP_PKEY* rsa_key(const Bytes& seed) {
  static std::map<Bytes, Key> keys;
  Key& key = keys[seed];
  if (!key) key.reset(EVP_RSA_gen(2048));
  TENON_CHECK(key != nullptr);
  return key.get();
}

Key openssl_key(const Bytes& secret, KeyKind kind) {
  if (kind == KeyKind::kP256) return ec_key(secret, NID_X9_62_prime256v1);
  if (kind == KeyKind::kP384) return ec_key(secret, NID_secp384r1);
  EVP_PKEY* key = rsa_key(secret);
  EVP_PKEY_up_ref(key);
  return Key(key);
}

metadata::PublicKey public_key_of(const Bytes& secret, KeyKind kind) {
  if (kind == KeyKind::kEd25519) {
    Bytes key(crypto_sign_PUBLICKEYBYTES);
    Bytes expanded(crypto_sign_SECRETKEYBYTES);
    TENON_CHECK(crypto_sign_seed_keypair(key.data(), expanded.data(), secret.data()) == 0);
    return metadata::PublicKey::ed25519(key);
  }
  const Key key = openssl_key(secret, kind);
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  json::Object keyval;
  keyval.set("public", metadata::pem_of({der, static_cast<std::size_t>(size)}));
  OPENSSL_free(der);
  json::Object object;
  object.set("keytype", kind == KeyKind::kRsa ? "rsa" : "ecdsa");
  object.set("scheme", kind == KeyKind::kRsa    ? "rsassa-pss-sha256"
                       : kind == KeyKind::kP384 ? "ecdsa-sha2-nistp384"
                                                : "ecdsa-sha2-nistp256");
  object.set("keyval", std::move(keyval));
  return *metadata::PublicKey::parse(object);
}

}  // namespace

TestKey::TestKey(std::uint32_t number, KeyKind kind)
    : kind_(kind),
      secret_(seed_of(number)),
      public_key_(public_key_of(secret_, kind)),
      keyid_(public_key_.hash_keyid()) {}

TestKey TestKey::named(std::string_view keyid) const {
  TestKey key = *this;
  key.keyid_ = *metadata::KeyId::parse(keyid);
  return key;
}

TestKey TestKey::spelled(const json::Value& key_object) const {
  TestKey key = *this;
  key.public_key_ = *metadata::PublicKey::parse(key_object);
  key.keyid_ = key.public_key_.hash_keyid();
  return key;
}

Bytes TestKey::sign(ByteView message) const {
  if (kind_ == KeyKind::kEd25519) {
    Bytes key(crypto_sign_PUBLICKEYBYTES);
    Bytes expanded(crypto_sign_SECRETKEYBYTES);
    Bytes signature(crypto_sign_BYTES);
    TENON_CHECK(crypto_sign_seed_keypair(key.data(), expanded.data(), secret_.data()) == 0);
    TENON_CHECK(crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), expanded.data()) == 0);
    return signature;
  }
  const Key key = openssl_key(secret_, kind_);
  const Handle<EVP_MD_CTX, EVP_MD_CTX_free> context(EVP_MD_CTX_new());
  EVP_PKEY_CTX* settings = nullptr;
  const EVP_MD* digest = kind_ == KeyKind::kP384 ? EVP_sha384() : EVP_sha256();
  TENON_CHECK(EVP_DigestSignInit(context.get(), &settings, digest, nullptr, key.get()) == 1);
  if (kind_ == KeyKind::kRsa) {
    TENON_CHECK(EVP_PKEY_CTX_set_rsa_padding(settings, RSA_PKCS1_PSS_PADDING) == 1);
    TENON_CHECK(EVP_PKEY_CTX_set_rsa_pss_saltlen(settings, RSA_PSS_SALTLEN_DIGEST) == 1);
  }
  std::size_t size = 0;
  TENON_CHECK(EVP_DigestSign(context.get(), nullptr, &size, message.data(), message.size()) == 1);
  Bytes signature(size);
  TENON_CHECK(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  signature.resize(size);
  return signature;
}

metadata::Signature TestKey::sign(const metadata::Envelope& envelope) const {
  return {keyid_, to_hex(sign(envelope.signed_bytes()))};
}

std::vector<TestKey> test_keys(std::uint32_t first, std::size_t count) {
  std::vector<TestKey> keys;
  for (std::size_t i = 0; i < count; ++i) keys.emplace_back(first + static_cast<std::uint32_t>(i));
  return keys;
}

std::vector<metadata::KeyId> keyids_of(const std::vector<TestKey>& keys) {
  std::vector<metadata::KeyId> keyids;
  for (const TestKey& key : keys) keyids.push_back(key.keyid());
  return keyids;
}

metadata::RoleKeys role_keys(const std::vector<TestKey>& keys, std::int64_t threshold) {
  return {keyids_of(keys), *metadata::Threshold::create(threshold)};
}

Bytes sign_file(const json::Value& signed_part, const std::vector<TestKey>& keys) {
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(signed_part);
  for (const TestKey& key : keys) envelope = envelope.with_signature(key.sign(envelope));
  return to_bytes(envelope.to_text());
}

}  // namespace tenon::tests
