// Numbers of one to nine bytes: 7 bits in each, the lowest first, the top bit says that more follow.
// Thread: plain functions.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstdint>
#include <optional>

namespace tenon::client {

inline constexpr std::size_t kMaxVarintBytes = 9;  // below 2^63

inline void put_varint(Bytes& out, std::uint64_t value) {
  for (; value > 0x7F; value >>= 7) out.push_back(static_cast<std::uint8_t>(value | 0x80));
  out.push_back(static_cast<std::uint8_t>(value));
}

// take_varint takes a number off the front. Returns: nothing when the bytes end in it, when it has more bytes than it needs,
// or more than kMaxVarintBytes; then the view is left as it was.
inline std::optional<std::uint64_t> take_varint(ByteView& bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes.size() && i < kMaxVarintBytes; ++i) {
    value |= static_cast<std::uint64_t>(bytes[i] & 0x7F) << 7 * i;
    if ((bytes[i] & 0x80) != 0) continue;
    if (bytes[i] == 0 && i > 0) return std::nullopt;
    bytes = bytes.subspan(i + 1);
    return value;
  }
  return std::nullopt;
}

}  // namespace tenon::client
