#include <tenon/client/payload/frame_decoder.h>
#include <tenon/client/updater/held_part.h>
#include <tenon/client/updater/local_payload_source.h>

#include <algorithm>

namespace tenon::client {
namespace {

// FetchedFrames gives one frame after the other, of those that are not held.
class FetchedFrames {
 public:
  FetchedFrames(const PartReader& parts, const LocalContent& content) : parts_(&parts), content_(&content) {}

  // read Pre: frames are asked for in order.
  Result<void> read(std::uint64_t frame, std::span<std::uint8_t> into) {
    if (frame >= run_.end) {
      run_ = content_->run_from(frame);
      TENON_TRY_VOID(part_.fetch(*parts_, run_.offset, run_.bytes));
    }
    const std::uint64_t offset = content_->frame_offset(frame);
    const ByteView packed = part_.bytes().subspan(static_cast<std::size_t>(offset - run_.offset),
                                                  static_cast<std::size_t>(content_->frame_offset(frame + 1) - offset));
    return decoder_.decode(packed, into).with_context("block " + std::to_string(frame * LocalIndex::kFrameBlocks));
  }

 private:
  const PartReader* parts_;
  const LocalContent* content_;
  FrameDecoder decoder_;
  LocalContent::FrameRun run_;
  HeldPart part_;
};

}  // namespace

Result<void> read_local_payload(const PartReader& parts, const policies::Image& image, const LocalContent& content,
                                const ReadBase& slot, std::uint64_t first, const SegmentHandler& take) {
  if (parts.length() != content.payload_bytes()) {
    return Error{ErrorCode::kMismatch, "the frames of the local payload are " + std::to_string(parts.length()) +
                                           " bytes, its index speaks of " + std::to_string(content.payload_bytes())};
  }
  FetchedFrames frames(parts, content);
  Bytes segment;
  for (std::uint64_t index = first; index < image.segment_count(); ++index) {
    segment.resize(static_cast<std::size_t>(image.segment_length(index)));
    const std::uint64_t begin = index * image.segment_size;
    const std::uint64_t end_block = (begin + segment.size() + LocalIndex::kBlockBytes - 1) / LocalIndex::kBlockBytes;
    for (std::size_t at = 0; at < segment.size();) {
      const std::span<std::uint8_t> left = std::span(segment).subspan(at);
      const std::uint64_t block = (begin + at) / LocalIndex::kBlockBytes;
      const std::uint64_t frame = block / LocalIndex::kFrameBlocks;
      std::size_t made = std::min(left.size(), LocalIndex::kFrameBytes);
      if (!content.holds(frame)) {
        TENON_TRY_VOID(frames.read(frame, left.first(made)));
      } else {
        const LocalContent::BlockRun run = content.blocks_from(block, end_block);
        made = static_cast<std::size_t>(std::min<std::uint64_t>(left.size(), run.count * LocalIndex::kBlockBytes));
        if (run.block == LocalContent::BlockRun::kZeros) {
          std::ranges::fill(left.first(made), std::uint8_t{0});
        } else {
          TENON_TRY_VOID(slot(std::uint64_t{run.block} * LocalIndex::kBlockBytes, left.first(made)));
        }
      }
      at += made;
    }
    TENON_TRY_VOID(take(segment));
  }
  return {};
}

}  // namespace tenon::client
