#include <tenon/repo_tools/delta/block_index.h>
#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/workers.h>

#include <algorithm>
#include <cstring>

namespace tenon::repo_tools {
namespace {

constexpr std::uint64_t kBlocksPerTask = 4096;

}  // namespace

std::uint64_t BlockIndex::hash_of(ByteView block) {
  if (repo_tools::is_zero(block)) return kZeroBlock;
  // Four lanes, so that one multiplication need not wait for the one before.
  std::uint64_t lanes[4] = {1, 2, 3, 4};
  for (std::size_t at = 0; at < block.size(); at += 32) {
    for (std::size_t lane = 0; lane < 4; ++lane) {
      std::uint64_t word = 0;
      std::memcpy(&word, block.data() + at + 8 * lane, 8);
      lanes[lane] = (lanes[lane] ^ word) * 0xff51afd7ed558ccdU;
      lanes[lane] ^= lanes[lane] >> 32;
    }
  }
  std::uint64_t hash = 0x9e3779b97f4a7c15U;
  for (const std::uint64_t lane : lanes) {
    hash = (hash ^ lane) * 0xc4ceb9fe1a85ec53U;
    hash ^= hash >> 29;
  }
  return hash == kZeroBlock ? 1 : hash;
}

BlockIndex::BlockIndex(ByteView image, unsigned workers) : hashes_(image.size() / kMatchBlockSize) {
  const std::uint64_t tasks = (hashes_.size() + kBlocksPerTask - 1) / kBlocksPerTask;
  run_on_workers(tasks, workers, [&](std::size_t task) {
    const std::uint64_t end = std::min<std::uint64_t>(hashes_.size(), (task + 1) * kBlocksPerTask);
    for (std::uint64_t block = task * kBlocksPerTask; block < end; ++block) {
      hashes_[block] = hash_of(image.subspan(block * kMatchBlockSize, kMatchBlockSize));
    }
  });
  for (std::uint64_t block = 0; block < hashes_.size(); ++block) {
    if (!is_zero(block)) by_hash_.emplace_back(hashes_[block], static_cast<std::uint32_t>(block));
  }
  std::sort(by_hash_.begin(), by_hash_.end());
}

std::optional<std::uint64_t> BlockIndex::first_with(std::uint64_t hash) const {
  const auto found = std::lower_bound(by_hash_.begin(), by_hash_.end(), std::pair{hash, std::uint32_t{0}});
  if (found == by_hash_.end() || found->first != hash) return std::nullopt;
  return found->second;
}

}  // namespace tenon::repo_tools
