// An ext4 image may be any file: whatever is in it, the extents, inode tables and tree blocks of its layout lie inside the
// image and never overlap, and every other place that it names is inside too.
#include <tenon/metadata/check.h>
#include <tenon/repo_tools/delta/ext4_layout.h>

#include <algorithm>

using tenon::ByteView;
using tenon::repo_tools::ByteRange;
using tenon::repo_tools::ByteRanges;
using tenon::repo_tools::Ext4DirectoryBlock;
using tenon::repo_tools::Ext4File;
using tenon::repo_tools::Ext4InodeTable;
using tenon::repo_tools::Ext4Layout;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto layout = Ext4Layout::read(ByteView(data, size));
  if (!layout) return 0;
  ByteRanges owned;
  std::uint32_t next_number = 1;
  for (const Ext4InodeTable& table : layout->inode_tables()) {
    TENON_CHECK(table.first_number == next_number);
    next_number += table.inode_count;
    owned.push_back({table.offset, std::uint64_t{table.inode_count} * layout->inode_size()});
  }
  TENON_CHECK(next_number == layout->inode_count() + 1);
  for (const Ext4File& file : layout->files()) {
    TENON_CHECK(file.inode >= 1 && file.inode <= layout->inode_count());
    TENON_CHECK(layout->inode_offset(file.inode) + layout->inode_size() <= size);
    owned.insert(owned.end(), file.extents.begin(), file.extents.end());
    for (const std::uint64_t offset : file.tree_blocks) owned.push_back({offset, layout->block_size()});
  }
  std::sort(owned.begin(), owned.end(), [](const ByteRange& a, const ByteRange& b) { return a.offset < b.offset; });
  std::uint64_t end = 0;
  for (const ByteRange& range : owned) {
    TENON_CHECK(range.offset >= end && range.length > 0 && range.length <= size && range.offset <= size - range.length);
    end = range.end();
  }
  for (const Ext4DirectoryBlock& block : layout->directory_blocks()) {
    TENON_CHECK(block.offset <= size && layout->block_size() <= size - block.offset);
    TENON_CHECK(block.inode >= 1 && block.inode <= layout->inode_count());
  }
  return 0;
}
