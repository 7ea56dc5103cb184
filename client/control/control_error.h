// An Error as a reply of varlink, and back. Pure.
// Thread: any.
#pragma once

#include <tenon/client/control/varlink.h>

namespace tenon::client {

inline constexpr std::string_view kPermissionDenied = "org.varlink.service.PermissionDenied";
inline constexpr std::string_view kMethodNotFound = "org.varlink.service.MethodNotFound";

VarlinkReply reply_of(const Error& error);
// error_of Pre: reply.error is not empty.
Error error_of(const VarlinkReply& reply);

}  // namespace tenon::client
