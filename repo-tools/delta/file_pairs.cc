#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/file_pairs.h>

#include <algorithm>
#include <cstdint>
#include <unordered_map>
#include <utility>

namespace tenon::repo_tools {
namespace {

// Measured on the images of tools/make-images.
constexpr std::size_t kThreshold = 8;
constexpr std::int32_t kLiteralPrice = 90;  // 1/16 bit

class Pairing {
 public:
  Pairing(ByteView base, const Ext4Layout& base_layout, ByteView image, const Ext4Layout& image_layout)
      : base_(base), base_layout_(base_layout), image_(image), image_layout_(image_layout) {
    for (const Ext4File& file : base_layout.files()) {
      by_path_.emplace(file.path_hash, &file);
      if (file.type == Ext4FileType::kRegular && !file.extents.empty()) by_family_.emplace(file.family_hash, &file);
    }
  }

  FilePairs run() {
    for (const Ext4File& file : image_layout_.files()) {
      const Ext4File* before = find_before(file);
      if (before == nullptr) continue;
      before_[file.inode] = before->inode;
      pair_content(*before, file);
    }
    pair_inode_tables();
    return std::move(pairs_);
  }

 private:
  const Ext4File* find_before(const Ext4File& file) const {
    if (const auto same = by_path_.find(file.path_hash); same != by_path_.end() && same->second->type == file.type) {
      return same->second;
    }
    const auto version = by_family_.find(file.family_hash);
    return file.type == Ext4FileType::kRegular && version != by_family_.end() ? version->second : nullptr;
  }

  void pair_content(const Ext4File& before, const Ext4File& file) {
    const std::size_t tree_blocks = std::min(before.tree_blocks.size(), file.tree_blocks.size());
    for (std::size_t i = 0; i < tree_blocks && base_layout_.block_size() == image_layout_.block_size(); ++i) {
      pairs_.pieces.push_back(
          {PieceKind::kAdd, file.tree_blocks[i], image_layout_.block_size(), before.tree_blocks[i]});
    }
    if (before.extents.empty() || file.extents.empty()) return;
    MatchJob job{RangedText(before.extents), RangedText(file.extents), kThreshold, kLiteralPrice};
    if (!same_content(job)) {
      pairs_.jobs.push_back(std::move(job));
      return;
    }
    place_piece(job.base, job.image, {PieceKind::kAdd, 0, job.image.size(), 0}, pairs_.pieces);
  }

  bool same_content(const MatchJob& job) const {
    if (job.base.size() != job.image.size()) return false;
    for (std::uint64_t at = 0; at < job.image.size();) {
      const ByteRange before = job.base.range_at(at);
      const ByteRange now = job.image.range_at(at);
      const std::uint64_t length = std::min(before.length, now.length);
      const ByteView a = base_.subspan(before.offset, length);
      const ByteView b = image_.subspan(now.offset, length);
      if (common_length(a, b) != length) return false;
      at += length;
    }
    return true;
  }

  // An inode resembles that of the same file before, or else the one of the same number.
  void pair_inode_tables() {
    const std::uint32_t size = image_layout_.inode_size();
    if (base_layout_.inode_size() != size) return;
    for (std::uint32_t number = 1; number != 0 && number <= image_layout_.inode_count(); ++number) {
      const std::uint64_t offset = image_layout_.inode_offset(number);
      if (is_zero(image_.subspan(offset, size))) {
        pairs_.pieces.push_back({PieceKind::kZero, offset, size, 0});
        continue;
      }
      const auto paired = before_.find(number);
      const std::uint32_t before = paired == before_.end() ? number : paired->second;
      if (before > base_layout_.inode_count()) continue;
      pairs_.pieces.push_back({PieceKind::kAdd, offset, size, base_layout_.inode_offset(before)});
    }
  }

  ByteView base_;
  const Ext4Layout& base_layout_;
  ByteView image_;
  const Ext4Layout& image_layout_;
  std::unordered_map<std::uint64_t, const Ext4File*> by_path_;
  std::unordered_map<std::uint64_t, const Ext4File*> by_family_;
  std::unordered_map<std::uint32_t, std::uint32_t> before_;  // inode of the image -> of the base
  FilePairs pairs_;
};

}  // namespace

FilePairs pair_files(ByteView base, const Ext4Layout& base_layout, ByteView image, const Ext4Layout& image_layout) {
  return Pairing(base, base_layout, image, image_layout).run();
}

}  // namespace tenon::repo_tools
