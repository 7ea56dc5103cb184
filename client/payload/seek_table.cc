#include <tenon/client/payload/little_endian.h>
#include <tenon/client/payload/seek_table.h>

namespace tenon::client {
namespace {

Error wrong(const std::string& what) {
  return Error{ErrorCode::kParse, "seek table: " + what};
}

}  // namespace

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
  if (le32(tail, 0) != kSeekTableFrameMagic || le32(tail, 4) != tail.size() - kSkippableHeaderBytes ||
      le32(footer, 5) != kSeekTableFooterMagic) {
    return wrong("there is none at the end of the payload");
  }
  if (footer[4] != 0) return wrong("descriptor " + std::to_string(footer[4]) + ", only 0 is known");
  if (le32(footer, 0) != count) {
    return wrong(std::to_string(le32(footer, 0)) + " frames, the image has " + std::to_string(count) + " segments");
  }
  std::vector<std::uint64_t> offsets{0};
  offsets.reserve(count + 1);
  ByteView entries = tail.subspan(kSkippableHeaderBytes);
  for (std::uint64_t segment = 0; segment < count; ++segment, entries = entries.subspan(kSeekEntryBytes)) {
    if (le32(entries, 0) == 0 || le32(entries, 4) != image.segment_length(segment)) {
      return wrong("frame " + std::to_string(segment) + " is not one of the image's segment");
    }
    offsets.push_back(offsets.back() + le32(entries, 0));  // at most 2^18 times 2^32
  }
  if (offsets.back() != payload_length - tail.size()) {
    return wrong("the frames add up to " + std::to_string(offsets.back()) + " bytes, the payload holds " +
                 std::to_string(payload_length - tail.size()) + " before the table");
  }
  return SeekTable(std::move(offsets));
}

}  // namespace tenon::client
