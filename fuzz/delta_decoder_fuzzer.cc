// A delta, whose segments nobody compares here: only the harness does without that. Invariants: it ends; segments have their
// lengths; how the payload is cut, and where decoding begins, changes nothing of what comes out.
#include <tenon/client/payload/delta_decoder.h>
#include <tenon/metadata/digest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace {

using namespace tenon;
using namespace tenon::client;

constexpr std::uint64_t kMostSegments = 4;
constexpr std::uint64_t kMostBytes = 1u << 20;
constexpr std::size_t kBaseBytes = 256u << 10;

ReadPayload payload_of(ByteView bytes, std::size_t bite) {
  return [bytes, bite](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<std::size_t> {
    if (offset >= bytes.size()) return std::size_t{0};
    const std::size_t length = std::min({into.size(), bytes.size() - static_cast<std::size_t>(offset), bite});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), length, into.begin());
    return length;
  };
}

// Any base: its bytes follow from where they lie.
Result<void> read_base(std::uint64_t offset, std::span<std::uint8_t> into) {
  for (std::uint8_t& byte : into) {
    byte = static_cast<std::uint8_t>(offset * 2654435761u >> 11 & (offset % 7 == 0 ? 0xFF : 0xE8));
    ++offset;
  }
  return {};
}

// The segments from one on, as far as they can be had.
std::vector<Bytes> decode(ByteView delta, const DeltaHeader& header, std::uint64_t first, std::size_t bite) {
  DeltaDecoder decoder(header, payload_of(delta, bite), read_base);
  decoder.begin_at(first);
  std::vector<Bytes> segments;
  for (std::uint64_t index = first; index < header.segment_count(); ++index) {
    const Result<ByteView> segment = decoder.next();
    if (!segment) break;
    TENON_CHECK(segment->size() == header.segment_length(index));
    segments.emplace_back(segment->begin(), segment->end());
  }
  return segments;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView delta(data, size);
  const Result<DeltaHeader> header = DeltaHeader::read(payload_of(delta, SIZE_MAX));
  TENON_CHECK(header.has_value() == DeltaHeader::read(payload_of(delta, 1)).has_value());
  if (!header) return 0;
  TENON_CHECK(header->memory_bytes() <= (16u << 20) + (4u << 20) + (8u << 20));
  if (header->segment_count() > kMostSegments || header->image_size > kMostBytes || header->base_size > kBaseBytes)
    return 0;
  const std::vector<Bytes> whole = decode(delta, *header, 0, SIZE_MAX);
  TENON_CHECK(whole == decode(delta, *header, 0, 3));
  if (whole.size() == header->segment_count() && !whole.empty()) {
    const std::vector<Bytes> last = decode(delta, *header, header->segment_count() - 1, SIZE_MAX);
    TENON_CHECK(last.size() == 1 && last[0] == whole.back());
  }
  return 0;
}
