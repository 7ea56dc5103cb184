// le16, le32: numbers as file systems write them.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstddef>
#include <cstdint>

namespace tenon::repo_tools {

// le16 reads two bytes. Pre: they lie inside.
inline std::uint16_t le16(ByteView bytes, std::size_t at) {
  const ByteView two = bytes.subspan(at, 2);
  return static_cast<std::uint16_t>(two[0] | two[1] << 8);
}

// le32 reads four bytes. Pre: they lie inside.
inline std::uint32_t le32(ByteView bytes, std::size_t at) {
  return std::uint32_t{le16(bytes, at)} | std::uint32_t{le16(bytes, at + 2)} << 16;
}

}  // namespace tenon::repo_tools
