// The release file of the running system: shell-like lines KEY=VALUE (as os-release has them) that the maker of the
// image puts in it: TENON_VERSION, TENON_SEQUENCE, TENON_BUILD_TIME. Other keys are left alone.
#pragma once

#include <tenon/client/updater/device_state.h>

#include <string_view>

namespace tenon::client {

// parse_release_file Errors: E_PARSE for one of our keys with a value that is none.
Result<RunningImage> parse_release_file(std::string_view text);

}  // namespace tenon::client
