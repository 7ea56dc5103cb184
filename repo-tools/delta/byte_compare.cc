#include <tenon/repo_tools/delta/byte_compare.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

namespace tenon::repo_tools {

std::size_t common_length(ByteView a, ByteView b) {
  const std::size_t limit = std::min(a.size(), b.size());
  std::size_t at = 0;
  for (; at + 8 <= limit; at += 8) {
    std::uint64_t x = 0;
    std::uint64_t y = 0;
    std::memcpy(&x, a.data() + at, 8);
    std::memcpy(&y, b.data() + at, 8);
    if (x == y) continue;
    const std::uint64_t different = x ^ y;
    if constexpr (std::endian::native == std::endian::little) {
      return at + static_cast<std::size_t>(std::countr_zero(different)) / 8;
    } else {
      return at + static_cast<std::size_t>(std::countl_zero(different)) / 8;
    }
  }
  while (at < limit && a[at] == b[at]) ++at;
  return at;
}

bool is_zero(ByteView bytes) {
  return bytes.empty() || (bytes[0] == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0);
}

}  // namespace tenon::repo_tools
