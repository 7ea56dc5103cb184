#include <tenon/metadata/crc32.h>

namespace tenon {

std::uint32_t crc32(ByteView bytes, std::uint32_t before) {
  constexpr std::uint32_t kReversedPolynomial = 0xEDB88320;
  std::uint32_t crc = ~before;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReversedPolynomial : 0);
  }
  return ~crc;
}

}  // namespace tenon
