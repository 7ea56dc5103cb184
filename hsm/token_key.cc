#include <tenon/hsm/openssl_ptr.h>
#include <tenon/hsm/token_key.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/hex.h>

#include <algorithm>
#include <array>

#include <openssl/core_names.h>
#include <p11-kit/pkcs11.h>

namespace tenon::hsm {
namespace {

constexpr std::array<std::uint8_t, 10> kP256Oid = {0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07};
constexpr std::array<std::uint8_t, 5> kEd25519Oid = {0x06, 0x03, 0x2b, 0x65, 0x70};
constexpr std::string_view kEd25519Name =
    "\x13\x0c"
    "edwards25519";  // PrintableString (PKCS#11 3.0)
constexpr std::size_t kP256PointBytes = 65;
constexpr std::size_t kEd25519PointBytes = 32;
constexpr std::size_t kScalarBytes = 32;
constexpr int kMinRsaBits = 3072;
constexpr std::uint8_t kOctetString = 0x04;
constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kSequence = 0x30;

// A point stands as it is, or in a DER OCTET STRING.
ByteView unwrapped(ByteView point, std::size_t size) {
  const bool wrapped = point.size() == size + 2 && point[0] == kOctetString && point[1] == size;
  return wrapped ? point.subspan(2) : point;
}

Result<metadata::PublicKey> read_p256(const wire::KeyObject& object) {
  if (!std::ranges::equal(object.ec_params, kP256Oid)) {
    return Error{ErrorCode::kPolicy, "the token's key is on another curve than P-256", "take ecdsa-p256"};
  }
  return metadata::PublicKey::ecdsa_p256(unwrapped(object.ec_point, kP256PointBytes));
}

Result<metadata::PublicKey> read_ed25519(const wire::KeyObject& object) {
  const bool named = std::ranges::equal(object.ec_params, as_bytes(kEd25519Name));
  if (!named && !std::ranges::equal(object.ec_params, kEd25519Oid)) {
    return Error{ErrorCode::kPolicy, "the token's key is on another curve than Ed25519", "take ed25519"};
  }
  const ByteView point = unwrapped(object.ec_point, kEd25519PointBytes);
  if (point.size() != kEd25519PointBytes) return Error{ErrorCode::kParse, "the token's Ed25519 key is no point"};
  const metadata::KeyScheme* scheme = metadata::find_scheme("ed25519", "ed25519");
  TENON_TRY(const std::optional<Bytes> key, scheme->decode(to_hex(point)));
  return metadata::PublicKey::ed25519(*key);
}

BigNumberPtr number_of(const Bytes& bytes) {
  return BigNumberPtr(BN_bin2bn(bytes.data(), static_cast<int>(bytes.size()), nullptr));
}

// Empty if OpenSSL takes it for no key.
Bytes rsa_spki(const wire::KeyObject& object) {
  const BigNumberPtr modulus = number_of(object.modulus);
  const BigNumberPtr exponent = number_of(object.exponent);
  const ParamBuilderPtr builder(OSSL_PARAM_BLD_new());
  const KeyContextPtr context(EVP_PKEY_CTX_new_from_name(nullptr, "RSA", nullptr));
  if (!modulus || !exponent || !builder || !context ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_N, modulus.get()) != 1 ||
      OSSL_PARAM_BLD_push_BN(builder.get(), OSSL_PKEY_PARAM_RSA_E, exponent.get()) != 1) {
    return {};
  }
  const ParamsPtr params(OSSL_PARAM_BLD_to_param(builder.get()));
  EVP_PKEY* made = nullptr;
  if (!params || EVP_PKEY_fromdata_init(context.get()) != 1 ||
      EVP_PKEY_fromdata(context.get(), &made, EVP_PKEY_PUBLIC_KEY, params.get()) != 1) {
    return {};
  }
  const PkeyPtr key(made);
  unsigned char* der = nullptr;
  const int size = i2d_PUBKEY(key.get(), &der);
  if (size <= 0) return {};
  Bytes spki(der, der + size);
  OPENSSL_free(der);
  return spki;
}

Result<metadata::PublicKey> read_rsa(const wire::KeyObject& object) {
  const BigNumberPtr modulus = number_of(object.modulus);
  const int bits = modulus ? BN_num_bits(modulus.get()) : 0;
  if (bits < kMinRsaBits) {
    return Error{ErrorCode::kPolicy, "the token's RSA key has " + std::to_string(bits) + " bits, at least " +
                                         std::to_string(kMinRsaBits) + " to sign with"};
  }
  return metadata::PublicKey::rsa(rsa_spki(object));
}

// A DER INTEGER of a number that is not negative: no leading zeros, but one before a high bit.
void append_integer(Bytes& der, ByteView number) {
  while (number.size() > 1 && number.front() == 0) number = number.subspan(1);
  const bool padded = (number.front() & 0x80) != 0;
  der.push_back(kInteger);
  der.push_back(static_cast<std::uint8_t>(number.size() + (padded ? 1 : 0)));
  if (padded) der.push_back(0);
  der.insert(der.end(), number.begin(), number.end());
}

}  // namespace

Result<metadata::PublicKey> public_key_of(const wire::KeyObject& object) {
  switch (object.key_type) {
    case CKK_EC: return read_p256(object);
    case CKK_EC_EDWARDS: return read_ed25519(object);
    case CKK_RSA: return read_rsa(object);
    default: break;
  }
  return Error{ErrorCode::kPolicy, "the token's key is of a kind that TUF does not sign with",
               "take ecdsa-p256, rsa-3072 or ed25519"};
}

wire::Mechanism mechanism_of(const metadata::PublicKey& key) {
  if (key.material()->family == "ed25519") return wire::Mechanism::kEddsa;
  return key.material()->family == "rsa" ? wire::Mechanism::kRsaPss : wire::Mechanism::kEcdsa;
}

Bytes token_input(wire::Mechanism mechanism, ByteView message) {
  switch (mechanism) {
    case wire::Mechanism::kEcdsa:
    case wire::Mechanism::kRsaPss: {
      const Sha256 digest = Sha256::of(message);
      return Bytes(digest.bytes.begin(), digest.bytes.end());
    }
    case wire::Mechanism::kEddsa:
    case wire::Mechanism::kEcdsaSha256:
    case wire::Mechanism::kRsaPssSha256: break;
  }
  return Bytes(message.begin(), message.end());
}

Result<Bytes> tuf_signature(wire::Mechanism mechanism, ByteView made) {
  const bool is_ecdsa = mechanism == wire::Mechanism::kEcdsa || mechanism == wire::Mechanism::kEcdsaSha256;
  if (!is_ecdsa) return Bytes(made.begin(), made.end());
  if (made.size() != 2 * kScalarBytes) {
    return Error{ErrorCode::kSig,
                 "the token made a signature of " + std::to_string(made.size()) + " bytes, not 64; it was thrown away",
                 "the token or its module is faulty: do not use it until that is understood"};
  }
  Bytes numbers;
  append_integer(numbers, made.first(kScalarBytes));
  append_integer(numbers, made.subspan(kScalarBytes));
  Bytes der = {kSequence, static_cast<std::uint8_t>(numbers.size())};
  der.insert(der.end(), numbers.begin(), numbers.end());
  return der;
}

}  // namespace tenon::hsm
