#include <tenon/client/payload/seek_table.h>

namespace tenon::client {
namespace {

Error wrong(const std::string& what) {
  return Error{ErrorCode::kParse, "seek table: " + what};
}

}  // namespace

std::uint32_t read_le32(ByteView bytes) {
  TENON_CHECK(bytes.size() >= 4);
  std::uint32_t value = 0;
  for (std::size_t i = 4; i-- > 0;) value = value << 8 | bytes[i];
  return value;
}

std::uint64_t seek_table_length(const policies::Image& image) {
  return kSkippableHeaderBytes + image.segment_count() * kSeekEntryBytes + kSeekFooterBytes;
}

Result<SeekTable> SeekTable::read(ByteView tail, const policies::Image& image, std::uint64_t payload_length) {
  const std::uint64_t count = image.segment_count();  // bounded by Release::parse
  if (tail.size() != seek_table_length(image) || tail.size() > payload_length) {
    return wrong(std::to_string(tail.size()) + " bytes of a payload of " + std::to_string(payload_length) +
                 ", needed are " + std::to_string(seek_table_length(image)));
  }
  const ByteView footer = tail.last(kSeekFooterBytes);
  if (read_le32(tail) != kSeekTableFrameMagic || read_le32(tail.subspan(4)) != tail.size() - kSkippableHeaderBytes ||
      read_le32(footer.subspan(5)) != kSeekTableFooterMagic) {
    return wrong("there is none at the end of the payload");
  }
  if (footer[4] != 0) return wrong("descriptor " + std::to_string(footer[4]) + ", only 0 is known");
  if (read_le32(footer) != count) {
    return wrong(std::to_string(read_le32(footer)) + " frames, the image has " + std::to_string(count) + " segments");
  }
  std::vector<std::uint64_t> offsets{0};
  offsets.reserve(count + 1);
  ByteView entries = tail.subspan(kSkippableHeaderBytes);
  for (std::uint64_t segment = 0; segment < count; ++segment, entries = entries.subspan(kSeekEntryBytes)) {
    if (read_le32(entries) == 0 || read_le32(entries.subspan(4)) != image.segment_length(segment)) {
      return wrong("frame " + std::to_string(segment) + " is not one of the image's segment");
    }
    offsets.push_back(offsets.back() + read_le32(entries));  // at most 2^18 times 2^32
  }
  if (offsets.back() != payload_length - tail.size()) {
    return wrong("the frames add up to " + std::to_string(offsets.back()) + " bytes, the payload holds " +
                 std::to_string(payload_length - tail.size()) + " before the table");
  }
  return SeekTable(std::move(offsets));
}

}  // namespace tenon::client
