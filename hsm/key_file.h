// The public half of a key as a file, NAME.tenon-key beside NAME.pem: what people send to each other, what a root is
// drafted from, and what an opened private key is compared with.
// {"format": "tenon-key-1", "keyid": ..., "name": "alice", "key": {the key object exactly as metadata will list it}}
// Thread: values.
#pragma once

#include <tenon/metadata/public_key.h>
#include <tenon/metadata/result.h>

#include <compare>
#include <filesystem>
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

  static KeyFile of(KeyName name, metadata::PublicKey key);

  // parse refuses unknown members and formats, a keyid that is not the hash of the key, and any spelling of the key but
  // the one that we write: one key has one keyid.
  // Errors: E_PARSE; E_LIMIT above kMaxBytes; E_MISMATCH for the keyid; E_POLICY for a key of another kind or spelling.
  static Result<KeyFile> parse(ByteView file);
  std::string to_text() const;
  bool operator==(const KeyFile&) const = default;
};

// read_key_file Errors: those of parse; E_STORAGE.
Result<KeyFile> read_key_file(const std::filesystem::path& path);

// read_sidecar reads the public half of a private key: alice.tenon-key beside alice.pem. No passphrase is needed for
// it. Errors: those of read_key_file.
Result<KeyFile> read_sidecar(const std::filesystem::path& private_key);

}  // namespace tenon::hsm
