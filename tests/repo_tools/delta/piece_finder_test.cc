#include <tenon/repo_tools/delta/piece_finder.h>

#include <array>
#include <chrono>

#include <tests/repo_tools/delta/ext4_image.h>
#include <tests/repo_tools/delta/piece_checks.h>

namespace tenon::repo_tools {
namespace {

std::vector<Piece> pieces_of(ByteView base, ByteView image) {
  std::vector<Piece> pieces = find_pieces(base, image, {});
  expect_pieces_cover(pieces, base, image);
  return pieces;
}

std::uint64_t unlike(ByteView base, ByteView image) {
  return unlike_bytes(pieces_of(base, image), base, image);
}

Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

Bytes slice(const Bytes& bytes, std::size_t offset, std::size_t length) {
  const ByteView part = ByteView(bytes).subspan(offset, length);
  return Bytes(part.begin(), part.end());
}

// An image made of stretches of the base, zeros, patterns and noise, with single bytes changed.
Bytes collage(const Bytes& base, std::mt19937& random) {
  Bytes image;
  const auto below = [&](std::size_t n) { return n == 0 ? 0 : random() % n; };
  for (std::size_t parts = below(12); parts > 0; --parts) {
    const std::size_t size = below(4) == 0 ? 4096 * below(6) : below(9000);
    switch (below(5)) {
      case 0: image = image + Bytes(size, 0); break;
      case 1: image = image + noise(size, static_cast<unsigned>(random())); break;
      case 2:
        for (std::size_t i = 0; i < size; ++i)
          image.push_back(static_cast<std::uint8_t>("abcdefg"[i % (1 + size % 7)]));
        break;
      default: {
        const std::size_t from = below(2) == 0 ? below(base.size() + 1) : 4096 * below(base.size() / 4096 + 1);
        image = image + slice(base, from, std::min(size, base.size() - from));
      }
    }
  }
  for (std::size_t changes = below(20); changes > 0 && !image.empty(); --changes) {
    image[below(image.size())] = static_cast<std::uint8_t>(random());
  }
  return image;
}

TEST(PieceFinder, CoversAnyImageExactlyWhateverTheBase) {
  std::mt19937 random(1);
  for (int round = 0; round < 400; ++round) {
    const Bytes seed = noise(random() % 40'000, static_cast<unsigned>(random()));
    const Bytes base = collage(seed, random);
    const Bytes image = collage(base, random);
    const std::vector<Piece> pieces = find_pieces(base, image, {});
    ASSERT_NO_FATAL_FAILURE(expect_pieces_cover(pieces, base, image)) << round;
  }
}

TEST(PieceFinder, KnowsTheSmallestImages) {
  const Bytes none;
  EXPECT_TRUE(pieces_of(none, none).empty());
  EXPECT_TRUE(pieces_of(Bytes{7}, none).empty());
  EXPECT_EQ(pieces_of(none, Bytes{7}), (std::vector<Piece>{{PieceKind::kLiteral, 0, 1, 0}}));
  EXPECT_EQ(pieces_of(none, Bytes{0}), (std::vector<Piece>{{PieceKind::kZero, 0, 1, 0}}));
  EXPECT_EQ(pieces_of(Bytes{7}, Bytes(5, 0)), (std::vector<Piece>{{PieceKind::kZero, 0, 5, 0}}));
}

TEST(PieceFinder, MakesOneCopyOfAnImageThatHasNotChanged) {
  for (const std::size_t size : {100u, 4096u, 100'001u}) {
    const Bytes image = noise(size, 2);
    EXPECT_EQ(pieces_of(image, image), (std::vector<Piece>{{PieceKind::kAdd, 0, size, 0}})) << size;
  }
}

TEST(PieceFinder, FindsWhatMovedByAnOddNumberOfBytes) {
  const Bytes base = noise(300'000, 3);
  for (const std::size_t shift : {1u, 7u, 4095u, 4097u}) {
    EXPECT_EQ(unlike(base, noise(shift, 4) + base), shift);
    EXPECT_EQ(unlike(base, slice(base, shift, base.size() - shift)), 0u);
  }
}

TEST(PieceFinder, FindsBlocksInAnyOrder) {
  const Bytes base = noise(64 * 4096, 5);
  Bytes image;
  for (std::size_t i = 0; i < 64; ++i) image = image + slice(base, 4096 * (i * 37 % 64), 4096);
  EXPECT_EQ(unlike(base, image), 0u);
}

TEST(PieceFinder, KeepsAStretchTogetherWhenSingleBytesDiffer) {
  const Bytes base = noise(200'000, 6);
  Bytes image = Bytes(3, 1) + base;
  for (std::size_t at = 100; at < image.size(); at += 50) image[at] ^= 0x55;
  const std::vector<Piece> pieces = pieces_of(base, image);
  EXPECT_LE(pieces.size(), 4u);
  EXPECT_LE(unlike_bytes(pieces, base, image), 4003u);
}

TEST(PieceFinder, FindsWhatGoesOnBehindALongChange) {
  const Bytes base = noise(300'000, 16);
  Bytes image = Bytes(3, 1) + base;
  const Bytes change = noise(20'000, 17);
  std::copy(change.begin(), change.end(), image.begin() + 4000);
  EXPECT_LE(unlike(base, image), change.size() + 3);
}

TEST(PieceFinder, LeavesNoiseLiteral) {
  const Bytes base = noise(200'000, 7);
  const Bytes image = noise(200'000, 8);
  const std::vector<Piece> pieces = pieces_of(base, image);
  EXPECT_EQ(pieces, (std::vector<Piece>{{PieceKind::kLiteral, 0, image.size(), 0}}));
}

TEST(PieceFinder, MakesHolesZeros) {
  const Bytes data = noise(10'000, 9);
  const Bytes image = data + Bytes(5u << 20, 0) + data + Bytes(3u << 20, 0);
  const std::vector<Piece> pieces = pieces_of(Bytes(1u << 20, 0), image);
  EXPECT_EQ(std::ranges::count(pieces, PieceKind::kZero, &Piece::kind), 2);
  EXPECT_LE(unlike_bytes(pieces, Bytes(1u << 20, 0), image), 2 * (data.size() + 4096));
  EXPECT_EQ(unlike(data, image), 0u);
}

TEST(PieceFinder, FindsTheSamePiecesWithAnyNumberOfWorkers) {
  std::mt19937 random(10);
  // Above what one worker scans at once, and what is sorted in one go beside other work.
  const Bytes base = noise(5u << 20, 11);
  Bytes image;
  for (int i = 0; i < 40; ++i)
    image = image + slice(base, random() % (4u << 20), 200'001) + noise(777, static_cast<unsigned>(i));
  const std::vector<Piece> one = find_pieces(base, image, {.workers = 1});
  expect_pieces_cover(one, base, image);
  EXPECT_EQ(find_pieces(base, image, {.workers = 2}), one);
  EXPECT_EQ(find_pieces(base, image, {.workers = 4}), one);
}

TEST(PieceFinder, TellsHowFarItIs) {
  const Bytes base = noise(100'000, 12);
  const Bytes image = noise(100, 13) + base;
  std::uint64_t last = 0;
  std::uint64_t whole = 1;
  find_pieces(base, image, {}, [&](std::uint64_t done, std::uint64_t total) {
    EXPECT_GT(done, last);
    EXPECT_LE(done, total);
    last = done;
    whole = total;
  });
  EXPECT_EQ(last, whole);
}

// Data that repeats itself makes a naive search quadratic: hours for these.
TEST(PieceFinder, EndsSoonOnDataThatRepeatsItself) {
  constexpr std::size_t kSize = 8u << 20;
  const auto periodic = [](std::size_t period, std::size_t size, unsigned seed) {
    const Bytes pattern = noise(period, seed);
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i) bytes[i] = pattern[i % period];
    return bytes;
  };
  Bytes broken = periodic(1000, kSize, 16);
  for (std::size_t at = 0; at < kSize; at += 40) broken[at] ^= 1;
  const std::array<std::pair<Bytes, Bytes>, 5> pairs = {{
      {Bytes(kSize, 'x'), Bytes(kSize - 5, 'x')},
      {Bytes(kSize, 'x'), Bytes(kSize, 'y')},
      {periodic(3, kSize, 14), Bytes(1, 'a') + periodic(3, kSize, 14)},
      {periodic(1000, kSize, 15), periodic(1001, kSize, 15)},
      {periodic(1000, kSize, 16), broken},
  }};
  for (const auto& [base, image] : pairs) pieces_of(base, image);  // the limit is that of the test
}

class FileSystemPieces : public ::testing::Test {
 protected:
  // How many bytes of some content differ from what its blocks, wherever they lie in the image, are made from.
  static std::uint64_t unlike_in(const Bytes& content, const Bytes& base, const Bytes& image) {
    const std::vector<Piece> pieces = pieces_of(base, image);
    std::uint64_t count = 0;
    for (std::size_t at = 0; at < content.size(); at += 4096) {
      const Bytes block = slice(content, at, std::min<std::size_t>(4096, content.size() - at));
      const auto found = std::search(image.begin(), image.end(), block.begin(), block.end());
      EXPECT_NE(found, image.end());
      const auto place = static_cast<std::uint64_t>(found - image.begin());
      count += unlike_bytes(part_of(pieces, place, block.size()), base, image);
    }
    return count;
  }

 private:
  static std::vector<Piece> part_of(const std::vector<Piece>& pieces, std::uint64_t offset, std::uint64_t length) {
    std::vector<Piece> part;
    for (Piece piece : pieces) {
      const std::uint64_t from = std::max(piece.offset, offset);
      const std::uint64_t to = std::min(piece.offset + piece.length, offset + length);
      if (from >= to) continue;
      if (piece.kind == PieceKind::kAdd) piece.base_offset += from - piece.offset;
      piece.offset = from;
      piece.length = to - from;
      part.push_back(piece);
    }
    return part;
  }
};

TEST_F(FileSystemPieces, CopiesFilesThatHaveNotChangedFromWhereTheyWere) {
  const Bytes kept = noise(100'000, 20);
  const Bytes moved = noise(50'000, 21);
  const Bytes log = noise(30'000, 22);
  Ext4Image before;
  before.write("a/first", log);
  before.write("b/kept", kept);
  before.write("b/moved", moved);
  Ext4Image after;
  after.write("a/first", log + noise(90'000, 23));
  after.write("b/kept", kept);
  after.write("z/moved", moved);
  const Bytes base = before.make();
  const Bytes image = after.make();
  for (const Bytes& content : {kept, moved, log}) EXPECT_EQ(unlike_in(content, base, image), 0u);
  EXPECT_LT(unlike(base, image), 95'000u);
}

TEST_F(FileSystemPieces, PairsVersionsOfAFileUnderOtherNames) {
  // Too many small changes for the same 4 KiB block to occur again.
  Bytes library = noise(200'000, 24);
  Ext4Image before;
  before.write("lib/libtenon.so.1.2.3", library);
  for (std::size_t at = 0; at < library.size(); at += 300) library[at] ^= 9;
  Ext4Image after;
  after.write("lib/libtenon.so.1.10.0", library);
  const Bytes base = before.make();
  const Bytes image = after.make();
  EXPECT_LE(unlike_in(library, base, image), 200'000u / 300 + 1);
}

TEST_F(FileSystemPieces, WorkWithoutAFileSystemToo) {
  Ext4Image tree;
  tree.write("f", noise(100'000, 25));
  const Bytes base = tree.make();
  tree.write("e", noise(5'000, 26));
  const Bytes image = tree.make();
  const std::vector<Piece> pieces = find_pieces(base, image, {.use_file_system = false});
  expect_pieces_cover(pieces, base, image);
  EXPECT_LT(unlike_bytes(pieces, base, image), 10'000u);
}

TEST_F(FileSystemPieces, AnswerAnyDamageWithPiecesThatStillCoverTheImage) {
  Ext4Image tree;
  tree.write("d/one", noise(60'000, 27));
  tree.write("d/two", noise(2'000, 28));
  const Bytes base = tree.make("-N 32", 2);
  std::mt19937 random(29);
  for (int round = 0; round < 150; ++round) {
    Bytes image = base;
    // The superblock, the descriptors, and the blocks after them: bitmaps, inodes, directories.
    for (unsigned i = 0; i < 1 + random() % 20; ++i) {
      image[random() % 2 == 0 ? 1024 + random() % 8192 : random() % image.size()] = static_cast<std::uint8_t>(random());
    }
    const std::vector<Piece> forth = find_pieces(base, image, {});
    ASSERT_NO_FATAL_FAILURE(expect_pieces_cover(forth, base, image)) << round;
    const std::vector<Piece> back = find_pieces(image, base, {});
    ASSERT_NO_FATAL_FAILURE(expect_pieces_cover(back, image, base)) << round;
  }
}

}  // namespace
}  // namespace tenon::repo_tools
