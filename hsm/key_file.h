// The public half of a key as a file, NAME.tenon-key beside NAME.pem: what people send to each other, what a root is
// drafted from, and what an opened private key is compared with.
// {"format": "tenon-key-1", "keyid": ..., "name": "alice", "key": {the key object exactly as metadata will list it},
//  "token": {what the token says of the key, if it is in one}, "proof": {that the owner can sign with it}}
// Thread: values.
#pragma once

#include <tenon/hsm/proof.h>
#include <tenon/hsm/token_facts.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/public_key.h>
#include <tenon/metadata/result.h>

#include <compare>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace tenon::hsm {

// KeyName is what people call a key: 1 to 64 letters, digits, '_', '-' or '.', beginning with a letter or digit. It
// names files, and is never part of the metadata.
class KeyName {
 public:
  // parse Errors: E_PARSE
  static Result<KeyName> parse(std::string_view text);
  const std::string& text() const { return text_; }
  auto operator<=>(const KeyName&) const = default;

 private:
  explicit KeyName(std::string_view text) : text_(text) {}
  std::string text_;
};

struct KeyFile {
  static constexpr std::size_t kMaxBytes = 64 * 1024;

  KeyName name;
  metadata::KeyId keyid;
  metadata::PublicKey key;
  std::optional<TokenFacts> token = {};         // absent: a key in a file, or nobody said
  std::optional<ProofOfPossession> proof = {};  // verified, if it is there

  static KeyFile of(KeyName name, metadata::PublicKey key);

  // parse refuses unknown members and formats, a keyid that is not the hash of the key, any spelling of the key but the
  // one that we write (one key has one keyid), a kind of key that we do not make, and a proof that does not verify.
  // Errors: E_PARSE; E_LIMIT above kMaxBytes; E_MISMATCH for the keyid; E_POLICY for a key of another kind or spelling;
  // E_SIG for the proof.
  static Result<KeyFile> parse(ByteView file);
  // read is parse for a key file inside another file.
  static Result<KeyFile> read(const json::Value& value);
  json::Object to_json() const;
  std::string to_text() const;
  bool operator==(const KeyFile&) const = default;
};

// read_key_file Errors: those of parse; E_STORAGE.
Result<KeyFile> read_key_file(const std::filesystem::path& path);

// read_sidecar reads the public half of a private key: alice.tenon-key beside alice.pem. No passphrase is needed for
// it. Errors: those of read_key_file.
Result<KeyFile> read_sidecar(const std::filesystem::path& private_key);

}  // namespace tenon::hsm
