#include <tenon/client/payload/little_endian.h>
#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/checksum_rule.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

using client::le16;
using client::le32;

using client::Ext4Checksums;

// Whether an inode is nothing, or would be without its checksum.
bool is_nothing_else(ByteView inode) {
  for (std::size_t i = 0; i < inode.size(); ++i) {
    const bool of_checksum = (i >= Ext4Checksums::kLowHalfAt && i < Ext4Checksums::kLowHalfAt + 2) ||
                             (i >= Ext4Checksums::kHighHalfAt && i < Ext4Checksums::kHighHalfAt + 2);
    if (inode[i] != 0 && !of_checksum) return false;
  }
  return true;
}

bool is_right(const Ext4Checksums& checksums, ByteView inode, std::uint32_t number) {
  const std::uint32_t crc = checksums.for_inode(inode, number);
  return le16(inode, Ext4Checksums::kLowHalfAt) == (crc & 0xFFFF) &&
         (!Ext4Checksums::has_high_half(inode) || le16(inode, Ext4Checksums::kHighHalfAt) == crc >> 16);
}

void list_inodes(ByteView image, const Ext4Layout& ext4, const Ext4Checksums& checksums,
                 Ext4Checksums::Layout& layout) {
  for (const Ext4InodeTable& table : ext4.inode_tables()) {
    for (std::uint32_t i = 0; i < table.inode_count; ++i) {
      const std::uint64_t offset = table.offset + std::uint64_t{i} * ext4.inode_size();
      const ByteView inode = image.subspan(static_cast<std::size_t>(offset), ext4.inode_size());
      if (is_nothing_else(inode) || !is_right(checksums, inode, table.first_number + i)) {
        if (!is_zero(inode)) {
          layout.left_inodes.push_back(table.first_number + i);
        }
      }
    }
  }
}

void list_directories(ByteView image, const Ext4Layout& ext4, const Ext4Checksums& checksums,
                      Ext4Checksums::Layout& layout) {
  std::vector<Ext4DirectoryBlock> blocks = ext4.directory_blocks();
  std::ranges::sort(blocks, {}, &Ext4DirectoryBlock::offset);
  auto known = blocks.begin();
  const std::uint32_t size = ext4.block_size();
  for (std::uint64_t offset = 0; image.size() - offset >= size; offset += size) {
    const ByteView block = image.subspan(static_cast<std::size_t>(offset), size);
    const std::optional<std::uint32_t> told = Ext4Checksums::inode_of_first_block(block);
    const std::uint32_t held = le32(block, size - 4);
    while (known != blocks.end() && known->offset < offset) ++known;
    if (told && checksums.for_directory(block, *told, 0) == held) continue;  // a decoder finds it by itself
    const bool listed = known != blocks.end() && known->offset == offset && Ext4Checksums::ends_in_checksum(block) &&
                        checksums.for_directory(block, known->inode, known->generation) == held;
    if (listed) {
      layout.directories.push_back({offset, known->inode, known->generation});
    } else if (told) {
      layout.left_blocks.push_back(offset);
    }
  }
}

}  // namespace

std::optional<Ext4Checksums> checksum_rule(ByteView image, const Ext4Layout& ext4) {
  if (!ext4.has_checksums()) return std::nullopt;
  Ext4Checksums::Layout layout;
  layout.seed = ext4.written_checksum_seed().value_or(client::crc32c(0xFFFFFFFF, ext4.uuid()));
  layout.inode_size = ext4.inode_size();
  layout.block_size = ext4.block_size();
  for (const Ext4InodeTable& table : ext4.inode_tables()) {
    layout.tables.push_back({table.offset, table.inode_count, table.first_number});
  }
  std::ranges::sort(layout.tables, {}, &Ext4Checksums::InodeTable::offset);
  const Result<Ext4Checksums> checksums = Ext4Checksums::create(layout, image.size());
  if (!checksums) return std::nullopt;
  list_inodes(image, ext4, *checksums, layout);
  list_directories(image, ext4, *checksums, layout);
  Result<Ext4Checksums> rule = Ext4Checksums::create(std::move(layout), image.size());
  if (!rule) return std::nullopt;
  return *std::move(rule);
}

}  // namespace tenon::repo_tools
