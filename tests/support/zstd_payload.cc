#include <tenon/metadata/check.h>

#include <algorithm>
#include <random>

#include <tests/support/zstd_payload.h>
#include <zstd.h>

namespace tenon::tests {
namespace {

void put_u32(Bytes& out, std::uint64_t value) {
  for (int shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
}

}  // namespace

Bytes full_payload_of(ByteView image, std::uint64_t segment_size) {
  Bytes payload;
  Bytes table;
  std::uint32_t frames = 0;
  for (std::size_t at = 0; at < image.size(); at += segment_size, ++frames) {
    const ByteView segment = image.subspan(at, std::min<std::size_t>(segment_size, image.size() - at));
    Bytes frame(ZSTD_compressBound(segment.size()));
    const std::size_t size = ZSTD_compress(frame.data(), frame.size(), segment.data(), segment.size(), 1);
    TENON_CHECK(ZSTD_isError(size) == 0);
    payload.insert(payload.end(), frame.begin(), frame.begin() + static_cast<std::ptrdiff_t>(size));
    put_u32(table, size);
    put_u32(table, segment.size());
  }
  put_u32(payload, 0x184D2A5E);
  put_u32(payload, table.size() + 9);
  payload.insert(payload.end(), table.begin(), table.end());
  put_u32(payload, frames);
  payload.push_back(0);
  put_u32(payload, 0x8F92EAB1);
  return payload;
}

Bytes random_image(std::size_t size, std::uint32_t seed) {
  std::mt19937 random(seed);
  Bytes image(size);
  std::ranges::generate(image, [&] { return static_cast<std::uint8_t>(random()); });
  return image;
}

}  // namespace tenon::tests
