#include <tenon/client/payload/local_content.h>

#include <algorithm>
#include <numeric>
#include <utility>

namespace tenon::client {
namespace {

constexpr std::size_t kPieceBytes = 1u << 20;
// What is fetched for nothing between two parts, so that there are fewer requests.
constexpr std::uint64_t kMostBetweenRecords = 512;
constexpr std::uint64_t kMostBetweenFrames = 4096;
constexpr std::uint64_t kMostBlocks = UINT32_MAX - 1;  // of a slot that are looked at: 16 TiB

std::vector<std::uint64_t> hashes_of(std::uint64_t slot_size, const ReadBase& slot,
                                     const LocalContent::Looked& looked) {
  std::vector<std::uint64_t> hashes;
  const std::uint64_t end = std::min(slot_size / kLocalBlockBytes, kMostBlocks) * kLocalBlockBytes;
  hashes.reserve(static_cast<std::size_t>(end / kLocalBlockBytes));
  Bytes buffer(kPieceBytes);
  for (std::uint64_t offset = 0; offset < end; offset += kPieceBytes) {
    const auto piece =
        std::span(buffer).first(static_cast<std::size_t>(std::min<std::uint64_t>(kPieceBytes, end - offset)));
    if (!slot(offset, piece)) std::ranges::fill(piece, std::uint8_t{0});
    for (std::size_t at = 0; at < piece.size(); at += kLocalBlockBytes) {
      hashes.push_back(short_hash(piece.subspan(at, kLocalBlockBytes)));
    }
    looked(offset + piece.size());
  }
  return hashes;
}

// The numbers 0 to count - 1, ordered by what `key` says of them.
template <class Key>
std::vector<std::uint32_t> ordered(std::size_t count, Key key) {
  std::vector<std::uint32_t> order(count);
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::sort(order, {}, key);
  return order;
}

}  // namespace

LocalContent LocalContent::look(LocalIndex index, std::uint64_t slot_size, const ReadBase& slot, const Looked& looked) {
  LocalContent content(std::move(index));
  content.find(hashes_of(slot_size, slot, looked));
  return content;
}

void LocalContent::find(std::vector<std::uint64_t> slot_hashes) {
  slot_hashes_ = std::move(slot_hashes);
  slot_by_hash_ = ordered(slot_hashes_.size(), [this](std::uint32_t block) { return slot_hashes_[block]; });
  const std::vector<BlockGroup>& wanted = index_.groups;
  const auto key_of = [&](std::uint32_t group) { return std::pair(wanted[group].hash, wanted[group].count); };
  const std::vector<std::uint32_t> by_key = ordered(wanted.size(), key_of);
  places_.assign(wanted.size(), kNowhere);
  cut_groups(slot_hashes_, [&](const BlockGroup& there) {
    const std::pair key(there.hash, there.count);
    auto found = std::ranges::lower_bound(by_key, key, {}, key_of);
    for (; found != by_key.end() && key_of(*found) == key && places_[*found] == kNowhere; ++found) {
      places_[*found] = static_cast<std::uint32_t>(there.first);
    }
  });
}

std::uint64_t LocalContent::memory_bytes(std::uint64_t image_size, std::uint64_t segment_size,
                                         std::uint64_t slot_size) {
  const std::uint64_t tables =
      slot_size / kLocalBlockBytes * (sizeof(std::uint64_t) + sizeof(std::uint32_t)) +
      local_block_count(image_size) * (sizeof(std::uint64_t) + sizeof(std::uint32_t) + kLocalRecordBytes) +
      LocalIndex::max_groups(image_size) * (sizeof(BlockGroup) + 2 * sizeof(std::uint64_t) + 2 * sizeof(std::uint32_t));
  return tables + 2 * LocalIndex::max_bytes(image_size) + kPieceBytes + Stretch::kMostAtOnce +
         std::min(segment_size, image_size);
}

std::optional<std::uint64_t> LocalContent::place_of(std::size_t group) const {
  return places_[group] == kNowhere ? std::nullopt : std::optional<std::uint64_t>(places_[group]);
}

std::optional<std::uint64_t> LocalContent::place_of_block(std::uint64_t hash) const {
  const auto hash_of = [this](std::uint32_t block) { return slot_hashes_[block]; };
  const auto found = std::ranges::lower_bound(slot_by_hash_, hash, {}, hash_of);
  if (found == slot_by_hash_.end() || hash_of(*found) != hash) return std::nullopt;
  return *found;
}

std::uint64_t LocalContent::missing_blocks() const {
  std::uint64_t blocks = 0;
  for (std::size_t group = 0; group < places_.size(); ++group) {
    if (places_[group] == kNowhere) blocks += index_.groups[group].count;
  }
  return blocks;
}

std::vector<Stretch> LocalContent::record_stretches() const {
  const std::vector<std::uint64_t> offsets = index_.record_offsets();
  std::vector<Stretch> stretches;
  for (std::size_t group = 0; group < places_.size(); ++group) {
    if (places_[group] != kNowhere) continue;
    const std::uint64_t end = offsets[group + 1];
    const bool joins = !stretches.empty() &&
                       offsets[group] - (stretches.back().offset + stretches.back().bytes) <= kMostBetweenRecords &&
                       end - stretches.back().offset <= Stretch::kMostAtOnce;
    if (joins) {
      stretches.back().bytes = end - stretches.back().offset;
    } else {
      stretches.push_back({offsets[group], end - offsets[group]});
    }
  }
  return stretches;
}

std::uint64_t LocalContent::fetch_bytes() const {
  std::uint64_t bytes = 0;
  for (const Stretch& stretch : record_stretches()) bytes += stretch.bytes;
  for (std::size_t group = 0; group < places_.size(); ++group) {
    if (places_[group] == kNowhere) bytes += index_.offsets[group + 1] - index_.offsets[group];
  }
  return bytes;
}

Result<BlockMap> BlockMap::make(const LocalContent& content, ByteView records) {
  const LocalIndex& index = content.index();
  BlockMap map;
  map.places_.assign(static_cast<std::size_t>(local_block_count(index.image_size)), kZeros);
  map.offsets_.assign(map.places_.size() + 1, index.offsets.front());
  std::size_t next = 0;  // block of which the offset is not known yet
  const auto pass_to = [&](std::uint64_t block, std::uint64_t offset) {
    for (; next <= block; ++next) map.offsets_[next] = offset;
  };
  for (std::size_t i = 0; i < index.groups.size(); ++i) {
    const BlockGroup& group = index.groups[i];
    const std::optional<std::uint64_t> place = content.place_of(i);
    std::uint64_t offset = index.offsets[i];
    pass_to(group.first, offset);
    for (std::uint64_t block = group.first; block < group.first + group.count; ++block) {
      if (place) {
        map.places_[block] = static_cast<std::uint32_t>(*place + (block - group.first));
        offset = index.offsets[i + 1];
      } else {
        if (records.size() < kLocalRecordBytes)
          return Error{ErrorCode::kParse, "records of the local payload are missing"};
        const LocalRecord record = read_local_record(records);
        records = records.subspan(kLocalRecordBytes);
        map.places_[block] = static_cast<std::uint32_t>(content.place_of_block(record.hash).value_or(kNowhere));
        offset += record.frame_bytes;
        if (record.frame_bytes > kMaxLocalFrameBytes || offset > index.offsets[i + 1]) {
          return Error{ErrorCode::kParse, "a frame of the local payload is longer than its group"};
        }
      }
      pass_to(block + 1, offset);
    }
    if (offset != index.offsets[i + 1]) {
      return Error{ErrorCode::kParse, "the frames of the local payload do not fill their group"};
    }
  }
  pass_to(map.places_.size(), index.offsets.back());
  return map;
}

BlockMap::Held BlockMap::held_from(std::uint64_t block, std::uint64_t end) const {
  const std::uint32_t place = places_[block];
  const bool zeros = place == kZeros;
  std::uint64_t next = block + 1;
  while (next < end && places_[next] == (zeros ? kZeros : place + (next - block))) ++next;
  return {zeros ? 0 : std::uint64_t{place} * kLocalBlockBytes, next - block, zeros};
}

BlockMap::Run BlockMap::run_from(std::uint64_t block) const {
  Run run{block + 1, frame_of(block)};
  for (std::uint64_t next = run.end; next < block_count(); ++next) {
    const std::uint64_t end = offsets_[next + 1];
    if (end - run.stretch.offset > Stretch::kMostAtOnce) break;
    if (!holds(next)) {
      run.end = next + 1;
    } else if (end - offsets_[run.end] > kMostBetweenFrames) {
      break;
    }
  }
  run.stretch.bytes = offsets_[run.end] - run.stretch.offset;
  return run;
}

std::vector<BlockMap::Run> BlockMap::all_runs() const {
  std::vector<Run> runs;
  for (std::uint64_t block = 0; block < block_count();) {
    if (holds(block)) {
      ++block;
      continue;
    }
    runs.push_back(run_from(block));
    block = runs.back().end;
  }
  return runs;
}

}  // namespace tenon::client
