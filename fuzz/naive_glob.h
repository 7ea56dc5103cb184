// The glob of delegations a second time, written from its rules (docs/POUF.md) and not from metadata/path_pattern.cc,
// in the plainest way there is: recursion over code points, with a table of what is known already.
#pragma once

#include <tenon/metadata/bytes.h>

#include <string_view>

namespace tenon::fuzz {

enum class Glob { kMatches, kDiffers, kUndefined };

// naive_glob Pre: both are UTF-8.
Glob naive_glob(std::string_view pattern, std::string_view path);

}  // namespace tenon::fuzz
