// What tenon's process and the one that runs a PKCS#11 module say to each other. Pure: bytes in, values out. Both sides
// read with the same limits, and ours believes nothing: a module may have taken the other side over.
//
//   frame    kind (1 byte), size of the body (4 bytes, big-endian), body
//   request  body is JSON, but for kLogin and kContextPin (the PIN) and kSign (SignRequest)
//   reply    kDone with JSON or a signature, or kFailed with a CallFailure as text
// Thread: values.
#pragma once

#include <tenon/hsm/key_type.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/result.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::hsm::wire {

inline constexpr std::size_t kMaxRequestBytes = (16u << 20) + 64;  // Ed25519 signs whole metadata files
inline constexpr std::size_t kMaxReplyBytes = 1u << 20;            // kMaxKeys keys of RSA-4096
inline constexpr std::size_t kMaxPinBytes = 4096;                  // as SecretSource gives it
inline constexpr std::size_t kMaxSignatureBytes = 8 * 1024;
inline constexpr std::size_t kMaxAttributeBytes = 2 * 1024;  // the modulus of RSA-4096 has 512
inline constexpr std::size_t kMaxTokens = 64;
inline constexpr std::size_t kMaxKeys = 64;

enum class Ask : std::uint8_t {
  kOpen = 1,    // ModuleChoice -> TokenList
  kTokens,      // {} -> TokenList, read anew
  kSession,     // SessionRequest -> {}
  kLogin,       // the PIN, or nothing where the token has keys of its own to type it -> {}
  kContextPin,  // the PIN, for the next kSign alone -> {}
  kKeys,        // KeyQuery -> KeyList
  kSign,        // SignRequest -> the signature
  kGenerate,    // GenerateRequest -> KeyList of two
  kDestroy,     // {} -> {}; removes what kGenerate made
  kClose,       // {} -> {}; logs out and finalizes the modules
};
enum class Answer : std::uint8_t { kDone = 1, kFailed };

struct FrameHeader {
  static constexpr std::size_t kBytes = 5;
  std::uint8_t kind = 0;
  std::uint32_t size = 0;

  static FrameHeader read(const std::array<std::uint8_t, kBytes>& bytes);
  std::array<std::uint8_t, kBytes> bytes() const;
  bool operator==(const FrameHeader&) const = default;
};

// CallFailure is a function of Cryptoki and what it returned: "C_Login 0xa0". Codes beyond 32 bits are our own.
struct CallFailure {
  static constexpr std::uint64_t kImpossible = 0x1'0000'0001;  // an answer that no module may give
  static constexpr std::uint64_t kTooMany = 0x1'0000'0002;     // more objects than we look through
  static constexpr std::uint64_t kNotLoaded = 0x1'0000'0003;   // the file is no module
  static constexpr std::uint64_t kOutOfTurn = 0x1'0000'0004;   // a request that does not fit the state

  std::string call;  // letters and '_', at most 40
  std::uint64_t code = 0;

  // parse Errors: E_PARSE
  static Result<CallFailure> parse(std::string_view text);
  std::string text() const;
  bool operator==(const CallFailure&) const = default;
};

// ModuleChoice: one file, or the modules of the system's configuration, or the one of those that has this name.
struct ModuleChoice {
  std::string file;
  std::string name;

  static Result<ModuleChoice> read(const json::Value& value);
  json::Object to_json() const;
};

// TokenInfo is one token that is there. Texts are safe for a terminal.
struct TokenInfo {
  std::string module;
  std::string label;
  std::string manufacturer;
  std::string model;
  std::string serial;
  bool initialized = false;
  bool pin_set = false;
  bool pin_pad = false;  // the PIN is typed on the token itself
  bool pin_count_low = false;
  bool pin_final_try = false;
  bool pin_locked = false;

  static Result<TokenInfo> read(const json::Value& value);
  json::Object to_json() const;
  bool operator==(const TokenInfo&) const = default;
};

struct ModuleProblem {
  std::string module;
  CallFailure failure;
  bool operator==(const ModuleProblem&) const = default;
};

struct TokenList {
  std::vector<TokenInfo> tokens;  // their places here are their numbers
  std::vector<ModuleProblem> problems;

  static Result<TokenList> read(const json::Value& value);
  json::Object to_json() const;
  bool operator==(const TokenList&) const = default;
};

struct SessionRequest {
  std::size_t token = 0;
  bool writes = false;

  static Result<SessionRequest> read(const json::Value& value);
  json::Object to_json() const;
};

struct KeyQuery {
  std::optional<Bytes> id;
  std::optional<std::string> label;

  static Result<KeyQuery> read(const json::Value& value);
  json::Object to_json() const;
};

// KeyObject is half a key pair as the token describes it.
struct KeyObject {
  bool is_private = false;
  std::int64_t key_type = -1;  // CKK_*
  std::int64_t modulus_bits = 0;
  std::string label = {};
  Bytes id = {};
  Bytes ec_params = {};
  Bytes ec_point = {};
  Bytes modulus = {};
  Bytes exponent = {};
  bool signs = false;
  bool local = false;
  bool never_extractable = false;
  bool always_authenticate = false;

  static Result<KeyObject> read(const json::Value& value);
  json::Object to_json() const;
  bool operator==(const KeyObject&) const = default;
};

struct KeyList {
  std::vector<KeyObject> keys;  // their places here are their numbers, until the next list

  static Result<KeyList> read(const json::Value& value);
  json::Object to_json() const;
  bool operator==(const KeyList&) const = default;
};

// Mechanism: how the token signs. The first three are those that we use; the others hash in the token and are tried by
// `token probe` alone.
enum class Mechanism : std::uint8_t { kEcdsa = 1, kRsaPss, kEddsa, kEcdsaSha256, kRsaPssSha256 };
// to_string gives Cryptoki's name, "CKM_ECDSA".
std::string_view to_string(Mechanism mechanism);

struct SignRequest {
  static constexpr std::size_t kHeadBytes = 2;
  Mechanism mechanism = Mechanism::kEcdsa;
  std::uint8_t key = 0;  // its number in the last KeyList
  ByteView data;         // of what read() was given

  static Result<SignRequest> read(ByteView body);
  Bytes bytes() const;
};

struct GenerateRequest {
  KeyType type = KeyType::kEcdsaP256;
  Bytes id;
  std::string label;
  bool always_authenticate = false;

  static Result<GenerateRequest> read(const json::Value& value);
  json::Object to_json() const;
};

}  // namespace tenon::hsm::wire
