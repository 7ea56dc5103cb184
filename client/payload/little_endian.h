// Numbers as our formats, zstd's and file systems write them: the lowest byte first, on every machine.
// Thread: plain functions.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/check.h>

#include <array>
#include <cstddef>
#include <cstdint>

namespace tenon::client {

// load_le32 reads four bytes. Pre: there are so many; it does not look.
inline std::uint32_t load_le32(const std::uint8_t* bytes) {
  return static_cast<std::uint32_t>(bytes[0] | bytes[1] << 8 | bytes[2] << 16) | static_cast<std::uint32_t>(bytes[3])
                                                                                     << 24;
}

// le16 reads two bytes, le32 four, from that place on. Pre: they lie inside.
inline std::uint16_t le16(ByteView bytes, std::size_t at) {
  TENON_CHECK(at <= bytes.size() && bytes.size() - at >= 2);
  return static_cast<std::uint16_t>(bytes[at] | bytes[at + 1] << 8);
}
inline std::uint32_t le32(ByteView bytes, std::size_t at) {
  TENON_CHECK(at <= bytes.size() && bytes.size() - at >= 4);
  return load_le32(bytes.data() + at);
}

// to_le32 gives a number as four bytes, put_le32 appends them. Pre: value < 2^32.
inline std::array<std::uint8_t, 4> to_le32(std::uint32_t value) {
  return {static_cast<std::uint8_t>(value), static_cast<std::uint8_t>(value >> 8),
          static_cast<std::uint8_t>(value >> 16), static_cast<std::uint8_t>(value >> 24)};
}
inline void put_le32(Bytes& out, std::uint64_t value) {
  for (const std::uint8_t byte : to_le32(static_cast<std::uint32_t>(value))) out.push_back(byte);
}

}  // namespace tenon::client
