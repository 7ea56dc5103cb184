// common_length, is_zero: bytes compared many at a time.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstddef>

namespace tenon::repo_tools {

// common_length is how many bytes both begin with.
std::size_t common_length(ByteView a, ByteView b);

// is_zero says whether all bytes are zero.
bool is_zero(ByteView bytes);

}  // namespace tenon::repo_tools
