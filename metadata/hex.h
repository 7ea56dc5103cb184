// Hexadecimal, lower case only: one spelling for one value.
#pragma once

#include <tenon/metadata/bytes.h>

#include <optional>
#include <string>
#include <string_view>

namespace tenon {

std::string to_hex(ByteView bytes);

// from_hex gives nothing for an odd length or any character outside 0-9a-f.
std::optional<Bytes> from_hex(std::string_view text);

}  // namespace tenon
