#include <tenon/client/payload/segment_list.h>

#include <algorithm>

namespace tenon::client {

Result<SegmentList> SegmentList::read(ByteView file, const policies::Image& image) {
  if (file.size() != image.segments_length || Sha256::of(file) != image.segments_sha256) {
    return Error{ErrorCode::kMismatch, "the segment list is not the one that the release pins"};
  }
  std::vector<Sha256> digests(image.segment_count());
  for (std::size_t i = 0; i < digests.size(); ++i) {
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(i * sizeof(Sha256)), sizeof(Sha256),
                digests[i].bytes.begin());
  }
  return SegmentList(std::move(digests));
}

Result<void> SegmentList::check(std::uint64_t index, ByteView segment) const {
  if (matches(index, segment)) return {};
  return Error{ErrorCode::kMismatch, "segment " + std::to_string(index) + " is not what was signed"};
}

}  // namespace tenon::client
