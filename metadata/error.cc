#include <tenon/metadata/error.h>

#include <utility>

namespace tenon {

std::string_view to_string(ErrorCode code) {
  switch (code) {
    case ErrorCode::kParse: return "E_PARSE";
    case ErrorCode::kSig: return "E_SIG";
    case ErrorCode::kRollback: return "E_ROLLBACK";
    case ErrorCode::kExpired: return "E_EXPIRED";
    case ErrorCode::kMismatch: return "E_MISMATCH";
    case ErrorCode::kLimit: return "E_LIMIT";
    case ErrorCode::kPolicy: return "E_POLICY";
    case ErrorCode::kNet: return "E_NET";
    case ErrorCode::kStorage: return "E_STORAGE";
    case ErrorCode::kBusy: return "E_BUSY";
    case ErrorCode::kHw: return "E_HW";
    case ErrorCode::kAuth: return "E_AUTH";
    case ErrorCode::kUsage: return "E_USAGE";
  }
  return "E_UNKNOWN";
}

Error Error::context(std::string_view where) && {
  message.insert(0, std::string(where) + ": ");
  return std::move(*this);
}

Error Error::with_hint(std::string_view what_to_do) && {
  hint = what_to_do;
  return std::move(*this);
}

ExitStatus exit_status(const Error& error) {
  switch (error.code) {
    case ErrorCode::kUsage: return ExitStatus::kUsage;
    case ErrorCode::kPolicy: return ExitStatus::kRefused;
    case ErrorCode::kParse:
    case ErrorCode::kSig:
    case ErrorCode::kRollback:
    case ErrorCode::kExpired:
    case ErrorCode::kMismatch:
    case ErrorCode::kLimit: return ExitStatus::kUnverified;
    case ErrorCode::kNet: return ExitStatus::kNetwork;
    case ErrorCode::kAuth: return ExitStatus::kNeedsPerson;
    case ErrorCode::kStorage:
    case ErrorCode::kHw: return ExitStatus::kDevice;
    case ErrorCode::kBusy: return ExitStatus::kTemporary;
  }
  return ExitStatus::kFailure;
}

}  // namespace tenon
