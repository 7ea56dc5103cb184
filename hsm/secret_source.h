// SecretSource: where a passphrase comes from: a person, an open descriptor or a private file. Never the command line,
// never the environment: other users and child processes see those.
// Thread: immutable; reading an fd consumes a line of it.
#pragma once

#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/result.h>

#include <filesystem>
#include <string_view>

namespace tenon::hsm {

class SecretSource {
 public:
  // parse reads "prompt", "fd:N" or "file:PATH". Errors: E_USAGE.
  static Result<SecretSource> parse(std::string_view text);
  static SecretSource prompt() { return SecretSource(Kind::kPrompt); }

  bool is_prompt() const { return kind_ == Kind::kPrompt; }

  // read gives the secret, at most 4 KiB and not empty. what names it for the person: "passphrase of alice.pem"; option
  // is what a hint names where there is no terminal.
  //   prompt     asks on /dev/tty with the echo off
  //   fd:N       reads one line, so that several secrets can follow each other; N stays open
  //   file:PATH  reads the file (read_private_file) without one final newline
  // Errors: E_AUTH, with what to do where there is no terminal; E_STORAGE; E_LIMIT
  Result<SecretBytes> read(std::string_view what, std::string_view option = "--passphrase-from") const;

 private:
  enum class Kind { kPrompt, kDescriptor, kFile };
  explicit SecretSource(Kind kind) : kind_(kind) {}

  Kind kind_;
  int descriptor_ = -1;
  std::filesystem::path file_ = {};
};

}  // namespace tenon::hsm
