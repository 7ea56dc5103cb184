#include <tenon/client/payload/little_endian.h>
#include <tenon/repo_tools/delta/ext4_layout.h>

#include <algorithm>

#include <tests/repo_tools/delta/ext4_image.h>
#include <tests/repo_tools/delta/piece_checks.h>

namespace tenon::repo_tools {
namespace {

using client::le16;
using client::le32;

class Ext4LayoutTest : public ::testing::Test {
 protected:
  Ext4LayoutTest() {
    tree_.write("one", content_);
    tree_.write("deep/er/two", noise(100, 2));
    image_ = tree_.make();
  }

  static void put16(Bytes& image, std::size_t at, std::uint16_t value) {
    image[at] = static_cast<std::uint8_t>(value & 0xff);
    image[at + 1] = static_cast<std::uint8_t>(value >> 8);
  }
  static void put32(Bytes& image, std::size_t at, std::uint32_t value) {
    put16(image, at, static_cast<std::uint16_t>(value & 0xffff));
    put16(image, at + 2, static_cast<std::uint16_t>(value >> 16));
  }
  static Bytes content_of(const Bytes& image, const Ext4File& file) {
    Bytes content;
    for (const ByteRange& range : file.extents) {
      const ByteView part = ByteView(image).subspan(range.offset, range.length);
      content.insert(content.end(), part.begin(), part.end());
    }
    return content;
  }
  const Ext4File& file_one(const Ext4Layout& layout) const {
    for (const Ext4File& file : layout.files()) {
      if (file.type != Ext4FileType::kRegular) continue;
      const Bytes found = content_of(image_, file);
      if (found.size() >= content_.size() && std::equal(content_.begin(), content_.end(), found.begin())) return file;
    }
    ADD_FAILURE() << "not there";
    return layout.files().front();
  }

  Bytes content_ = noise(70'000, 1);
  Ext4Image tree_;
  Bytes image_;
};

TEST_F(Ext4LayoutTest, FindsTheContentOfEveryFile) {
  const std::optional<Ext4Layout> layout = Ext4Layout::read(image_);
  ASSERT_TRUE(layout);
  const auto count = [&](Ext4FileType type) {
    return std::ranges::count_if(layout->files(), [&](const Ext4File& file) { return file.type == type; });
  };
  EXPECT_EQ(count(Ext4FileType::kRegular), 2);
  EXPECT_EQ(count(Ext4FileType::kDirectory), 4);  // the root, lost+found, deep, deep/er
  EXPECT_GE(file_one(*layout).extents.size(), 1u);
}

TEST_F(Ext4LayoutTest, SaysWhatChecksumsAreMadeOf) {
  const Bytes image = tree_.make("-O metadata_csum");
  const std::optional<Ext4Layout> layout = Ext4Layout::read(image);
  ASSERT_TRUE(layout);
  EXPECT_TRUE(layout->has_checksums());
  EXPECT_EQ(layout->uuid()[0], 0x3a);
  EXPECT_EQ(layout->uuid()[15], 0x55);
  EXPECT_FALSE(layout->written_checksum_seed());
  EXPECT_TRUE(Ext4Layout::read(tree_.make("-O metadata_csum,metadata_csum_seed"))->written_checksum_seed());
  EXPECT_FALSE(Ext4Layout::read(tree_.make("-O ^metadata_csum"))->has_checksums());
  // Four directories, of which lost+found has four blocks.
  EXPECT_GE(layout->directory_blocks().size(), 4u);
  for (const Ext4DirectoryBlock& block : layout->directory_blocks()) {
    // The entry "." of a directory's first block names its inode.
    if (le16(image, block.offset + 4) != 12) continue;
    EXPECT_EQ(le32(image, block.offset), block.inode);
  }
  // The root directory is inode 2, and a directory.
  EXPECT_EQ(le16(image, layout->inode_offset(2)) & 0xf000, 0x4000);
  EXPECT_EQ(layout->inode_tables().front().offset + layout->inode_size(), layout->inode_offset(2));
}

TEST_F(Ext4LayoutTest, ReadsFileSystemsOfEveryKind) {
  for (const char* options :
       {"-O ^64bit", "-O ^has_journal", "-O ^flex_bg", "-I 128", "-b 1024", "-b 2048 -g 512", "-O ^metadata_csum"}) {
    image_ = tree_.make(options);
    const std::optional<Ext4Layout> layout = Ext4Layout::read(image_);
    ASSERT_TRUE(layout) << options;
    EXPECT_GE(file_one(*layout).extents.size(), 1u) << options;
  }
}

TEST_F(Ext4LayoutTest, ReadsExtentsThatDoNotFitTheInode) {
  // Every second block is a hole: an extent for each of the others.
  Bytes holes;
  for (int i = 0; i < 600; ++i) {
    const Bytes block = i % 2 == 0 ? noise(4096, 100U + static_cast<unsigned>(i)) : Bytes(4096, 0);
    holes.insert(holes.end(), block.begin(), block.end());
  }
  tree_.write("holes", holes);
  image_ = tree_.make();
  const std::optional<Ext4Layout> layout = Ext4Layout::read(image_);
  ASSERT_TRUE(layout);
  const auto& files = layout->files();
  const auto deep = std::ranges::find_if(files, [](const Ext4File& file) { return !file.tree_blocks.empty(); });
  ASSERT_NE(deep, files.end());
  EXPECT_EQ(total_length(deep->extents), 300u * 4096);
}

TEST_F(Ext4LayoutTest, GivesTheSameHashToTheSamePathInAnyImage) {
  Ext4Image other;
  other.write("aaa/bbb", noise(5'000, 3));
  other.write("one", content_);
  const Bytes image = other.make("-N 500", 8);
  const std::uint64_t before = file_one(*Ext4Layout::read(image_)).path_hash;
  image_ = image;
  EXPECT_EQ(file_one(*Ext4Layout::read(image)).path_hash, before);
}

TEST_F(Ext4LayoutTest, HasNoneForWhatIsNotExt4) {
  EXPECT_FALSE(Ext4Layout::read({}));
  EXPECT_FALSE(Ext4Layout::read(Bytes(100'000, 0)));
  EXPECT_FALSE(Ext4Layout::read(noise(100'000, 4)));
  for (const std::size_t size : {1024u, 2047u, 2048u, 4096u, 10'000u}) {
    EXPECT_FALSE(Ext4Layout::read(ByteView(image_).first(size))) << size;
  }
}

TEST_F(Ext4LayoutTest, HasNoneWhenTwoFilesClaimTheSameBlocks) {
  const std::optional<Ext4Layout> layout = Ext4Layout::read(image_);
  ASSERT_TRUE(layout);
  // The first extent of inode "one", written into that of the root directory.
  const std::uint64_t one = layout->inode_offset(file_one(*layout).inode);
  const std::uint64_t root = layout->inode_offset(2);
  Bytes image = image_;
  std::copy_n(image.begin() + static_cast<std::ptrdiff_t>(one + 52), 12,
              image.begin() + static_cast<std::ptrdiff_t>(root + 52));
  EXPECT_FALSE(Ext4Layout::read(image));
}

TEST_F(Ext4LayoutTest, HasNoneWhenAnExtentReachesBehindTheEnd) {
  const std::optional<Ext4Layout> layout = Ext4Layout::read(image_);
  ASSERT_TRUE(layout);
  const std::uint64_t one = layout->inode_offset(file_one(*layout).inode);
  Bytes image = image_;
  put32(image, one + 52 + 8, 1023);  // the last block of 4 MiB, of more than one
  EXPECT_FALSE(Ext4Layout::read(image));
  image = image_;
  put16(image, one + 52 + 6, 0xffff);  // the high bits
  EXPECT_FALSE(Ext4Layout::read(image));
}

TEST_F(Ext4LayoutTest, HasNoneForExtentTreesWithoutAnEnd) {
  const std::optional<Ext4Layout> layout = Ext4Layout::read(image_);
  ASSERT_TRUE(layout);
  const Ext4File& file = file_one(*layout);
  const std::uint64_t inode = layout->inode_offset(file.inode);
  const std::uint64_t block = file.extents.front().offset;
  // A tree of one node, which is its own child.
  Bytes image = image_;
  for (const std::uint64_t node : {inode + 40, block}) {
    put16(image, node, 0xf30a);
    put16(image, node + 2, 1);
    put16(image, node + 6, 1);
    put32(image, node + 12 + 4, static_cast<std::uint32_t>(block / 4096));
    put16(image, node + 12 + 8, 0);
  }
  EXPECT_FALSE(Ext4Layout::read(image));
}

TEST_F(Ext4LayoutTest, EndsWhenADirectoryContainsItself) {
  const std::optional<Ext4Layout> layout = Ext4Layout::read(image_);
  ASSERT_TRUE(layout);
  // The last entry of the root's block names the root.
  const auto root =
      std::ranges::find_if(layout->directory_blocks(), [](const Ext4DirectoryBlock& b) { return b.inode == 2; });
  ASSERT_NE(root, layout->directory_blocks().end());
  Bytes image = image_;
  for (std::size_t at = root->offset + 24; at < root->offset + 4096 - 12; at += le16(image, at + 4))
    put32(image, at, 2);
  const std::optional<Ext4Layout> cyclic = Ext4Layout::read(image);
  ASSERT_TRUE(cyclic);
  EXPECT_EQ(cyclic->files().size(), 1u);
}

TEST_F(Ext4LayoutTest, HasNoneForCountsThatNoImageHolds) {
  struct Field {
    std::size_t offset;
    std::uint32_t value;
  };
  for (const Field& field :
       {Field{24, 31}, Field{24, 7}, Field{32, 0}, Field{32, 1}, Field{40, 0}, Field{40, ~0U}, Field{88, 0},
        Field{88, 192}, Field{20, 2}, Field{20, ~0U}, Field{4, 0}, Field{4, ~0U}, Field{96, ~0U}}) {
    Bytes image = image_;
    put32(image, 1024 + field.offset, field.value);
    EXPECT_FALSE(Ext4Layout::read(image)) << field.offset << " " << field.value;
  }
}

}  // namespace
}  // namespace tenon::repo_tools
