// TokenFacts: where a key lives in hardware, and what the token says about it: as read back from the token after the key
// was made, never as it was asked for. A claim of whoever made the file, which policy rules judge and minutes quote.
// Thread: a value.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/result.h>

#include <string>

namespace tenon::hsm {

struct TokenFacts {
  static constexpr std::size_t kMaxTextBytes = 64;  // Cryptoki's longest is 32 characters
  static constexpr std::size_t kMaxKeyIdBytes = 64;

  // Each is at most kMaxTextBytes and safe for a terminal.
  std::string label;
  std::string manufacturer;
  std::string model;
  std::string serial;
  Bytes key_id;                      // CKA_ID, at most kMaxKeyIdBytes
  bool local = false;                // CKA_LOCAL: made in the token
  bool never_extractable = false;    // CKA_NEVER_EXTRACTABLE
  bool always_authenticate = false;  // CKA_ALWAYS_AUTHENTICATE: each signature wants the PIN

  // read Errors: E_PARSE for a missing or unknown member; E_LIMIT for a text that is too long.
  static Result<TokenFacts> read(const json::Value& value);
  json::Object to_json() const;
  bool operator==(const TokenFacts&) const = default;
};

}  // namespace tenon::hsm
