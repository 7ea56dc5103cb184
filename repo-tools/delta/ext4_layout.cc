#include <tenon/client/payload/little_endian.h>
#include <tenon/repo_tools/delta/ext4_layout.h>

#include <algorithm>
#include <bit>
#include <utility>

// The numbers are those of the kernel's documentation, "ext4 Data Structures and Algorithms".
namespace tenon::repo_tools {
namespace {

using client::le16;
using client::le32;

constexpr std::uint64_t kSuperblockOffset = 1024;
constexpr std::uint64_t kSuperblockSize = 1024;
constexpr std::uint16_t kMagic = 0xef53;
constexpr std::uint32_t kMaxLogBlockSize = 6;  // 64 KiB
constexpr std::uint32_t kRootInode = 2;
constexpr std::uint32_t kMinInodeSize = 128;

constexpr std::uint32_t kMetadataChecksums = 0x400;  // RO_COMPAT_METADATA_CSUM
constexpr std::uint32_t kMetaBlockGroups = 0x10;     // INCOMPAT_META_BG: descriptors lie elsewhere
constexpr std::uint32_t k64Bit = 0x80;               // INCOMPAT_64BIT
constexpr std::uint32_t kChecksumSeed = 0x2000;      // INCOMPAT_CSUM_SEED
// What else may be there and changes nothing that is read here: filetype, recover, extents, mmp, flex_bg, ea_inode,
// largedir, inline_data, encrypt, casefold.
constexpr std::uint32_t kKnownIncompatible =
    0x2 | 0x4 | 0x40 | k64Bit | 0x100 | 0x200 | 0x400 | kChecksumSeed | 0x4000 | 0x8000 | 0x10000 | 0x20000;
static_assert((kKnownIncompatible & kMetaBlockGroups) == 0);

constexpr std::uint32_t kExtentsFlag = 0x80000;  // EXT4_EXTENTS_FL
constexpr std::uint16_t kExtentMagic = 0xf30a;
constexpr std::uint32_t kMaxExtentDepth = 5;
constexpr std::uint32_t kExtentSize = 12;          // of the header too
constexpr std::uint32_t kMaxExtentLength = 32768;  // blocks; above that it is not yet written
constexpr std::uint64_t kExtentsInInode = 60;      // bytes
constexpr std::uint16_t kTypeMask = 0xf000;
constexpr std::uint32_t kDirectoryEntryHeader = 8;

std::uint64_t mix(std::uint64_t hash, std::uint64_t value) {
  hash = (hash ^ value) * 0xff51afd7ed558ccdU;
  return hash ^ (hash >> 32);
}

bool is_version_character(std::uint8_t c) {
  return (c >= '0' && c <= '9') || c == '.' || c == '-';
}

}  // namespace

// Ext4Reader reads a layout. Every step says whether all was as it must be; after the first that was not, all is dropped.
class Ext4Reader {
 public:
  explicit Ext4Reader(ByteView image) : image_(image) {}

  bool read() {
    if (!read_superblock() || !read_groups()) return false;
    seen_.assign(layout_.inode_count(), false);
    if (!read_inode(kRootInode, mix(0, 0), mix(0, 1))) return false;
    // files_ grows while it is walked through: the directories that are still to be read are its end.
    for (std::size_t at = 0; at < layout_.files_.size(); ++at) {
      if (layout_.files_[at].type == Ext4FileType::kDirectory && !read_directory(at)) return false;
    }
    return true;
  }

  Ext4Layout take() { return std::move(layout_); }

 private:
  bool read_superblock() {
    if (image_.size() < kSuperblockOffset + kSuperblockSize) return false;
    const ByteView super = image_.subspan(kSuperblockOffset, kSuperblockSize);
    const std::uint32_t log_block_size = le32(super, 24);
    const std::uint32_t incompatible = le32(super, 96);
    if (le16(super, 56) != kMagic || log_block_size > kMaxLogBlockSize || (incompatible & ~kKnownIncompatible) != 0) {
      return false;
    }
    layout_.block_size_ = 1024U << log_block_size;
    layout_.inode_size_ = le16(super, 88);
    layout_.inodes_per_group_ = le32(super, 40);
    blocks_per_group_ = le32(super, 32);
    first_block_ = le32(super, 20);
    const bool wide = (incompatible & k64Bit) != 0;
    descriptor_size_ = wide ? le16(super, 254) : 32;
    block_count_ = le32(super, 4) | (wide ? std::uint64_t{le32(super, 0x150)} << 32 : 0);
    layout_.has_checksums_ = (le32(super, 100) & kMetadataChecksums) != 0;
    const ByteView uuid = super.subspan(104, layout_.uuid_.size());
    std::copy(uuid.begin(), uuid.end(), layout_.uuid_.begin());
    if ((incompatible & kChecksumSeed) != 0) layout_.written_checksum_seed_ = le32(super, 0x270);
    const std::uint32_t bits = 8 * layout_.block_size_;  // in a bitmap of one block
    return std::has_single_bit(layout_.inode_size_) && layout_.inode_size_ >= kMinInodeSize &&
           layout_.inode_size_ <= layout_.block_size_ && layout_.inodes_per_group_ > 0 &&
           layout_.inodes_per_group_ <= bits && blocks_per_group_ > 0 && blocks_per_group_ <= bits &&
           first_block_ <= 1 && descriptor_size_ >= (wide ? 64U : 32U) && descriptor_size_ <= layout_.block_size_ &&
           block_count_ > first_block_;
  }

  bool read_groups() {
    const std::uint64_t groups = (block_count_ - first_block_ + blocks_per_group_ - 1) / blocks_per_group_;
    const std::uint64_t table = (first_block_ + 1) * layout_.block_size_;
    if (table > image_.size() || groups > (image_.size() - table) / descriptor_size_) return false;
    const std::uint64_t inode_bytes = std::uint64_t{layout_.inodes_per_group_} * layout_.inode_size_;
    const std::uint64_t blocks = (inode_bytes + layout_.block_size_ - 1) / layout_.block_size_;
    // An image may end before its file system does, where nothing follows.
    taken_.assign(image_.size() / layout_.block_size_, false);
    for (std::uint64_t group = 0; group < groups; ++group) {
      const ByteView descriptor = image_.subspan(table + group * descriptor_size_, descriptor_size_);
      const std::uint64_t high = descriptor_size_ >= 64 ? le32(descriptor, 40) : 0;
      const std::uint64_t first = high << 32 | le32(descriptor, 8);
      if (!take_blocks(first, blocks)) return false;
      layout_.inode_tables_.push_back({first * layout_.block_size_, layout_.inodes_per_group_,
                                       static_cast<std::uint32_t>(group * layout_.inodes_per_group_ + 1)});
    }
    // Tables lie inside the image, side by side: there are fewer inodes than bytes / 128. Numbers have 32 bits.
    return groups * layout_.inodes_per_group_ <= ~std::uint32_t{0};
  }

  // take_blocks claims blocks for one owner. There is none for whoever comes second: that bounds all work below, since
  // nothing is read twice.
  bool take_blocks(std::uint64_t first, std::uint64_t count) {
    if (first == 0 || first >= taken_.size() || count > taken_.size() - first) return false;
    for (std::uint64_t block = first; block < first + count; ++block) {
      if (taken_[block]) return false;
      taken_[block] = true;
    }
    return true;
  }

  bool read_inode(std::uint32_t number, std::uint64_t path_hash, std::uint64_t family_hash) {
    if (number == 0 || number > layout_.inode_count()) return false;
    if (seen_[number - 1]) return true;
    seen_[number - 1] = true;
    const ByteView inode = image_.subspan(layout_.inode_offset(number), layout_.inode_size_);
    Ext4File file{number, Ext4FileType::kOther, path_hash, family_hash, {}, {}};
    const std::uint16_t type = le16(inode, 0) & kTypeMask;
    if (type == 0x8000) file.type = Ext4FileType::kRegular;
    if (type == 0x4000) file.type = Ext4FileType::kDirectory;
    const bool has_content = file.type != Ext4FileType::kOther || type == 0xa000;  // a symbolic link may have an extent
    if (has_content && (le32(inode, 32) & kExtentsFlag) != 0 &&
        !read_extents(inode.subspan(40, kExtentsInInode), file, 0)) {
      return false;
    }
    layout_.files_.push_back(std::move(file));
    return true;
  }

  bool read_extents(ByteView node, Ext4File& file, std::uint32_t above) {
    const std::uint32_t count = le16(node, 2);
    const std::uint32_t depth = le16(node, 6);
    if (le16(node, 0) != kExtentMagic || depth + above > kMaxExtentDepth || count > node.size() / kExtentSize - 1) {
      return false;
    }
    for (std::uint32_t i = 1; i <= count; ++i) {
      const ByteView entry = node.subspan(std::size_t{kExtentSize} * i, kExtentSize);
      if (depth == 0) {
        std::uint64_t length = le16(entry, 4);
        if (length > kMaxExtentLength) length -= kMaxExtentLength;
        const std::uint64_t first = std::uint64_t{le16(entry, 6)} << 32 | le32(entry, 8);
        if (length == 0 || !take_blocks(first, length)) return false;
        append_range(file.extents, {first * layout_.block_size_, length * layout_.block_size_});
      } else {
        const std::uint64_t block = std::uint64_t{le16(entry, 8)} << 32 | le32(entry, 4);
        if (!take_blocks(block, 1)) return false;
        const std::uint64_t offset = block * layout_.block_size_;
        file.tree_blocks.push_back(offset);
        if (!read_extents(image_.subspan(offset, layout_.block_size_), file, above + 1)) return false;
      }
    }
    return true;
  }

  bool read_directory(std::size_t at) {
    const Ext4File directory = layout_.files_[at];  // a copy: files_ grows
    const std::uint64_t inode = layout_.inode_offset(directory.inode);
    const std::uint32_t generation = le32(image_.subspan(inode, kMinInodeSize), 100);
    for (const ByteRange& extent : directory.extents) {
      for (std::uint64_t offset = extent.offset; offset < extent.end(); offset += layout_.block_size_) {
        layout_.directory_blocks_.push_back({offset, directory.inode, generation});
        if (!read_directory_block(image_.subspan(offset, layout_.block_size_), directory)) return false;
      }
    }
    return true;
  }

  bool read_directory_block(ByteView block, const Ext4File& directory) {
    for (std::size_t at = 0; at + kDirectoryEntryHeader <= block.size();) {
      const std::uint32_t number = le32(block, at);
      const std::size_t length = le16(block, at + 4);
      const std::size_t name_length = block[at + 6];
      // The inner nodes of a hash tree look like one entry of no inode; in blocks of 64 KiB its length does not fit.
      if (number == 0 && at == 0 && (length == 0 || length >= block.size() - 4)) return true;
      if (length < kDirectoryEntryHeader || length > block.size() - at ||
          name_length > length - kDirectoryEntryHeader) {
        return false;
      }
      const ByteView name = block.subspan(at + kDirectoryEntryHeader, name_length);
      at += length;
      if (number == 0 || name.empty() || as_text(name) == "." || as_text(name) == "..") continue;
      std::uint64_t path_hash = mix(directory.path_hash, '/');
      std::uint64_t family_hash = mix(directory.family_hash, '/');
      for (const std::uint8_t c : name) {
        path_hash = mix(path_hash, c);
        if (!is_version_character(c)) family_hash = mix(family_hash, c);
      }
      if (!read_inode(number, path_hash, family_hash)) return false;
    }
    return true;
  }

  ByteView image_;
  Ext4Layout layout_;
  std::uint64_t block_count_ = 0;
  std::uint64_t first_block_ = 0;
  std::uint32_t blocks_per_group_ = 0;
  std::uint32_t descriptor_size_ = 0;
  std::vector<bool> taken_;  // by block
  std::vector<bool> seen_;   // by inode number, less 1
};

std::optional<Ext4Layout> Ext4Layout::read(ByteView image) {
  Ext4Reader reader(image);
  if (!reader.read()) return std::nullopt;
  return reader.take();
}

std::uint64_t Ext4Layout::inode_offset(std::uint32_t number) const {
  const Ext4InodeTable& table = inode_tables_[(number - 1) / inodes_per_group_];
  return table.offset + std::uint64_t{(number - 1) % inodes_per_group_} * inode_size_;
}

}  // namespace tenon::repo_tools
