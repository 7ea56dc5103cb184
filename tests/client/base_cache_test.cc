#include <tenon/client/payload/base_cache.h>

#include <algorithm>
#include <random>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

struct Medium {
  Bytes bytes;
  bool broken = false;

  explicit Medium(std::size_t size) : bytes(size) {
    for (std::size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::uint8_t>(i * 2654435761u >> 13);
  }
  ReadBase reader() {
    return [this](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
      if (broken) return Error{ErrorCode::kStorage, "EIO"};
      EXPECT_LE(offset + into.size(), bytes.size());
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
      return {};
    };
  }
};

TEST(BaseCache, GivesWhatTheMediumHoldsWhereverItIsRead) {
  Medium medium(3'000'001);
  BaseCache cache(medium.reader(), medium.bytes.size());
  std::mt19937 random(1);
  for (int i = 0; i < 3000; ++i) {
    const std::size_t offset = random() % medium.bytes.size();
    const std::size_t length =
        std::min<std::size_t>(random() % (i % 10 == 0 ? 300'000 : 200), medium.bytes.size() - offset);
    Bytes into(length);
    ASSERT_TRUE(cache.read(offset, into).has_value());
    ASSERT_TRUE(std::equal(into.begin(), into.end(), medium.bytes.begin() + static_cast<std::ptrdiff_t>(offset)));
  }
}

TEST(BaseCache, ReadsABlockOnceForManySmallPieces) {
  Medium medium(BaseCache::kBlockBytes * 4);
  BaseCache cache(medium.reader(), medium.bytes.size());
  Bytes into(10);
  for (std::size_t at = 0; at + 10 <= BaseCache::kBlockBytes; at += 10) ASSERT_TRUE(cache.read(at, into).has_value());
  EXPECT_EQ(cache.reads().calls, 1u);
  EXPECT_EQ(cache.reads().bytes, BaseCache::kBlockBytes);
}

TEST(BaseCache, PassesLargePiecesOnAndCountsWhatIsNotInOrder) {
  Medium medium(BaseCache::kBlockBytes * 100);
  BaseCache cache(medium.reader(), medium.bytes.size());
  Bytes into(BaseCache::kBlockBytes * 50);
  ASSERT_TRUE(cache.read(0, into).has_value());
  ASSERT_TRUE(cache.read(into.size(), into).has_value());
  EXPECT_EQ(cache.reads().calls, 2u);
  EXPECT_EQ(cache.reads().jumps, 0u);
  ASSERT_TRUE(cache.read(0, std::span(into).first(1)).has_value());
  EXPECT_EQ(cache.reads().jumps, 1u);
}

TEST(BaseCache, KeepsNothingOfAReadThatFailed) {
  Medium medium(BaseCache::kBlockBytes);
  BaseCache cache(medium.reader(), medium.bytes.size());
  Bytes into(10);
  medium.broken = true;
  EXPECT_EQ(cache.read(5, into).error().code, ErrorCode::kStorage);
  medium.broken = false;
  ASSERT_TRUE(cache.read(5, into).has_value());
  EXPECT_TRUE(std::equal(into.begin(), into.end(), medium.bytes.begin() + 5));
}

}  // namespace
}  // namespace tenon::client
