#include <tenon/client/updater/local_content.h>
#include <tenon/client/writing/segment_buffer.h>

#include <algorithm>
#include <numeric>

namespace tenon::client {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;
constexpr std::uint64_t kMostBetween = 4096;  // bytes that are fetched for nothing, so that there are fewer requests
constexpr std::uint32_t kNowhere = UINT32_MAX;
constexpr std::uint64_t kMostBlocks = LocalContent::BlockRun::kZeros;  // of a slot that are looked at: 16 TiB

}  // namespace

LocalContent LocalContent::look(LocalIndex index, Slot& slot, Reporter& reporter) {
  LocalContent content(std::move(index));
  content.find_blocks(slot, reporter);
  return content;
}

void LocalContent::find_blocks(Slot& slot, Reporter& reporter) {
  const std::vector<std::uint64_t>& hashes = index_.hashes;
  std::vector<std::uint32_t> by_hash(hashes.size());
  std::iota(by_hash.begin(), by_hash.end(), 0u);
  std::ranges::sort(by_hash, {}, [&](std::uint32_t block) { return hashes[block]; });

  places_.assign(hashes.size(), kNowhere);
  for (std::size_t block = 0; block < hashes.size(); ++block) {
    if (hashes[block] == LocalIndex::kZeros) places_[block] = BlockRun::kZeros;
  }
  SegmentBuffer buffer(kPieceBytes);
  const std::uint64_t end = std::min(slot.size() / LocalIndex::kBlockBytes, kMostBlocks) * LocalIndex::kBlockBytes;
  for (std::uint64_t offset = 0; offset < end; offset += kPieceBytes) {
    const auto piece = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, end - offset)));
    reporter.progress("look", offset + piece.size(), end);
    if (!slot.read_at(offset, piece)) continue;
    for (std::size_t at = 0; at < piece.size(); at += LocalIndex::kBlockBytes) {
      const std::uint64_t hash = LocalIndex::hash_of(piece.subspan(at, LocalIndex::kBlockBytes));
      if (hash == LocalIndex::kZeros) continue;
      const auto place = static_cast<std::uint32_t>((offset + at) / LocalIndex::kBlockBytes);
      auto found = std::ranges::lower_bound(by_hash, hash, {}, [&](std::uint32_t block) { return hashes[block]; });
      for (; found != by_hash.end() && hashes[*found] == hash && places_[*found] == kNowhere; ++found) {
        places_[*found] = place;
      }
    }
  }
}

std::uint64_t LocalContent::memory_bytes(const policies::Image& image) {
  const std::uint64_t tables =
      LocalIndex::block_count(image.size) * (sizeof(std::uint64_t) + 2 * sizeof(std::uint32_t)) +
      LocalIndex::frame_count(image.size) * sizeof(std::uint64_t);
  return tables + 2 * LocalIndex::max_bytes(image.size) + kPieceBytes + kMostAtOnce +
         std::min(image.segment_size, image.size);
}

bool LocalContent::holds(std::uint64_t frame) const {
  const auto begin = places_.begin() + static_cast<std::ptrdiff_t>(frame * LocalIndex::kFrameBlocks);
  const auto blocks = std::min<std::ptrdiff_t>(LocalIndex::kFrameBlocks, places_.end() - begin);
  return std::none_of(begin, begin + blocks, [](std::uint32_t place) { return place == kNowhere; });
}

LocalContent::FrameRun LocalContent::run_from(std::uint64_t frame) const {
  const std::vector<std::uint64_t>& offsets = index_.offsets;
  FrameRun run{frame, frame + 1, offsets[frame], 0};
  for (std::uint64_t next = run.end; next < frame_count() && offsets[next + 1] - run.offset <= kMostAtOnce; ++next) {
    if (!holds(next)) {
      run.end = next + 1;
    } else if (offsets[next + 1] - offsets[run.end] > kMostBetween) {
      break;
    }
  }
  run.bytes = offsets[run.end] - run.offset;
  return run;
}

std::uint64_t LocalContent::fetch_bytes(std::uint64_t frame) const {
  std::uint64_t bytes = 0;
  while (frame < frame_count()) {
    if (holds(frame)) {
      ++frame;
      continue;
    }
    const FrameRun run = run_from(frame);
    bytes += run.bytes;
    frame = run.end;
  }
  return bytes;
}

LocalContent::BlockRun LocalContent::blocks_from(std::uint64_t block, std::uint64_t end) const {
  BlockRun run{places_[block], 1};
  for (std::uint64_t next = block + 1; next < end; ++next, ++run.count) {
    if (next % LocalIndex::kFrameBlocks == 0 && !holds(next / LocalIndex::kFrameBlocks)) break;
    const bool follows =
        run.block == BlockRun::kZeros ? places_[next] == BlockRun::kZeros : places_[next] == run.block + run.count;
    if (!follows) break;
  }
  return run;
}

}  // namespace tenon::client
