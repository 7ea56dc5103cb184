// Error: an expected failure as a value. Callers branch on the code; people read the message.
// The codes are the E_* families of the test book: few, and each means what the caller can do about it.
#pragma once

#include <string>
#include <string_view>

namespace tenon {

// ErrorCode says which promise refused, and so what can be done.
enum class ErrorCode {
  kParse,     // the bytes are not of the form they should have
  kSig,       // not signed by enough of the right keys
  kRollback,  // older than what is already trusted
  kExpired,   // no longer valid at the given time
  kMismatch,  // length, hash or version is not what a trusted file says
  kLimit,     // larger, deeper or more than a named limit
  kPolicy,    // well-formed and signed, but a rule forbids it
  kNet,       // the network or the server failed
  kStorage,   // a file, slot or disk failed
  kBusy,      // another process holds it, or it is too early; try again
  kHw,        // the boot environment or the device failed
  kAuth,      // wrong passphrase, or a key file that others can read
  kUsage,     // the command line or a file people write is wrong
};

// to_string gives the stable spelling that scripts, --json and reports use: "E_PARSE", ...
std::string_view to_string(ErrorCode code);

// Error holds the code, a message with both sides of the failed comparison, and a hint at what to do next.
struct Error {
  ErrorCode code;
  std::string message;
  std::string hint = {};

  // context puts the place where it happened in front of the message: "2.snapshot.json: ...".
  Error context(std::string_view where) &&;
  Error with_hint(std::string_view what_to_do) &&;

  bool operator==(const Error&) const = default;
};

// ExitStatus is what every program of ours exits with, so that scripts can branch on it.
enum class ExitStatus : int {
  kOk = 0,
  kFailure = 1,
  kUsage = 2,
  kNothingToDo = 3,
  kRefused = 4,     // policy
  kUnverified = 5,  // signature, rollback, expiry, hash
  kNetwork = 6,
  kNeedsPerson = 7,  // a signature or a passphrase is missing
  kDevice = 8,       // storage, slot, boot environment
  kTemporary = 75,
};

// exit_status maps an error to the class that all programs share.
ExitStatus exit_status(const Error& error);

}  // namespace tenon
