#include <tenon/hsm/proof.h>
#include <tenon/metadata/hex.h>
#include <tenon/metadata/json_fields.h>

namespace tenon::hsm {
namespace {

constexpr std::string_view kType = "tenon-pop-1";

Bytes payload(const metadata::PublicKey& key, const Nonce& nonce, metadata::UtcTime made) {
  json::Object object;
  object.set("_type", std::string(kType));
  object.set("keyid", key.hash_keyid().text());
  object.set("made", made.text());
  object.set("nonce", nonce.hex());
  return to_bytes(json::canonical(object));
}

}  // namespace

Result<Nonce> Nonce::parse(std::string_view hex) {
  const std::optional<Bytes> bytes = from_hex(hex);
  if (!bytes) return Error{ErrorCode::kParse, "a nonce is written in lower-case hex"};
  return of(*bytes);
}

Result<Nonce> Nonce::of(ByteView bytes) {
  if (!bytes.empty() && bytes.size() <= kMaxBytes) return Nonce(Bytes(bytes.begin(), bytes.end()));
  return Error{ErrorCode::kParse,
               "a nonce of " + std::to_string(bytes.size()) + " bytes is not one of 1 to " + std::to_string(kMaxBytes)};
}

std::string Nonce::hex() const {
  return to_hex(bytes_);
}

Result<ProofOfPossession> ProofOfPossession::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "proof"));
  TENON_TRY(const std::string nonce_hex, fields.string("nonce"));
  TENON_TRY(Nonce nonce, Nonce::parse(nonce_hex).with_context(fields.where()));
  TENON_TRY(const std::string made_text, fields.string("made"));
  TENON_TRY(const metadata::UtcTime made, metadata::UtcTime::parse(made_text).with_context(fields.where()));
  TENON_TRY(const std::string sig, fields.string("sig"));
  TENON_TRY_VOID(fields.finish());
  std::optional<Bytes> signature = from_hex(sig);
  if (!signature || signature->empty() || signature->size() > kMaxSignatureBytes) {
    return fields.error("sig is not a signature in hex");
  }
  return ProofOfPossession{std::move(nonce), made, *std::move(signature)};
}

json::Object ProofOfPossession::to_json() const {
  json::Object object;
  object.set("nonce", nonce.hex());
  object.set("made", made.text());
  object.set("sig", to_hex(signature));
  return object;
}

bool ProofOfPossession::verify(const metadata::PublicKey& key) const {
  return key.verify(payload(key, nonce, made), signature);
}

Result<ProofOfPossession> make_proof(Signer& signer, const Nonce& nonce, metadata::UtcTime now) {
  const metadata::PublicKey& key = signer.public_key();
  TENON_TRY(Bytes signature, signer.sign(payload(key, nonce, now)));
  ProofOfPossession proof{nonce, now, std::move(signature)};
  if (proof.verify(key)) return proof;
  return Error{ErrorCode::kSig,
               "the signature just made by key " + key.hash_keyid().brief() + " does not verify; it was thrown away",
               "the machine or the token is faulty: use neither until that is understood"};
}

}  // namespace tenon::hsm
