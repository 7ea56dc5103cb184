#include <tenon/hsm/file_io.h>
#include <tenon/hsm/key_file.h>
#include <tenon/hsm/openssl_ptr.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::hsm {
namespace {

constexpr std::string_view kFormat = "tenon-key-1";
constexpr std::size_t kMaxNameBytes = 64;
constexpr int kMinRsaBits = 3072;  // 128 bits of strength (SP 800-57)

bool is_letter_or_digit(char c) {
  return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

Result<metadata::PublicKey> respelled_rsa(ByteView spki) {
  const unsigned char* at = spki.data();
  const PkeyPtr key(d2i_PUBKEY(nullptr, &at, static_cast<long>(spki.size())));
  const int bits = key ? EVP_PKEY_get_bits(key.get()) : 0;
  if (bits >= kMinRsaBits) return metadata::PublicKey::rsa(spki);
  return Error{ErrorCode::kPolicy, "an RSA key of " + std::to_string(bits) + " bits, at least " +
                                       std::to_string(kMinRsaBits) + " for a new key"};
}

// The key as we would write it; nothing for a kind that we do not make.
Result<metadata::PublicKey> respelled(const metadata::PublicKey& key) {
  if (!key.material()) {
    return Error{ErrorCode::kPolicy, "key of type \"" + printable(key.keytype(), 40) + "\" and scheme \"" +
                                         printable(key.scheme(), 40) + "\" cannot verify anything here"};
  }
  const metadata::KeyMaterial& material = *key.material();
  if (material.family == "ed25519") return metadata::PublicKey::ed25519(material.key);
  if (material.family == "ecdsa-p256") return metadata::PublicKey::ecdsa_p256(material.key);
  if (material.family == "rsa") return respelled_rsa(material.key);
  if (material.family == "ml-dsa-65") return metadata::PublicKey::ml_dsa_65(material.key);
  return Error{ErrorCode::kPolicy, "new keys of kind " + material.family + " are not taken",
               "take ed25519, ecdsa-p256, rsa-3072 or ml-dsa-65"};
}

// One key has one spelling, and so one keyid.
Result<void> check_identity(const KeyName& name, const metadata::PublicKey& key, const std::string& keyid) {
  TENON_TRY(const metadata::PublicKey ours, respelled(key).with_context("key " + name.text()));
  if (key != ours) {
    return Error{ErrorCode::kPolicy, "key " + name.text() + " has extra members or another spelling than Tenon's",
                 "one key must have one keyid; make the file with tenon-keyctl"};
  }
  if (keyid == key.hash_keyid().text()) return {};
  return Error{ErrorCode::kMismatch, "key " + name.text() + ": keyid " + printable(keyid, 64) +
                                         " is not the key's hash " + key.hash_keyid().text()};
}

Result<void> check_proof(const KeyFile& file) {
  if (file.proof->verify(file.key)) return {};
  return Error{ErrorCode::kSig, "key " + file.name.text() + ": the proof of possession does not verify with the key",
               "have its owner make it again: tenon-keyctl key proof"};
}

}  // namespace

Result<KeyName> KeyName::parse(std::string_view text) {
  const bool well_formed =
      !text.empty() && text.size() <= kMaxNameBytes && is_letter_or_digit(text.front()) &&
      std::ranges::all_of(text, [](char c) { return is_letter_or_digit(c) || c == '_' || c == '-' || c == '.'; });
  if (well_formed) return KeyName(text);
  return Error{ErrorCode::kParse,
               "key name \"" + printable(text, 80) + "\" is not 1 to 64 letters, digits, '_', '-' or '.'"};
}

KeyFile KeyFile::of(KeyName name, metadata::PublicKey key) {
  metadata::KeyId keyid = key.hash_keyid();
  return {std::move(name), std::move(keyid), std::move(key)};
}

Result<KeyFile> KeyFile::parse(ByteView file) {
  if (as_text(file).starts_with("-----BEGIN")) {
    return Error{ErrorCode::kParse, "this is a PEM file, not a public key file"}.with_hint(
        "name the NAME.tenon-key beside it");
  }
  TENON_TRY(const json::Value value, json::parse(file, {.max_bytes = kMaxBytes}));
  return read(value);
}

Result<KeyFile> KeyFile::read(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "key file"));
  TENON_TRY(const std::string format, fields.string("format"));
  if (format != kFormat) {
    return fields.error("format is \"" + printable(format, 40) + "\", not \"" + std::string(kFormat) + "\"");
  }
  TENON_TRY(const std::string name_text, fields.string("name"));
  TENON_TRY(KeyName name, KeyName::parse(name_text));
  TENON_TRY(const std::string keyid, fields.string("keyid"));
  TENON_TRY(const json::Value* key_value, fields.value("key"));
  TENON_TRY(metadata::PublicKey key, metadata::PublicKey::parse(*key_value));
  const json::Value* token = fields.optional("token");
  const json::Value* proof = fields.optional("proof");
  TENON_TRY_VOID(fields.finish());
  TENON_TRY_VOID(check_identity(name, key, keyid));

  KeyFile file = of(std::move(name), std::move(key));
  if (token != nullptr) {
    TENON_TRY(file.token, TokenFacts::read(*token).with_context("key " + file.name.text()));
  }
  if (proof != nullptr) {
    TENON_TRY(file.proof, ProofOfPossession::read(*proof).with_context("key " + file.name.text()));
    TENON_TRY_VOID(check_proof(file));
  }
  return file;
}

json::Object KeyFile::to_json() const {
  json::Object file;
  file.set("format", std::string(kFormat));
  file.set("key", key.value());
  file.set("keyid", keyid.text());
  file.set("name", name.text());
  if (token) file.set("token", token->to_json());
  if (proof) file.set("proof", proof->to_json());
  return file;
}

std::string KeyFile::to_text() const {
  return json::to_text(to_json(), 1) + "\n";
}

Result<KeyFile> read_key_file(const std::filesystem::path& path) {
  TENON_TRY(const Bytes file, read_file(path, KeyFile::kMaxBytes));
  return KeyFile::parse(file).with_context(printable(path.native()));
}

Result<KeyFile> read_sidecar(const std::filesystem::path& private_key) {
  std::filesystem::path path = private_key;
  Result<KeyFile> file = read_key_file(path.replace_extension(".tenon-key"));
  if (file || !file.error().hint.empty()) return file;
  return std::move(file).error().with_hint("the public half must lie beside the private key");
}

}  // namespace tenon::hsm
