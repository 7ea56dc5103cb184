#include <tenon/client/payload/ext4_checksums.h>
#include <tenon/client/payload/little_endian.h>

#include <algorithm>
#include <array>
#include <bit>

namespace tenon::client {
namespace {

constexpr std::uint64_t kMaxInode = 0xFFFFFFFF;
constexpr std::size_t kGenerationAt = 100;  // in an inode: i_generation
constexpr std::size_t kExtraSizeAt = 128;   // in an inode: i_extra_isize
constexpr std::uint32_t kHighHalfEnds = 4;  // the least i_extra_isize that covers i_checksum_hi
constexpr std::size_t kSmallInode = 128;    // bytes; such an inode has no second part
constexpr std::size_t kTailBytes = 12;      // struct ext4_dir_entry_tail

constexpr std::array<std::uint32_t, 256> kCrcTable = [] {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < 256; ++i) {
    std::uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? 0x82F63B78u ^ crc >> 1 : crc >> 1;
    table[i] = crc;
  }
  return table;
}();

bool is_zero(ByteView bytes) {
  return std::ranges::all_of(bytes, [](std::uint8_t byte) { return byte == 0; });
}

Error wrong(const std::string& what) {
  return Error{ErrorCode::kParse, "checksums of ext4: " + what};
}

bool is_size(std::uint32_t size, std::uint32_t least, std::uint32_t most) {
  return std::has_single_bit(size) && size >= least && size <= most;
}

}  // namespace

std::uint32_t crc32c(std::uint32_t crc, ByteView data) {
  for (const std::uint8_t byte : data) crc = kCrcTable[(crc ^ byte) & 0xFF] ^ crc >> 8;
  return crc;
}

Result<Ext4Checksums> Ext4Checksums::create(Layout layout, std::uint64_t image_size) {
  if (!is_size(layout.inode_size, 128, 4096) || !is_size(layout.block_size, 1024, 65536)) {
    return wrong("inodes of " + std::to_string(layout.inode_size) + " bytes in blocks of " +
                 std::to_string(layout.block_size));
  }
  std::uint64_t end = 0;
  for (const InodeTable& table : layout.tables) {
    const bool inside = table.offset >= end && table.offset <= image_size &&
                        table.count <= (image_size - table.offset) / layout.inode_size;
    if (!inside || table.offset % layout.inode_size != 0 || table.first == 0 || table.count > kMaxInode - table.first) {
      return wrong("an inode table at byte " + std::to_string(table.offset));
    }
    end = table.offset + table.count * layout.inode_size;
  }
  std::uint64_t least = 0;
  for (const DirectoryBlock& block : layout.directories) {
    if (block.offset < least || block.offset % layout.block_size != 0 || block.offset >= image_size ||
        image_size - block.offset < layout.block_size) {
      return wrong("a directory at byte " + std::to_string(block.offset));
    }
    least = block.offset + layout.block_size;
  }
  if (!std::ranges::is_sorted(layout.left_inodes) || !std::ranges::is_sorted(layout.left_blocks)) {
    return wrong("what stays is not in order");
  }
  return Ext4Checksums(std::move(layout));
}

bool Ext4Checksums::has_high_half(ByteView inode) {
  return inode.size() > kSmallInode && le16(inode, kExtraSizeAt) >= kHighHalfEnds;
}

// Both halves count as zero.
std::uint32_t Ext4Checksums::for_inode(ByteView inode, std::uint32_t number) const {
  constexpr std::array<std::uint8_t, 2> kNothing{};
  std::uint32_t crc = crc32c(layout_.seed, to_le32(number));
  crc = crc32c(crc, inode.subspan(kGenerationAt, 4));
  crc = crc32c(crc, inode.first(kLowHalfAt));
  crc = crc32c(crc, kNothing);
  if (!has_high_half(inode)) return crc32c(crc, inode.subspan(kLowHalfAt + 2));
  crc = crc32c(crc, inode.subspan(kLowHalfAt + 2, kHighHalfAt - kLowHalfAt - 2));
  crc = crc32c(crc, kNothing);
  return crc32c(crc, inode.subspan(kHighHalfAt + 2));
}

std::uint32_t Ext4Checksums::for_directory(ByteView block, std::uint32_t inode, std::uint32_t generation) const {
  std::uint32_t crc = crc32c(layout_.seed, to_le32(inode));
  crc = crc32c(crc, to_le32(generation));
  return crc32c(crc, block.first(block.size() - kTailBytes));
}

bool Ext4Checksums::ends_in_checksum(ByteView block) {
  constexpr std::array<std::uint8_t, 8> kTail = {0, 0, 0, 0, kTailBytes, 0, 0, 0xDE};
  return std::ranges::equal(block.last(kTailBytes).first(kTail.size()), kTail);
}

std::optional<std::uint32_t> Ext4Checksums::inode_of_first_block(ByteView block) {
  constexpr std::array<std::uint8_t, 5> kDot = {12, 0, 1, 2, '.'};  // of 12 bytes, a name of 1, a directory
  const std::uint32_t inode = le32(block, 0);
  if (inode == 0 || !std::ranges::equal(block.subspan(4, kDot.size()), kDot) || !ends_in_checksum(block)) {
    return std::nullopt;
  }
  return inode;
}

void Ext4Checksums::apply(std::uint64_t offset, std::span<std::uint8_t> part) const {
  apply_to_inodes(offset, part);
  apply_to_directories(offset, part);
}

void Ext4Checksums::apply_to_inodes(std::uint64_t offset, std::span<std::uint8_t> part) const {
  const std::uint64_t size = layout_.inode_size;
  for (const InodeTable& table : layout_.tables) {
    const std::uint64_t begin = std::max(table.offset, offset);
    const std::uint64_t end = std::min(table.offset + table.count * size, offset + part.size());
    for (std::uint64_t at = begin; at + size <= end; at += size) {
      const std::span<std::uint8_t> inode = part.subspan(static_cast<std::size_t>(at - offset), layout_.inode_size);
      const auto number = static_cast<std::uint32_t>(table.first + (at - table.offset) / size);
      if (is_zero(inode) || std::ranges::binary_search(layout_.left_inodes, number)) continue;
      const std::array<std::uint8_t, 4> crc = to_le32(for_inode(inode, number));
      std::copy_n(crc.begin(), 2, inode.begin() + kLowHalfAt);
      if (has_high_half(inode)) std::copy_n(crc.begin() + 2, 2, inode.begin() + kHighHalfAt);
    }
  }
}

void Ext4Checksums::apply_to_directories(std::uint64_t offset, std::span<std::uint8_t> part) const {
  const std::uint32_t size = layout_.block_size;
  auto listed = std::ranges::lower_bound(layout_.directories, offset, {}, &DirectoryBlock::offset);
  for (std::size_t at = 0; part.size() - at >= size; at += size) {
    const std::span<std::uint8_t> block = part.subspan(at, size);
    std::optional<std::uint32_t> inode;
    std::uint32_t generation = 0;
    if (listed != layout_.directories.end() && listed->offset == offset + at) {
      inode = listed->inode;
      generation = listed->generation;
      ++listed;
    } else if (!std::ranges::binary_search(layout_.left_blocks, offset + at)) {
      inode = inode_of_first_block(block);
    }
    if (inode) std::ranges::copy(to_le32(for_directory(block, *inode, generation)), block.end() - 4);
  }
}

}  // namespace tenon::client
