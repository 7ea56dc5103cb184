#include <tenon/client/payload/ext4_checksums.h>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

constexpr std::uint64_t kImage = 1u << 20;

ErrorCode code_of(const Ext4Checksums::Layout& layout) {
  const Result<Ext4Checksums> created = Ext4Checksums::create(layout, kImage);
  return created ? ErrorCode::kBusy : created.error().code;  // kBusy: never said here
}

// Origin: RFC 3720 B.4, whose values are inverted at both ends: 32 bytes of zeros, of ones, rising.
TEST(Ext4Checksums, ComputesCrc32cAsRfc3720Does) {
  Bytes rising(32);
  for (std::size_t i = 0; i < rising.size(); ++i) rising[i] = static_cast<std::uint8_t>(i);
  EXPECT_EQ(~crc32c(0xFFFFFFFF, Bytes(32)), 0x8A9136AAu);
  EXPECT_EQ(~crc32c(0xFFFFFFFF, Bytes(32, 0xFF)), 0x62A8AB43u);
  EXPECT_EQ(~crc32c(0xFFFFFFFF, rising), 0x46DD794Eu);
}

TEST(Ext4Checksums, RefusesLayoutsOutsideTheImageAndOutOfOrder) {
  EXPECT_EQ(code_of({}), ErrorCode::kBusy);
  EXPECT_EQ(code_of({.tables = {{0, 4096, 1}}}), ErrorCode::kBusy);
  EXPECT_EQ(code_of({.tables = {{0, 4097, 1}}}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.tables = {{kImage, 1, 1}}}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.tables = {{0, UINT64_MAX, 1}}}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.tables = {{0, 2, 1}, {256, 2, 3}}}), ErrorCode::kParse) << "they overlap";
  EXPECT_EQ(code_of({.tables = {{0, 2, 0}}}), ErrorCode::kParse) << "no inode has the number 0";
  EXPECT_EQ(code_of({.tables = {{0, 2, 0xFFFFFFFE}}}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.tables = {{100, 2, 1}}}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.inode_size = 100}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.inode_size = 0}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.block_size = 1u << 20}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.left_inodes = {4, 3}}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.directories = {{kImage, 2, 0}}}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.directories = {{4096, 2, 0}, {0, 3, 0}}}), ErrorCode::kParse);
  EXPECT_EQ(code_of({.directories = {{100, 2, 0}}}), ErrorCode::kParse);
}

TEST(Ext4Checksums, LeavesAloneWhatItShouldAndWhatIsZero) {
  Bytes image(65536);
  for (std::size_t at = 256; at < 1024; ++at) image[at] = 7;
  const Ext4Checksums checksums = *Ext4Checksums::create({.tables = {{0, 4, 1}}, .left_inodes = {3}}, image.size());
  const Bytes before = image;
  checksums.apply(0, image);
  EXPECT_TRUE(std::equal(before.begin(), before.begin() + 256, image.begin())) << "inode 1 is zero";
  EXPECT_TRUE(std::equal(before.begin() + 512, before.begin() + 768, image.begin() + 512)) << "inode 3 stays";
  for (const std::uint32_t number : {2u, 4u}) {
    const ByteView inode = ByteView(image).subspan((number - 1) * 256, 256);
    const std::uint32_t crc = checksums.for_inode(inode, number);
    EXPECT_EQ(inode[Ext4Checksums::kLowHalfAt], crc & 0xFF);
    EXPECT_EQ(inode[Ext4Checksums::kHighHalfAt + 1], crc >> 24);
  }
}

TEST(Ext4Checksums, ComputesInPartsWhatItComputesInTheWhole) {
  Bytes image(3 * 65536 + 5000);
  for (std::size_t i = 0; i < image.size(); ++i) image[i] = static_cast<std::uint8_t>(i * 31 >> 4);
  const Ext4Checksums checksums = *Ext4Checksums::create(
      {.tables = {{65536 - 512, 500, 1}}, .directories = {{0, 5, 6}, {2 * 65536, 8, 0}, {3 * 65536, 9, 1}}},
      image.size());
  Bytes whole = image;
  checksums.apply(0, whole);
  for (std::size_t at = 0; at < image.size(); at += 65536) {
    checksums.apply(at, std::span(image).subspan(at, std::min<std::size_t>(65536, image.size() - at)));
  }
  EXPECT_EQ(image, whole);
}

}  // namespace
}  // namespace tenon::client
