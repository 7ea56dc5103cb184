// Ext4Layout: where an ext4 image keeps what: the extents of its files, its inode tables, the blocks of its directories.
// Promises: reads any bytes whatsoever, in time and memory that grow with the image linearly. All that it names lies inside
// the image, and no two of its extents, inode tables and extent tree blocks overlap. An image that is odd in any way has no
// layout: then it is bytes and no more.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/byte_range.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tenon::repo_tools {

enum class Ext4FileType : std::uint8_t { kRegular, kDirectory, kOther };

struct Ext4File {
  std::uint32_t inode = 0;
  Ext4FileType type = Ext4FileType::kOther;
  std::uint64_t path_hash = 0;    // equal for equal paths
  std::uint64_t family_hash = 0;  // equal for paths that differ in digits, dots and hyphens alone: versions of a file
  ByteRanges extents;             // in the order of the content; whole blocks
  std::vector<std::uint64_t> tree_blocks;  // offsets of the blocks that hold extents which do not fit the inode
};

struct Ext4InodeTable {
  std::uint64_t offset = 0;        // bytes
  std::uint32_t inode_count = 0;   // side by side, inode_size bytes each
  std::uint32_t first_number = 0;  // of the first inode
};

struct Ext4DirectoryBlock {
  std::uint64_t offset = 0;
  std::uint32_t inode = 0;
  std::uint32_t generation = 0;  // of that inode
};

class Ext4Layout {
 public:
  // read gives the layout of an image, or nothing where there is none that can be relied on.
  static std::optional<Ext4Layout> read(ByteView image);

  std::uint32_t block_size() const { return block_size_; }
  std::uint32_t inode_size() const { return inode_size_; }

  // has_checksums says whether the metadata carries crc32c sums. What each begins with is the checksum seed: written in
  // the superblock, or else the crc32c of the uuid.
  bool has_checksums() const { return has_checksums_; }
  const std::array<std::uint8_t, 16>& uuid() const { return uuid_; }
  std::optional<std::uint32_t> written_checksum_seed() const { return written_checksum_seed_; }

  const std::vector<Ext4InodeTable>& inode_tables() const { return inode_tables_; }  // one a group, by number
  // files are those that a directory names, each inode once, under the first name it is met by.
  const std::vector<Ext4File>& files() const { return files_; }
  const std::vector<Ext4DirectoryBlock>& directory_blocks() const { return directory_blocks_; }

  std::uint32_t inode_count() const { return inodes_per_group_ * static_cast<std::uint32_t>(inode_tables_.size()); }
  // inode_offset is where an inode lies. Pre: 1 <= number <= inode_count().
  std::uint64_t inode_offset(std::uint32_t number) const;

 private:
  friend class Ext4Reader;
  Ext4Layout() = default;

  std::uint32_t block_size_ = 0;
  std::uint32_t inode_size_ = 0;
  std::uint32_t inodes_per_group_ = 0;
  bool has_checksums_ = false;
  std::array<std::uint8_t, 16> uuid_ = {};
  std::optional<std::uint32_t> written_checksum_seed_;
  std::vector<Ext4InodeTable> inode_tables_;
  std::vector<Ext4File> files_;
  std::vector<Ext4DirectoryBlock> directory_blocks_;
};

}  // namespace tenon::repo_tools
