#include <tenon/client/payload/base_cache.h>

#include <algorithm>

namespace tenon::client {

Result<void> BaseCache::read_medium(std::uint64_t offset, std::span<std::uint8_t> into) {
  TENON_TRY_VOID(read_(offset, into));
  ++reads_.calls;
  if (offset != next_offset_) ++reads_.jumps;
  reads_.bytes += into.size();
  next_offset_ = offset + into.size();
  return {};
}

BaseCache::Block* BaseCache::find(std::uint64_t index) {
  const auto found =
      std::ranges::find_if(blocks_, [&](const Block& one) { return one.used > 0 && one.index == index; });
  return found == blocks_.end() ? nullptr : &*found;
}

Result<const BaseCache::Block*> BaseCache::block(std::uint64_t index) {
  Block* held = find(index);
  if (held == nullptr) {
    if (blocks_.size() < kBlocks) blocks_.emplace_back();
    held = blocks_.back().used == 0 ? &blocks_.back() : &*std::ranges::min_element(blocks_, {}, &Block::used);
    held->used = 0;
    const std::uint64_t offset = index * kBlockBytes;
    held->bytes.resize(static_cast<std::size_t>(std::min<std::uint64_t>(kBlockBytes, size_ - offset)));
    TENON_TRY_VOID(read_medium(offset, held->bytes));
    held->index = index;
  }
  held->used = ++clock_;
  return held;
}

// Whole blocks that are not held go straight to where they are wanted.
Result<void> BaseCache::read(std::uint64_t offset, std::span<std::uint8_t> into) {
  TENON_CHECK(offset <= size_ && into.size() <= size_ - offset);
  while (!into.empty()) {
    const std::uint64_t index = offset / kBlockBytes;
    const std::size_t begin = static_cast<std::size_t>(offset % kBlockBytes);
    std::size_t taken = std::min(into.size(), kBlockBytes - begin);
    if (begin == 0 && into.size() >= kBlockBytes && find(index) == nullptr) {
      std::uint64_t end = index + 1;
      while ((end + 1 - index) * kBlockBytes <= into.size() && find(end) == nullptr) ++end;
      taken = static_cast<std::size_t>((end - index) * kBlockBytes);
      TENON_TRY_VOID(read_medium(offset, into.first(taken)));
    } else {
      TENON_TRY(const Block* const held, block(index));
      std::copy_n(held->bytes.begin() + static_cast<std::ptrdiff_t>(begin), taken, into.begin());
    }
    into = into.subspan(taken);
    offset += taken;
  }
  return {};
}

}  // namespace tenon::client
