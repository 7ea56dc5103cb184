// BlockIndex: what each 4 KiB block of an image holds, as a hash; finds equal blocks without a suffix array.
// A hash is a hint: whoever copies a block compares it.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace tenon::repo_tools {

inline constexpr std::uint64_t kMatchBlockSize = 4096;  // bytes; what file systems align to, nearly always

class BlockIndex {
 public:
  // BlockIndex hashes all whole blocks of the image, which it does not keep.
  BlockIndex(ByteView image, unsigned workers);

  std::uint64_t block_count() const { return hashes_.size(); }
  bool is_zero(std::uint64_t block) const { return hashes_[block] == kZeroBlock; }
  std::uint64_t hash(std::uint64_t block) const { return hashes_[block]; }
  // first_with is the first block of that hash.
  std::optional<std::uint64_t> first_with(std::uint64_t hash) const;

 private:
  static constexpr std::uint64_t kZeroBlock = 0;
  static std::uint64_t hash_of(ByteView block);

  std::vector<std::uint64_t> hashes_;
  std::vector<std::pair<std::uint64_t, std::uint32_t>> by_hash_;  // without zero blocks; sorted
};

}  // namespace tenon::repo_tools
