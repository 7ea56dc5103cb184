#include <tenon/client/payload/block_decoder.h>
#include <tenon/client/updater/held_part.h>
#include <tenon/client/updater/local_payload_source.h>

#include <algorithm>

namespace tenon::client {
namespace {

Result<BlockMap> fetch_map(const PartReader& parts, const LocalContent& content) {
  const std::vector<std::uint64_t> offsets = content.index().record_offsets();
  Bytes records;
  records.reserve(static_cast<std::size_t>(content.missing_blocks() * kLocalRecordBytes));
  HeldPart part;
  std::size_t group = 0;
  for (const Stretch& stretch : content.record_stretches()) {
    TENON_TRY_VOID(part.fetch(parts, stretch.offset, stretch.bytes));
    for (; offsets[group] < stretch.offset + stretch.bytes; ++group) {
      if (content.place_of(group)) continue;
      const ByteView of_group = part.bytes().subspan(static_cast<std::size_t>(offsets[group] - stretch.offset),
                                                     static_cast<std::size_t>(offsets[group + 1] - offsets[group]));
      records.insert(records.end(), of_group.begin(), of_group.end());
    }
  }
  return BlockMap::make(content, records);
}

// FetchedBlocks decodes one block after the other, of those that are not held.
class FetchedBlocks {
 public:
  FetchedBlocks(const PartReader& parts, const BlockMap& map) : parts_(&parts), map_(&map) {}

  // read Pre: blocks are asked for in order.
  Result<void> read(std::uint64_t block, ByteView prefix, std::span<std::uint8_t> into) {
    const Stretch frame = map_->frame_of(block);
    if (frame.bytes == 0) return Error{ErrorCode::kParse, "block " + std::to_string(block) + " has no frame"};
    if (block >= run_.end) {
      run_ = map_->run_from(block);
      TENON_TRY_VOID(part_.fetch(*parts_, run_.stretch.offset, run_.stretch.bytes));
    }
    const ByteView packed = part_.bytes().subspan(static_cast<std::size_t>(frame.offset - run_.stretch.offset),
                                                  static_cast<std::size_t>(frame.bytes));
    return decoder_.decode(packed, prefix, into).with_context("block " + std::to_string(block));
  }

 private:
  const PartReader* parts_;
  const BlockMap* map_;
  BlockMap::Run run_;
  HeldPart part_;
  BlockDecoder decoder_;
};

Result<void> make_segment(std::uint64_t begin, std::span<std::uint8_t> segment, const BlockMap& map,
                          const ReadBase& slot, FetchedBlocks& fetched) {
  const std::uint64_t end_block = (begin + segment.size() + kLocalBlockBytes - 1) / kLocalBlockBytes;
  for (std::size_t at = 0; at < segment.size();) {
    const std::span<std::uint8_t> left = segment.subspan(at);
    const std::uint64_t block = (begin + at) / kLocalBlockBytes;
    std::size_t made = std::min(left.size(), kLocalBlockBytes);
    if (!map.holds(block)) {
      TENON_TRY_VOID(fetched.read(block, block_prefix(segment, at), left.first(made)));
    } else {
      const BlockMap::Held held = map.held_from(block, end_block);
      made = static_cast<std::size_t>(std::min<std::uint64_t>(left.size(), held.count * kLocalBlockBytes));
      if (held.zeros) {
        std::ranges::fill(left.first(made), std::uint8_t{0});
      } else {
        TENON_TRY_VOID(slot(held.place, left.first(made)));
      }
    }
    at += made;
  }
  return {};
}

}  // namespace

Result<void> read_local_payload(const PartReader& parts, const policies::Image& image, const LocalContent& content,
                                const ReadBase& slot, std::uint64_t first, const SegmentHandler& take) {
  const std::uint64_t length = content.index().offsets.back();
  if (parts.length() != length) {
    return Error{ErrorCode::kMismatch, "the local payload has " + std::to_string(parts.length()) +
                                           " bytes, its index speaks of " + std::to_string(length)};
  }
  TENON_TRY(const BlockMap map, fetch_map(parts, content));
  FetchedBlocks fetched(parts, map);
  Bytes segment;
  for (std::uint64_t index = first; index < image.segment_count(); ++index) {
    segment.resize(static_cast<std::size_t>(image.segment_length(index)));
    TENON_TRY_VOID(make_segment(index * image.segment_size, segment, map, slot, fetched));
    TENON_TRY_VOID(take(segment));
  }
  return {};
}

}  // namespace tenon::client
