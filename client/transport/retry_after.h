// Retry-After: how long a server that is busy asks to be left alone (RFC 9110, section 10.2.3). Pure.
// Thread: any.
#pragma once

#include <chrono>
#include <string_view>

namespace tenon::client {

// Whatever a server asks for, it is asked again after so long: it must not keep a device from its updates.
inline constexpr std::chrono::seconds kLongestPause{600};

// pause_asked_for reads Retry-After: seconds, or a date, which is compared with the Date of the same reply, so that no
// clock of ours counts. At most kLongestPause; zero for a date that has passed, and for anything else.
std::chrono::seconds pause_asked_for(std::string_view retry_after, std::string_view date);

}  // namespace tenon::client
