// Ext4Checksums: in an ext4 with metadata checksums each inode and each directory block ends in a CRC-32C over itself. Where
// files moved, nearly all of them are new, and no coder can make them smaller. So a delta says where they lie, and who
// applies it computes them. Thread: immutable.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace tenon::client {

class Ext4Checksums {
 public:
  // A run of inodes of one block group.
  struct InodeTable {
    std::uint64_t offset = 0;  // bytes, in the image; a multiple of the inode size
    std::uint64_t count = 0;   // inodes
    std::uint32_t first = 1;   // the number of the first one
  };
  // A directory block whose inode cannot be told from its content.
  struct DirectoryBlock {
    std::uint64_t offset = 0;  // bytes, in the image; a multiple of the block size
    std::uint32_t inode = 0;
    std::uint32_t generation = 0;
  };
  struct Layout {
    std::uint32_t seed = 0;
    std::uint32_t inode_size = 256;                // bytes, a power of two from 128 to 4096
    std::uint32_t block_size = 4096;               // bytes, a power of two from 1024 to 65536
    std::vector<InodeTable> tables = {};           // by offset
    std::vector<std::uint32_t> left_inodes = {};   // rising: those whose checksum stays as it is
    std::vector<DirectoryBlock> directories = {};  // by offset
    std::vector<std::uint64_t> left_blocks =
        {};  // rising, offsets: those that look like a directory's and stay as they are
  };

  // create Errors: E_PARSE for a layout that is not as its members say, or not inside the image.
  static Result<Ext4Checksums> create(Layout layout, std::uint64_t image_size);
  const Layout& layout() const { return layout_; }

  // apply computes the checksums inside a part of the image. Pre: offset and the length of all parts but the last are
  // multiples of 65536.
  void apply(std::uint64_t offset, std::span<std::uint8_t> part) const;

  // for_inode Pre: the inode has the inode size.
  std::uint32_t for_inode(ByteView inode, std::uint32_t number) const;
  // for_directory Pre: the block has the block size.
  std::uint32_t for_directory(ByteView block, std::uint32_t inode, std::uint32_t generation) const;

  // Where in an inode the checksum lies; the upper half only where the inode has room for it.
  static constexpr std::size_t kLowHalfAt = 124;
  static constexpr std::size_t kHighHalfAt = 130;
  static bool has_high_half(ByteView inode);
  // inode_of_first_block gives the inode of a block that looks like the first one of a directory.
  static std::optional<std::uint32_t> inode_of_first_block(ByteView block);
  // ends_in_checksum says whether a block ends as blocks of directories do.
  static bool ends_in_checksum(ByteView block);

 private:
  explicit Ext4Checksums(Layout layout) : layout_(std::move(layout)) {}
  void apply_to_inodes(std::uint64_t offset, std::span<std::uint8_t> part) const;
  void apply_to_directories(std::uint64_t offset, std::span<std::uint8_t> part) const;

  Layout layout_;
};

// crc32c goes on with a CRC-32C (Castagnoli, reflected), without the inversions at both ends, as ext4 uses it.
std::uint32_t crc32c(std::uint32_t crc, ByteView data);

}  // namespace tenon::client
