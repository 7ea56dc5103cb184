// Deltas in memory: made of pieces, and decoded again.
#pragma once

#include <tenon/client/payload/delta_decoder.h>
#include <tenon/repo_tools/delta/delta_encoder.h>

#include <algorithm>
#include <optional>
#include <vector>

namespace tenon::repo_tools {

inline constexpr std::uint64_t kSegment = 1u << 16;

inline Bytes to_bytes(const EncodedDelta& delta) {
  Bytes bytes = delta.header_bytes;
  for (const Bytes& group : delta.groups) bytes.insert(bytes.end(), group.begin(), group.end());
  return bytes;
}

inline Bytes delta_of(ByteView base, Bytes image, const std::vector<Piece>& pieces,
                      std::uint64_t group_bytes = 4u << 20,
                      std::optional<client::Ext4Checksums> checksums = std::nullopt) {
  const Sha256 sha256 = Sha256::of(image);
  return to_bytes(
      encode_delta(base, image, sha256, pieces, std::move(checksums), {kSegment, group_bytes}, [](std::uint64_t) {}));
}

// Gives the payload in bites of at most so many bytes.
inline client::ReadPayload payload_of(ByteView bytes, std::size_t bite = SIZE_MAX) {
  return [bytes, bite](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<std::size_t> {
    if (offset >= bytes.size()) return std::size_t{0};
    const std::size_t length = std::min({into.size(), bytes.size() - static_cast<std::size_t>(offset), bite});
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), length, into.begin());
    return length;
  };
}

inline client::ReadBase base_of(ByteView bytes) {
  return [bytes](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    TENON_CHECK(offset <= bytes.size() && into.size() <= bytes.size() - offset);
    std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  };
}

// What a decoder gives from a segment on. A base that is shorter than the header says is filled up with zeros.
inline Result<Bytes> decode(ByteView delta, ByteView base, std::uint64_t first = 0, std::size_t bite = SIZE_MAX) {
  TENON_TRY(client::DeltaHeader header, client::DeltaHeader::read(payload_of(delta, bite)));
  Bytes padded(base.begin(), base.end());
  padded.resize(std::max<std::size_t>(padded.size(), static_cast<std::size_t>(header.base_size)));
  client::DeltaDecoder decoder(header, payload_of(delta, bite), base_of(padded));
  decoder.begin_at(first);
  Bytes image;
  for (std::uint64_t index = first; index < header.segment_count(); ++index) {
    TENON_TRY(const ByteView segment, decoder.next());
    TENON_CHECK(segment.size() == header.segment_length(index));
    image.insert(image.end(), segment.begin(), segment.end());
  }
  return image;
}

}  // namespace tenon::repo_tools
