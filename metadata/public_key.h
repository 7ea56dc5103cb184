// PublicKey: a key object of TUF metadata. The keytypes and schemes of key_scheme.h verify; every other keytype, scheme
// or encoding is kept as it came, verifies nothing and is never an error, so that no new kind locks a client out. A weak
// key is an error: whoever listed it would be trusted with nothing.
// Thread: immutable.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/key_id.h>
#include <tenon/metadata/key_scheme.h>
#include <tenon/metadata/result.h>

#include <compare>
#include <map>
#include <optional>
#include <string>

namespace tenon::metadata {

// KeyMaterial tells keys apart by what they are, not by how they are spelled or named: family and decoded public key.
struct KeyMaterial {
  std::string family;  // KeyScheme::family
  Bytes key;           // as KeyScheme::decode gives it

  // fingerprint is short and of one length, for records.
  Sha256 fingerprint() const;
  auto operator<=>(const KeyMaterial&) const = default;
};

class PublicKey {
 public:
  // parse reads a key object. Unknown members take part in the key id and survive.
  // Spec: 4.2.2
  // Errors: E_PARSE for a wrong form, and for an ed25519 key that is not 64 lower-case hex digits; E_POLICY for a weak key:
  // RSA that is not of 2048 to 4096 bits or has an odd exponent below 65537, an Ed25519 point of small order.
  static Result<PublicKey> parse(const json::Value& value);

  // ed25519 Pre: 32 bytes that are no weak key.
  static PublicKey ed25519(ByteView key);
  // ecdsa_p256 takes an uncompressed point of 65 bytes (SEC 1). Errors: E_PARSE if it is not on the curve.
  static Result<PublicKey> ecdsa_p256(ByteView point);
  // rsa takes a SubjectPublicKeyInfo in DER, for rsassa-pss-sha256. Errors: E_PARSE if it is none; E_POLICY if it is weak.
  static Result<PublicKey> rsa(ByteView spki);
  // ml_dsa_65 takes a SubjectPublicKeyInfo in DER (RFC 9881). Errors: E_PARSE if it is none, or if the OpenSSL found at
  // run time has no ML-DSA.
  static Result<PublicKey> ml_dsa_65(ByteView spki);

  const std::string& keytype() const { return keytype_; }
  const std::string& scheme() const { return scheme_; }
  const json::Value& value() const { return value_; }
  // material is absent for a key that cannot verify here; such a key is worth zero towards a threshold.
  const std::optional<KeyMaterial>& material() const { return material_; }

  // hash_keyid is the SHA-256 of the canonical key object in hex.
  // Spec: 4.2.1
  KeyId hash_keyid() const;

  // verify is true only for a valid signature, by the rules of the key's own scheme.
  bool verify(ByteView message, ByteView signature) const;

  bool operator==(const PublicKey& other) const { return value_ == other.value_; }

 private:
  PublicKey() = default;
  std::string keytype_;
  std::string scheme_;
  json::Value value_;
  const KeyScheme* how_ = nullptr;
  std::optional<KeyMaterial> material_;
};

using KeyMap = std::map<KeyId, PublicKey>;

}  // namespace tenon::metadata
