// Which slot group the kernel was started from, as the boot script told it on the command line. Pure.
// Thread: any.
#pragma once

#include <tenon/client/ports/slots.h>

#include <string_view>

namespace tenon::client {

// parse_running_group reads "tenon.slot=A" or "tenon.slot=B" out of a kernel command line.
// Errors: E_HW when it is missing, stands there twice or names another group, or the recovery system.
Result<SlotGroup> parse_running_group(std::string_view command_line);

// says_last_resort looks for the word "tenon.last_resort".
bool says_last_resort(std::string_view command_line);

}  // namespace tenon::client
