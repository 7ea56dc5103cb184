#include <tenon/metadata/hex.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/pem.h>
#include <tenon/metadata/public_key.h>

namespace tenon::metadata {
namespace {

constexpr std::size_t kEd25519Bytes = 32;
constexpr std::size_t kP256PointBytes = 65;

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
  key.how_ = find_scheme(key.keytype_, key.scheme_);
  if (key.how_ == nullptr) return key;
  TENON_TRY(const std::string text, keyval.string("public"));
  TENON_TRY(std::optional<Bytes> decoded, key.how_->decode(text).with_context(fields.where()));
  if (decoded) key.material_ = KeyMaterial{std::string(key.how_->family), *std::move(decoded)};
  return key;
}

PublicKey PublicKey::ed25519(ByteView key) {
  TENON_CHECK(key.size() == kEd25519Bytes);
  return *parse(key_object("ed25519", "ed25519", to_hex(key)));
}

Result<PublicKey> PublicKey::ecdsa_p256(ByteView point) {
  if (point.size() == kP256PointBytes) {
    TENON_TRY(PublicKey key, parse(key_object("ecdsa", "ecdsa-sha2-nistp256", p256_pem(point))));
    if (key.material()) return key;
  }
  return Error{ErrorCode::kParse, "not an uncompressed point of P-256"};
}

Result<PublicKey> PublicKey::rsa(ByteView spki) {
  TENON_TRY(PublicKey key, parse(key_object("rsa", "rsassa-pss-sha256", pem_of(spki))));
  if (key.material()) return key;
  return Error{ErrorCode::kParse, "not a public key of RSA of at most 4096 bits"};
}

Result<PublicKey> PublicKey::ml_dsa_65(ByteView spki) {
  TENON_TRY(PublicKey key, parse(key_object("ml-dsa", "ml-dsa-65/1", pem_of(spki))));
  if (key.material()) return key;
  return Error{ErrorCode::kParse, "not a public key of ML-DSA-65, or this machine's OpenSSL has none (3.5 and later)"};
}

KeyId PublicKey::hash_keyid() const {
  return *KeyId::parse(Sha256::of(as_bytes(json::canonical(value_))).hex());
}

bool PublicKey::verify(ByteView message, ByteView signature) const {
  return material_ && how_->verify(material_->key, message, signature);
}

}  // namespace tenon::metadata
