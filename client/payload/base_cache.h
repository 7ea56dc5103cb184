// BaseCache: reads the base of a delta, whose pieces take it here and there and often a few bytes at a time, so that the
// medium is read in whole blocks and mostly forward. Thread: one.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tenon::client {

// ReadBase fills the span from the base. Errors: E_STORAGE.
using ReadBase = std::function<Result<void>(std::uint64_t offset, std::span<std::uint8_t> into)>;

class BaseCache {
 public:
  static constexpr std::size_t kBlockBytes = 16u << 10;
  static constexpr std::size_t kBlocks = 64;
  static constexpr std::size_t kBytes = kBlockBytes * kBlocks;

  // size: of the base, bytes; nothing is read beyond it.
  BaseCache(ReadBase read, std::uint64_t size) : read_(std::move(read)), size_(size) {}

  // read Pre: the range is inside the base. Errors: what the reader returned.
  Result<void> read(std::uint64_t offset, std::span<std::uint8_t> into);

  // How the medium was read: calls, those of them that did not go on where the one before ended, bytes.
  struct Reads {
    std::uint64_t calls = 0;
    std::uint64_t jumps = 0;
    std::uint64_t bytes = 0;
  };
  const Reads& reads() const { return reads_; }

 private:
  struct Block {
    std::uint64_t index = 0;
    std::uint64_t used = 0;  // by the clock below; 0: holds nothing
    Bytes bytes;
  };
  Result<const Block*> block(std::uint64_t index);
  Block* find(std::uint64_t index);
  Result<void> read_medium(std::uint64_t offset, std::span<std::uint8_t> into);

  ReadBase read_;
  std::uint64_t size_;
  std::vector<Block> blocks_;
  std::uint64_t clock_ = 0;
  std::uint64_t next_offset_ = 0;
  Reads reads_;
};

}  // namespace tenon::client
