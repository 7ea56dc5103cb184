// Local payloads: whatever an index and records say, groups lie inside the image and apart, what is held lies inside the slot, what
// is fetched lies inside the payload, every block is either held or in one run, and an index that is read is written as it was.
//
// Input: two bytes for the image's size, two for the length of the index's body, the body, the records. The slot is always the same.
#include <tenon/client/payload/local_content.h>
#include <tenon/metadata/check.h>

#include <algorithm>

#include <zstd.h>

using tenon::Bytes;
using tenon::ByteView;
using tenon::Result;
using tenon::client::BlockGroup;
using tenon::client::BlockMap;
using tenon::client::kLocalBlockBytes;
using tenon::client::LocalContent;
using tenon::client::LocalIndex;

namespace {

constexpr std::size_t kSlotBlocks = 96;

// Block i is i, over and over; every eighth is zeros.
Result<void> read_slot(std::uint64_t offset, std::span<std::uint8_t> into) {
  TENON_CHECK(offset + into.size() <= kSlotBlocks * kLocalBlockBytes);
  for (std::uint8_t& byte : into) {
    const std::uint64_t block = offset++ / kLocalBlockBytes;
    byte = static_cast<std::uint8_t>(block % 8 == 0 ? 0 : block);
  }
  return {};
}

Bytes index_file(ByteView body) {
  Bytes file = {'T', 'E', 'N', 'O', 'N', 'I', 'X', 1};
  for (std::size_t i = 0; i < 4; ++i) file.push_back(static_cast<std::uint8_t>(body.size() >> 8 * i));
  const std::size_t start = file.size();
  file.resize(start + ZSTD_compressBound(body.size()));
  file.resize(start + ZSTD_compress(file.data() + start, file.size() - start, body.data(), body.size(), 1));
  return file;
}

void check_index(const LocalIndex& index, std::uint64_t image_size) {
  std::uint64_t next = 0;
  for (const BlockGroup& group : index.groups) {
    TENON_CHECK(group.first >= next && group.count >= 1 && group.count <= 64);
    next = group.first + group.count;
  }
  TENON_CHECK(next <= tenon::client::local_block_count(image_size));
  TENON_CHECK(index.offsets.size() == index.groups.size() + 1 && std::ranges::is_sorted(index.offsets));
  TENON_CHECK(index.offsets.front() == index.record_offsets().back());
  const auto again = LocalIndex::read(index.to_bytes(), image_size);
  TENON_CHECK(again && again->groups == index.groups && again->offsets == index.offsets);
}

void check_map(const BlockMap& map, const LocalIndex& index) {
  for (std::uint64_t block = 0; block < map.block_count();) {
    if (!map.holds(block)) {
      const BlockMap::Run run = map.run_from(block);
      TENON_CHECK(run.end > block && run.end <= map.block_count());
      TENON_CHECK(run.stretch.offset >= index.offsets.front());
      TENON_CHECK(run.stretch.offset + run.stretch.bytes <= index.offsets.back());
      for (; block < run.end; ++block) {
        if (map.holds(block)) continue;
        const auto frame = map.frame_of(block);
        TENON_CHECK(frame.offset >= run.stretch.offset &&
                    frame.offset + frame.bytes <= run.stretch.offset + run.stretch.bytes);
      }
      continue;
    }
    const BlockMap::Held held = map.held_from(block, map.block_count());
    TENON_CHECK(held.count > 0 && held.count <= map.block_count() - block);
    TENON_CHECK(held.zeros || held.place + held.count * kLocalBlockBytes <= kSlotBlocks * kLocalBlockBytes);
    block += held.count;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 4) return 0;
  const std::uint64_t image_size = 1 + (std::uint64_t{data[0]} << 8 | data[1]) * 64;
  const std::size_t body_length = std::min<std::size_t>(std::size_t{data[2]} << 8 | data[3], size - 4);
  const ByteView body(data + 4, body_length);
  const auto index = LocalIndex::read(index_file(body), image_size);
  if (!index) return 0;
  check_index(*index, image_size);
  const LocalContent content =
      LocalContent::look(*index, kSlotBlocks * kLocalBlockBytes, read_slot, [](std::uint64_t) {});
  for (const auto& stretch : content.record_stretches()) {
    TENON_CHECK(stretch.bytes > 0 && stretch.offset + stretch.bytes <= index->offsets.front());
  }
  const auto map = BlockMap::make(content, ByteView(data, size).subspan(4 + body_length));
  if (map) check_map(*map, *index);
  return 0;
}
