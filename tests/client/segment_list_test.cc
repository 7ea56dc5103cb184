#include <tenon/client/payload/segment_list.h>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

policies::Label label(std::string_view text) {
  return *policies::Label::parse(text);
}

// Two segments, "first" and "second", in a list as a release would pin it.
Bytes list_file() {
  Bytes file;
  for (std::string_view segment : {"first", "second"}) {
    const Sha256 digest = Sha256::of(as_bytes(segment));
    file.insert(file.end(), digest.bytes.begin(), digest.bytes.end());
  }
  return file;
}

policies::Image image_with(ByteView list) {
  return {label("rootfs"), 65536 + 6, {}, 65536, label("rootfs.segments"), list.size(), Sha256::of(list), {}};
}

TEST(SegmentList, TellsEachSegmentFromAnyOther) {
  const Bytes file = list_file();
  const Result<SegmentList> list = SegmentList::read(file, image_with(file));
  ASSERT_TRUE(list);
  EXPECT_EQ(list->count(), 2u);
  EXPECT_TRUE(list->check(0, as_bytes("first")));
  EXPECT_TRUE(list->matches(1, as_bytes("second")));
  EXPECT_FALSE(list->matches(0, as_bytes("second")));
  EXPECT_EQ(list->check(1, as_bytes("first")).error().code, ErrorCode::kMismatch);
  EXPECT_FALSE(list->matches(0, as_bytes("")));
}

TEST(SegmentList, RefusesAnyFlippedBit) {
  const Bytes file = list_file();
  const policies::Image image = image_with(file);
  for (std::size_t bit = 0; bit < file.size() * 8; ++bit) {
    Bytes flipped = file;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_EQ(SegmentList::read(flipped, image).error().code, ErrorCode::kMismatch) << bit;
  }
}

TEST(SegmentList, RefusesEveryOtherLength) {
  Bytes file = list_file();
  const policies::Image image = image_with(file);
  for (std::size_t length = 0; length < file.size(); ++length) {
    EXPECT_FALSE(SegmentList::read(ByteView(file).first(length), image)) << length;
  }
  file.push_back(0);
  EXPECT_FALSE(SegmentList::read(file, image));
}

TEST(SegmentList, ReadsTheExampleOfTheDocumentation) {
  const Bytes first(65536, 'a');
  EXPECT_EQ(Sha256::of(first).hex(), "bf718b6f653bebc184e1479f1935b8da974d701b893afcf49e701f3e2f9f9c5a");
  EXPECT_EQ(Sha256::of(as_bytes("tenon\n")).hex(), "459b1e840e77a63a7a8f24c51c02457953fae248b31c2d36afb4a52e3226d0af");
}

}  // namespace
}  // namespace tenon::client
