#include <tenon/metadata/hex.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/public_key.h>

#include <algorithm>
#include <array>
#include <memory>

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>

namespace tenon::metadata {
namespace {

constexpr std::string_view kEd25519 = "ed25519";
constexpr std::string_view kP256 = "ecdsa-p256";
constexpr std::string_view kP256Scheme = "ecdsa-sha2-nistp256";

// SubjectPublicKeyInfo of an uncompressed P-256 point under its named curve (RFC 5480): this, then 65 bytes.
constexpr std::array<std::uint8_t, 26> kP256Header = {0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48,
                                                      0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00};
constexpr std::size_t kP256PointBytes = 65;

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};

Bytes p256_spki(ByteView point) {
  Bytes der(kP256Header.begin(), kP256Header.end());
  der.insert(der.end(), point.begin(), point.end());
  return der;
}

// Null if the point is not on the curve.
std::unique_ptr<EVP_PKEY, FreeKey> p256_key(ByteView point) {
  const Bytes der = p256_spki(point);
  const unsigned char* at = der.data();
  return std::unique_ptr<EVP_PKEY, FreeKey>(d2i_PUBKEY(nullptr, &at, static_cast<long>(der.size())));
}

std::optional<Bytes> decode_base64(std::string_view text) {
  if (text.empty()) return std::nullopt;  // libsodium wants somewhere to write
  Bytes bytes(text.size());
  std::size_t size = 0;
  const int failed = sodium_base642bin(bytes.data(), bytes.size(), text.data(), text.size(), "\r\n", &size, nullptr,
                                       sodium_base64_VARIANT_ORIGINAL);
  if (failed != 0) return std::nullopt;
  bytes.resize(size);
  return bytes;
}

std::string encode_base64(ByteView bytes) {
  std::string text(sodium_base64_encoded_len(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // the terminating zero that libsodium counts
  return text;
}

constexpr std::string_view kPemBegin = "-----BEGIN PUBLIC KEY-----";
constexpr std::string_view kPemEnd = "-----END PUBLIC KEY-----";

std::string p256_pem(ByteView point) {
  const std::string base64 = encode_base64(p256_spki(point));
  std::string pem(kPemBegin);
  for (std::size_t i = 0; i < base64.size(); i += 64) pem += "\n" + base64.substr(i, 64);
  return pem + "\n" + std::string(kPemEnd) + "\n";
}

// The uncompressed point in a PEM of a P-256 key; nothing for any other curve, form or label.
std::optional<Bytes> p256_point(std::string_view pem) {
  while (!pem.empty() && (pem.back() == '\n' || pem.back() == '\r')) pem.remove_suffix(1);
  if (pem.size() < kPemBegin.size() + kPemEnd.size() || !pem.starts_with(kPemBegin) || !pem.ends_with(kPemEnd))
    return std::nullopt;
  pem.remove_prefix(kPemBegin.size());
  pem.remove_suffix(kPemEnd.size());
  const std::optional<Bytes> der = decode_base64(pem);
  if (!der || der->size() != kP256Header.size() + kP256PointBytes ||
      !std::equal(kP256Header.begin(), kP256Header.end(), der->begin())) {
    return std::nullopt;
  }
  Bytes point(der->begin() + kP256Header.size(), der->end());
  if (point.front() != 0x04 || p256_key(point) == nullptr) return std::nullopt;
  return point;
}

json::Value key_object(std::string_view keytype, std::string_view scheme, std::string public_key) {
  json::Object keyval;
  keyval.set("public", std::move(public_key));
  json::Object key;
  key.set("keytype", std::string(keytype));
  key.set("keyval", std::move(keyval));
  key.set("scheme", std::string(scheme));
  return key;
}

}  // namespace

Sha256 KeyMaterial::fingerprint() const {
  Bytes all = to_bytes(family);
  all.push_back(0);
  all.insert(all.end(), key.begin(), key.end());
  return Sha256::of(all);
}

Result<PublicKey> PublicKey::parse(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "key"));
  PublicKey key;
  TENON_TRY(key.keytype_, fields.string("keytype"));
  TENON_TRY(key.scheme_, fields.string("scheme"));
  TENON_TRY(json::Fields keyval, fields.object("keyval"));
  key.value_ = value;

  if (key.keytype_ == kEd25519 && key.scheme_ == kEd25519) {
    TENON_TRY(const std::string hex, keyval.string("public"));
    std::optional<Bytes> raw = from_hex(hex);
    if (!raw || raw->size() != crypto_sign_PUBLICKEYBYTES) return fields.error("an ed25519 key is 64 hex digits");
    key.material_ = KeyMaterial{std::string(kEd25519), *std::move(raw)};
  } else if ((key.keytype_ == "ecdsa" || key.keytype_ == kP256Scheme) && key.scheme_ == kP256Scheme) {
    TENON_TRY(const std::string pem, keyval.string("public"));
    if (std::optional<Bytes> point = p256_point(pem))
      key.material_ = KeyMaterial{std::string(kP256), *std::move(point)};
  }
  return key;
}

PublicKey PublicKey::ed25519(ByteView key) {
  TENON_CHECK(key.size() == crypto_sign_PUBLICKEYBYTES);
  return *parse(key_object(kEd25519, kEd25519, to_hex(key)));
}

Result<PublicKey> PublicKey::ecdsa_p256(ByteView point) {
  if (point.size() != kP256PointBytes || point.front() != 0x04 || p256_key(point) == nullptr) {
    return Error{ErrorCode::kParse, "not an uncompressed point of P-256"};
  }
  return parse(key_object("ecdsa", kP256Scheme, p256_pem(point)));
}

KeyId PublicKey::hash_keyid() const {
  return *KeyId::parse(Sha256::of(as_bytes(json::canonical(value_))).hex());
}

bool PublicKey::verify(ByteView message, ByteView signature) const {
  if (!material_) return false;
  if (material_->family == kEd25519) {
    return signature.size() == crypto_sign_BYTES &&
           crypto_sign_verify_detached(signature.data(), message.data(), message.size(), material_->key.data()) == 0;
  }
  const std::unique_ptr<EVP_PKEY, FreeKey> key = p256_key(material_->key);
  const std::unique_ptr<EVP_MD_CTX, FreeContext> context(EVP_MD_CTX_new());
  return key && context && accepted(EVP_DigestVerifyInit(context.get(), nullptr, EVP_sha256(), nullptr, key.get())) &&
         accepted(EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(), message.size()));
}

}  // namespace tenon::metadata
