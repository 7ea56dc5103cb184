#include <tenon/metadata/hex.h>
#include <tenon/repo_tools/delta/piece_finder.h>

#include <random>
#include <string>

#include <gtest/gtest.h>
#include <tests/repo_tools/delta/delta_bytes.h>
#include <tests/repo_tools/delta/piece_checks.h>

namespace tenon::repo_tools {
namespace {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kPairs = 300;
#else
constexpr int kPairs = 2500;
#endif

// Pairs of one kind; `random` decides everything else.
class RandomPair {
 public:
  explicit RandomPair(unsigned seed) : random_(seed) {}

  std::pair<Bytes, Bytes> make() {
    Bytes base = content(below(3) == 0 ? below(200'000) : below(9'000));
    Bytes image = base;
    switch (below(9)) {
      case 0: return {base, image};
      case 1: image.clear(); return {base, image};
      case 2: return {Bytes(), base};
      case 3:
        if (!image.empty()) image[below(image.size())] ^= 1;
        return {base, image};
      case 4: return {base, content(below(100'000))};
      case 5: shuffle_blocks(image); return {base, image};
      case 6: std::ranges::fill(image, std::uint8_t{0}); return {base, image};
      case 7:
        image.insert(image.begin() + static_cast<std::ptrdiff_t>(below(image.size() + 1)), 100'000, 0);
        return {base, image};
      default: break;
    }
    for (std::size_t edits = below(20); edits > 0; --edits) edit(image);
    return {base, image};
  }

 private:
  std::size_t below(std::size_t bound) { return bound == 0 ? 0 : random_() % bound; }

  Bytes content(std::size_t size) {
    Bytes bytes(size);
    const std::size_t kind = below(4);
    for (std::size_t i = 0; i < size; ++i) {
      if (kind == 0) bytes[i] = static_cast<std::uint8_t>(random_());                           // incompressible
      if (kind == 1) bytes[i] = static_cast<std::uint8_t>("the tenon fits one slot "[i % 24]);  // periodic
      if (kind == 2)
        bytes[i] = static_cast<std::uint8_t>(i % 4 == 3 ? 0 : i / 4 * 37 >> i % 4 * 8);  // numbers that grow
      if (kind == 3 && i % 5000 < 40) bytes[i] = static_cast<std::uint8_t>(random_());   // nearly all holes
    }
    return bytes;
  }

  void shuffle_blocks(Bytes& bytes) {
    constexpr std::size_t kBlock = 4096;
    for (std::size_t swaps = bytes.size() / kBlock; swaps > 1; --swaps) {
      const std::size_t one = below(bytes.size() / kBlock) * kBlock;
      const std::size_t other = below(bytes.size() / kBlock) * kBlock;
      for (std::size_t i = 0; i < kBlock; ++i) std::swap(bytes[one + i], bytes[other + i]);
    }
  }

  void edit(Bytes& bytes) {
    const std::size_t at = below(bytes.size() + 1);
    const std::size_t length = std::min(below(300), bytes.size() - at);
    const auto place = bytes.begin() + static_cast<std::ptrdiff_t>(at);
    if (below(3) == 0) {
      bytes.erase(place, place + static_cast<std::ptrdiff_t>(length));
    } else if (below(2) == 0) {
      const Bytes more = noise(below(300), static_cast<unsigned>(random_()));
      bytes.insert(place, more.begin(), more.end());
    } else {
      for (std::size_t i = 0; i < length; i += 7) bytes[at + i] = static_cast<std::uint8_t>(bytes[at + i] + 3);
    }
  }

  std::mt19937 random_;
};

void expect_that_pairs_come_back(unsigned seed) {
  RandomPair pairs(seed);
  for (int i = 0; i < kPairs; ++i) {
    const auto [base, image] = pairs.make();
    const std::vector<Piece> pieces = find_pieces(base, image, {.workers = 1});
    const Bytes delta = delta_of(base, image, pieces);
    const Result<Bytes> decoded = decode(delta, base);
    ASSERT_TRUE(decoded.has_value()) << seed << " " << i << ": " << decoded.error().message;
    ASSERT_EQ(*decoded, image) << seed << " " << i;
  }
}

// 10,000 pairs in four parts: they run side by side.
// Book: DELTA-05
TEST(DeltaCoding, GivesBackThousandsOfRandomImages1) {
  expect_that_pairs_come_back(1);
}
// Book: DELTA-05
TEST(DeltaCoding, GivesBackThousandsOfRandomImages2) {
  expect_that_pairs_come_back(2);
}
// Book: DELTA-05
TEST(DeltaCoding, GivesBackThousandsOfRandomImages3) {
  expect_that_pairs_come_back(3);
}
// Book: DELTA-05
TEST(DeltaCoding, GivesBackThousandsOfRandomImages4) {
  expect_that_pairs_come_back(4);
}

// Several segments, pieces of all kinds, with numbers that moved.
struct Example {
  Bytes base = noise(300'000, 7);
  Bytes image;
  std::vector<Piece> pieces;

  Example() {
    for (std::size_t i = 0; i + 8 < base.size(); i += 20) base[i + 4] = base[i + 5] = base[i + 6] = base[i + 7] = 0;
    append(PieceKind::kAdd, 100'000, 3);
    for (std::size_t i = 0; i < 100'000; i += 20) image[i] = static_cast<std::uint8_t>(image[i] + 5);
    append(PieceKind::kLiteral, 70'000, 0);
    append(PieceKind::kZero, 80'000, 0);
    append(PieceKind::kAdd, 65'537, 200'001);
    append(PieceKind::kLiteral, 1, 0);
    append(PieceKind::kAdd, 5, 0);
    append(PieceKind::kLiteral, 60'000, 0);
  }

  void append(PieceKind kind, std::uint64_t length, std::uint64_t base_offset) {
    pieces.push_back({kind, image.size(), length, base_offset});
    const Bytes fresh = noise(static_cast<std::size_t>(length), static_cast<unsigned>(image.size()));
    for (std::uint64_t i = 0; i < length; ++i) {
      image.push_back(kind == PieceKind::kAdd       ? base[static_cast<std::size_t>(base_offset + i)]
                      : kind == PieceKind::kLiteral ? fresh[static_cast<std::size_t>(i)]
                                                    : std::uint8_t{0});
    }
  }
};

// Other decoders: this is the delta that docs/payload-format.md shows.
TEST(DeltaCoding, ReadsTheExampleOfTheDocumentation) {
  const Bytes delta = *from_hex(
      "54454e4f4e444c01300000002700000028b52ffd20273901002110190a0e4c0d451265a9678679d32298f33e"
      "cb6f32bc744460232d059906000ea4bf0d0101190a217dc7ba302528b52ffd0000490000723a206a6f696e6564");
  const Result<Bytes> image = decode(delta, as_bytes("the mortise and the tenon"));
  ASSERT_TRUE(image.has_value());
  EXPECT_EQ(as_text(*image), "the mortise and the tenor: joined");
}

TEST(DeltaCoding, DoesNotDependOnHowThePayloadIsCut) {
  const Example example;
  const Bytes delta = delta_of(example.base, example.image, example.pieces);
  for (const std::size_t bite : {std::size_t{1}, std::size_t{1000}, SIZE_MAX}) {
    EXPECT_EQ(*decode(delta, example.base, 0, bite), example.image);
  }
}

TEST(DeltaCoding, GoesOnAtEverySegmentWithOneGroupAndWithMany) {
  const Example example;
  for (const std::uint64_t group_bytes : {std::uint64_t{1}, std::uint64_t{50'000}, std::uint64_t{1} << 30}) {
    const Bytes delta = delta_of(example.base, example.image, example.pieces, group_bytes);
    for (std::uint64_t first = 0; first * kSegment < example.image.size(); ++first) {
      const Bytes rest(example.image.begin() + static_cast<std::ptrdiff_t>(first * kSegment), example.image.end());
      EXPECT_EQ(*decode(delta, example.base, first), rest) << group_bytes << " " << first;
    }
    EXPECT_TRUE(decode(delta, example.base, (example.image.size() + kSegment - 1) / kSegment)->empty());
  }
}

TEST(DeltaCoding, BeginsAgainAtAnEarlierSegment) {
  const Example example;
  const Bytes delta = delta_of(example.base, example.image, example.pieces, 50'000);
  client::DeltaDecoder decoder(*client::DeltaHeader::read(payload_of(delta)), payload_of(delta), base_of(example.base));
  for (const std::uint64_t index : {3u, 4u, 1u, 0u, 5u}) {
    decoder.begin_at(index);
    const Result<ByteView> segment = decoder.next();
    ASSERT_TRUE(segment.has_value());
    EXPECT_TRUE(std::ranges::equal(*segment, ByteView(example.image).subspan(index * kSegment, segment->size())))
        << index;
  }
}

// Numbers of four bytes that all grow by the same: one byte changes in each, or two, or three, as the overflow wants it.
TEST(DeltaCoding, CodesNumbersThatGrowByAConstantInFewBytes) {
  Bytes base;
  std::mt19937 random(5);
  for (int i = 0; i < 20'000; ++i) {
    const auto value = static_cast<std::uint32_t>(random() & 0xFFFFFF);
    for (unsigned shift = 0; shift < 32; shift += 8) base.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  Bytes image = base;
  for (std::size_t i = 0; i < image.size(); i += 4) {
    std::uint32_t value =
        image[i] | image[i + 1] << 8 | image[i + 2] << 16 | static_cast<std::uint32_t>(image[i + 3]) << 24;
    value += 0x11223;
    for (unsigned k = 0; k < 4; ++k) image[i + k] = static_cast<std::uint8_t>(value >> 8 * k);
  }
  const Bytes delta = delta_of(base, image, {{PieceKind::kAdd, 0, image.size(), 0}});
  EXPECT_LT(delta.size(), 1500u) << "80,000 bytes, three of four changed";
  EXPECT_EQ(*decode(delta, base), image);
}

// Calls to places that moved differently: who has seen one call to a place knows the next.
TEST(DeltaCoding, LearnsHowFarTheTargetsOfCallsHaveMoved) {
  constexpr std::size_t kCalls = 4000;
  std::mt19937 random(6);
  Bytes base = noise(kCalls * 25, 8);
  for (std::uint8_t& byte : base) byte = static_cast<std::uint8_t>(byte & 0x3F);  // nothing that looks like a call
  Bytes image = base;
  for (std::size_t call = 0; call < kCalls; ++call) {
    const std::size_t at = call * 25 + 10;
    const auto place = static_cast<std::uint32_t>(random() % 50);
    const auto old_distance = static_cast<std::uint32_t>(place * 2000 - (at + 5));
    const std::uint32_t new_distance = old_distance + (place * place * 977 & 0xFFFF);
    base[at] = image[at] = 0xE8;
    for (unsigned k = 0; k < 4; ++k) {
      base[at + 1 + k] = static_cast<std::uint8_t>(old_distance >> 8 * k);
      image[at + 1 + k] = static_cast<std::uint8_t>(new_distance >> 8 * k);
    }
  }
  const Bytes delta = delta_of(base, image, {{PieceKind::kAdd, 0, image.size(), 0}});
  EXPECT_LT(delta.size(), kCalls * 3 / 8) << "less than three bits for each of the calls";
  EXPECT_EQ(*decode(delta, base), image);
}

TEST(DeltaCoding, SaysWhatMemoryItNeedsAndHowTheBaseWasRead) {
  const Example example;
  const Bytes delta = delta_of(example.base, example.image, example.pieces);
  client::DeltaDecoder decoder(*client::DeltaHeader::read(payload_of(delta)), payload_of(delta), base_of(example.base));
  EXPECT_GE(decoder.header().memory_bytes(), kSegment + (1u << 17) + client::BaseCache::kBytes);
  EXPECT_LE(decoder.header().memory_bytes(), 8u << 20);
  ASSERT_TRUE(decoder.next().has_value());
  EXPECT_GE(decoder.base_reads().bytes, kSegment);
  EXPECT_LE(decoder.base_reads().bytes, kSegment + 2 * client::BaseCache::kBlockBytes);
}

}  // namespace
}  // namespace tenon::repo_tools
