#include <tenon/client/control/answer_fields.h>
#include <tenon/client/control/control_error.h>
#include <tenon/client/control/device_control.h>
#include <tenon/metadata/utf8.h>

#include <array>

namespace tenon::client {
namespace {

constexpr std::array kCodes = {ErrorCode::kParse,    ErrorCode::kSig,   ErrorCode::kRollback, ErrorCode::kExpired,
                               ErrorCode::kMismatch, ErrorCode::kLimit, ErrorCode::kPolicy,   ErrorCode::kNet,
                               ErrorCode::kStorage,  ErrorCode::kBusy,  ErrorCode::kHw,       ErrorCode::kAuth,
                               ErrorCode::kUsage};

std::string failed() {
  return std::string(kControlInterface) + ".Failed";
}

}  // namespace

VarlinkReply reply_of(const Error& error) {
  json::Object parameters;
  parameters.set("code", std::string(to_string(error.code)));
  parameters.set("message", printable(error.message, 2000));
  parameters.set("hint", printable(error.hint, 2000));
  return {.parameters = std::move(parameters), .error = failed()};
}

Error error_of(const VarlinkReply& reply) {
  if (reply.error == kPermissionDenied) {
    return Error{ErrorCode::kPolicy, "only root and members of the device's control group may do this"}.with_hint(
        "run it as root; anybody may look: tenon status");
  }
  Error error{ErrorCode::kHw, "the daemon answers " + reply.error};
  if (reply.error != failed()) return error;
  const std::string name = string_in(reply.parameters, "code");
  for (const ErrorCode code : kCodes) {
    if (to_string(code) == name) error.code = code;
  }
  error.message = string_in(reply.parameters, "message");
  error.hint = string_in(reply.parameters, "hint");
  return error;
}

}  // namespace tenon::client
