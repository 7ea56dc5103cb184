#include <tenon/client/payload/full_payload.h>
#include <tenon/client/payload/little_endian.h>
#include <tenon/metadata/hex.h>

#include <algorithm>
#include <iterator>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <zstd.h>

namespace tenon::client {
namespace {

policies::Label label(std::string_view text) {
  return *policies::Label::parse(text);
}

policies::Image image_of(std::uint64_t size, std::uint64_t segment_size) {
  return {label("rootfs"), size, {}, segment_size, label("rootfs.segments"), 0, {}, {}};
}

void append(Bytes& out, ByteView bytes) {
  std::ranges::copy(bytes, std::back_inserter(out));
}

Bytes frame_of(ByteView content) {
  Bytes frame(ZSTD_compressBound(content.size()));
  frame.resize(ZSTD_compress(frame.data(), frame.size(), content.data(), content.size(), 3));
  return frame;
}

// A payload made with libzstd alone, so that decoder and encoder of ours cannot be wrong together.
struct Payload {
  policies::Image image;
  Bytes content;
  std::vector<Bytes> frames;

  static Payload of(Bytes content, std::uint64_t segment_size) {
    Payload payload{image_of(content.size(), segment_size), std::move(content), {}};
    for (std::uint64_t i = 0; i < payload.image.segment_count(); ++i)
      payload.frames.push_back(frame_of(payload.segment(i)));
    return payload;
  }

  ByteView segment(std::uint64_t index) const {
    return ByteView(content).subspan(index * image.segment_size, image.segment_length(index));
  }

  Bytes table() const {
    Bytes out;
    put_le32(out, kSeekTableFrameMagic);
    put_le32(out, frames.size() * 8 + 9);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      put_le32(out, frames[i].size());
      put_le32(out, segment(i).size());
    }
    put_le32(out, frames.size());
    out.push_back(0);
    put_le32(out, kSeekTableFooterMagic);
    return out;
  }

  Bytes bytes() const {
    Bytes out;
    for (const Bytes& frame : frames) append(out, frame);
    append(out, table());
    return out;
  }
};

Bytes mixed_content(std::size_t size) {
  std::mt19937 random(7);
  Bytes content(size);
  for (std::size_t i = 0; i < size; ++i) content[i] = static_cast<std::uint8_t>(i % 700 < 500 ? i / 90 : random());
  return content;
}

Payload small_payload() {
  return Payload::of(mixed_content(4096 * 3 + 100), 4096);
}

// What came out before the end or the first error.
struct Decoded {
  Bytes content;
  std::optional<Error> error;
};

Decoded decode(const policies::Image& image, ByteView payload, std::size_t piece_bytes = SIZE_MAX,
               std::uint64_t first = 0) {
  Decoded decoded;
  std::uint64_t index = first;
  FullPayloadDecoder decoder(image, first, [&](ByteView segment) -> Result<void> {
    EXPECT_EQ(segment.size(), image.segment_length(index++));
    append(decoded.content, segment);
    return {};
  });
  while (!payload.empty()) {
    const ByteView piece = payload.first(std::min(piece_bytes, payload.size()));
    payload = payload.subspan(piece.size());
    if (Result<void> fed = decoder.feed(piece); !fed) {
      decoded.error = fed.error();
      return decoded;
    }
  }
  if (Result<void> finished = decoder.finish(); !finished) decoded.error = finished.error();
  return decoded;
}

ErrorCode code_of(const policies::Image& image, ByteView payload) {
  const Decoded whole = decode(image, payload);
  const Decoded in_bytes = decode(image, payload, 1);
  EXPECT_TRUE(whole.error.has_value());
  EXPECT_EQ(whole.error, in_bytes.error) << "the verdict depends on how the bytes are cut";
  return whole.error ? whole.error->code : ErrorCode::kBusy;
}

TEST(FullPayloadDecoder, GivesTheImageWhateverThePieces) {
  const Payload payload = small_payload();
  for (std::size_t piece_bytes :
       {std::size_t{1}, std::size_t{2}, std::size_t{7}, std::size_t{4096}, std::size_t{SIZE_MAX}}) {
    const Decoded decoded = decode(payload.image, payload.bytes(), piece_bytes);
    EXPECT_FALSE(decoded.error.has_value()) << piece_bytes;
    EXPECT_EQ(decoded.content, payload.content) << piece_bytes;
  }
}

TEST(FullPayloadDecoder, TakesAnImageShorterThanASegmentAndOneThatEndsWithAWholeOne) {
  for (std::size_t size : {1u, 4095u, 4096u, 8192u, 8193u}) {
    const Payload payload = Payload::of(mixed_content(size), 4096);
    EXPECT_EQ(decode(payload.image, payload.bytes()).content, payload.content) << size;
    EXPECT_EQ(decode(payload.image, payload.bytes()).error, std::nullopt) << size;
  }
}

TEST(FullPayloadDecoder, TakesSegmentsOf16MiB) {
  const Payload payload = Payload::of(mixed_content((32u << 20) + 17), 16u << 20);
  const Decoded decoded = decode(payload.image, payload.bytes(), 100'000);
  EXPECT_EQ(decoded.error, std::nullopt);
  EXPECT_TRUE(decoded.content == payload.content);
}

TEST(FullPayloadDecoder, ReadsTheExampleOfTheDocumentation) {
  const Bytes payload = *from_hex(
      "28b52ffd6000ff03000861"  // docs/payload-format.md, "A worked example"
      "28b52ffd200631000074656e6f6e0a"
      "5e2a4d18190000000b000000000001000f0000000600000002000000"
      "00b1ea928f");
  const policies::Image image = image_of(65536 + 6, 65536);
  Bytes content(65536, 'a');
  append(content, as_bytes("tenon\n"));
  EXPECT_EQ(decode(image, payload, 1).content, content);
  EXPECT_EQ(decode(image, payload, 1).error, std::nullopt);
  const Result<SeekTable> table =
      SeekTable::read(ByteView(payload).last(seek_table_length(image)), image, payload.size());
  ASSERT_TRUE(table);
  EXPECT_EQ(table->offset_of(1), 11u);
  EXPECT_EQ(table->offset_of(2), 26u);
}

TEST(FullPayloadDecoder, ResumesAtAnySegmentThroughTheSeekTable) {
  const Payload payload = small_payload();
  const Bytes bytes = payload.bytes();
  const Result<SeekTable> table =
      SeekTable::read(ByteView(bytes).last(seek_table_length(payload.image)), payload.image, bytes.size());
  ASSERT_TRUE(table);
  for (std::uint64_t first = 0; first <= payload.image.segment_count(); ++first) {
    const ByteView rest = ByteView(bytes).subspan(table->offset_of(first));
    const Decoded decoded = decode(payload.image, rest, 3, first);
    EXPECT_EQ(decoded.error, std::nullopt);
    const ByteView wanted = ByteView(payload.content).subspan(std::min(first * 4096, payload.image.size));
    EXPECT_TRUE(std::ranges::equal(decoded.content, wanted)) << first;
  }
}

TEST(FullPayloadDecoder, NeedsNoSeekTable) {
  const Payload payload = small_payload();
  const Bytes bytes = payload.bytes();
  const std::size_t frames = bytes.size() - seek_table_length(payload.image);
  EXPECT_EQ(decode(payload.image, ByteView(bytes).first(frames)).error, std::nullopt);
}

// Book: DELTA-09
TEST(FullPayloadDecoder, NoticesEveryTruncation) {
  const Payload payload = small_payload();
  const Bytes bytes = payload.bytes();
  const std::size_t frames = bytes.size() - seek_table_length(payload.image);
  for (std::size_t length = 0; length < bytes.size(); ++length) {
    if (length == frames) continue;  // the seek table may be left out
    const Decoded decoded = decode(payload.image, ByteView(bytes).first(length), 64);
    ASSERT_TRUE(decoded.error.has_value()) << length;
    EXPECT_EQ(decoded.error->code, ErrorCode::kMismatch) << length;
    EXPECT_TRUE(std::ranges::equal(decoded.content, ByteView(payload.content).first(decoded.content.size())));
  }
}

// Book: DELTA-09
TEST(FullPayloadDecoder, SurvivesEveryFlippedBitAndGivesSegmentsOfTheRightLengthOnly) {
  const Payload payload = Payload::of(mixed_content(1024 + 200), 1024);
  const Bytes bytes = payload.bytes();
  for (std::size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    Bytes flipped = bytes;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1u << (bit % 8)));
    const Decoded whole = decode(payload.image, flipped);
    const Decoded in_bytes = decode(payload.image, flipped, 1);
    ASSERT_EQ(whole.error.has_value(), in_bytes.error.has_value()) << bit;
    ASSERT_EQ(whole.content, in_bytes.content) << bit;
    ASSERT_LE(whole.content.size(), payload.content.size()) << bit;
  }
}

// Book: DELTA-04
TEST(FullPayloadDecoder, RefusesAFrameThatSaysItHoldsMoreThanItsSegment) {
  Payload payload = small_payload();
  payload.frames[1] = frame_of(mixed_content(4097));
  EXPECT_EQ(code_of(payload.image, payload.bytes()), ErrorCode::kLimit);
}

// Book: DELTA-04
TEST(FullPayloadDecoder, RefusesAFrameThatHoldsMoreThanItSays) {
  // Content size 6, single segment; one RLE block of 4096 bytes, then another.
  const Bytes bomb = *from_hex("28b52ffd200602800061038000ff");
  for (std::size_t piece_bytes : {std::size_t{1}, std::size_t{SIZE_MAX}}) {
    const Decoded decoded = decode(image_of(6, 4096), bomb, piece_bytes);
    EXPECT_TRUE(decoded.error.has_value());
    EXPECT_TRUE(decoded.content.empty());
  }
}

TEST(FullPayloadDecoder, RefusesAFrameThatHoldsLessThanItsSegment) {
  Payload payload = small_payload();
  payload.frames[1] = frame_of(mixed_content(4095));
  EXPECT_EQ(code_of(payload.image, payload.bytes()), ErrorCode::kParse);
  // Says 6 and holds 5.
  EXPECT_EQ(code_of(image_of(6, 4096), *from_hex("28b52ffd2006290000"
                                                 "74656e6f6e")),
            ErrorCode::kParse);
}

TEST(FullPayloadDecoder, RefusesAFrameWithoutContentSizeAndOneWithADictionary) {
  EXPECT_EQ(code_of(image_of(6, 4096), *from_hex("28b52ffd0000"
                                                 "31000074656e6f6e0a")),
            ErrorCode::kParse);
  EXPECT_EQ(code_of(image_of(6, 4096), *from_hex("28b52ffd210106"
                                                 "31000074656e6f6e0a")),
            ErrorCode::kParse);
}

// Book: DELTA-04
TEST(FullPayloadDecoder, RefusesAWindowLargerThanASegmentHoweverTheBytesAreCut) {
  // Content size 300; an RLE block of 300 bytes, then an empty last one. The window descriptor is the byte in between.
  for (const auto& [window, fits] : {std::pair("10", true), std::pair("18", false), std::pair("ff", false)}) {
    const Bytes frame = *from_hex("28b52ffd40" + std::string(window) + "2c00" + "62090061" + "010000");
    const Decoded whole = decode(image_of(300, 4096), frame);
    EXPECT_EQ(whole.error, decode(image_of(300, 4096), frame, 1).error);
    EXPECT_EQ(whole.error ? whole.error->code : ErrorCode::kBusy, fits ? ErrorCode::kBusy : ErrorCode::kLimit)
        << window;
  }
}

TEST(FullPayloadDecoder, RefusesWhatIsNoFrame) {
  Payload payload = small_payload();
  payload.frames[0] = to_bytes("hello, I am no frame");
  EXPECT_EQ(code_of(payload.image, payload.bytes()), ErrorCode::kParse);
}

TEST(FullPayloadDecoder, RefusesASkippableFrameBetweenSegments) {
  Payload payload = small_payload();
  payload.frames.insert(payload.frames.begin() + 1, *from_hex("502a4d1801000000aa"));
  Bytes bytes;
  for (const Bytes& frame : payload.frames) append(bytes, frame);
  EXPECT_EQ(code_of(payload.image, bytes), ErrorCode::kParse);
}

TEST(FullPayloadDecoder, RefusesBytesAfterTheSeekTable) {
  const Payload payload = small_payload();
  Bytes bytes = payload.bytes();
  bytes.push_back(0);
  EXPECT_EQ(code_of(payload.image, bytes), ErrorCode::kParse);
}

TEST(FullPayloadDecoder, RefusesAnotherTailThanASeekTableOfTheRightLength) {
  const Payload payload = small_payload();
  Bytes bytes = payload.bytes();
  bytes[bytes.size() - seek_table_length(payload.image) + 4] ^= 1;
  EXPECT_EQ(code_of(payload.image, bytes), ErrorCode::kParse);
}

TEST(FullPayloadDecoder, SaysThatAnEmptyPayloadEndsEarly) {
  EXPECT_EQ(code_of(small_payload().image, {}), ErrorCode::kMismatch);
}

TEST(FullPayloadDecoder, StopsWithTheErrorOfTheHandlerAndTakesNoMore) {
  const Payload payload = small_payload();
  int calls = 0;
  FullPayloadDecoder decoder(payload.image, 0, [&](ByteView) -> Result<void> {
    ++calls;
    return Error{ErrorCode::kStorage, "the slot is full"};
  });
  const Bytes bytes = payload.bytes();
  EXPECT_EQ(decoder.feed(bytes).error().code, ErrorCode::kStorage);
  EXPECT_FALSE(decoder.feed(bytes));
  EXPECT_FALSE(decoder.finish());
  EXPECT_EQ(calls, 1);
}

// --- seek tables ---

class HostileSeekTable : public ::testing::Test {
 protected:
  Payload payload_ = small_payload();
  Bytes table_ = payload_.table();
  std::uint64_t length_ = payload_.bytes().size();

  void set_le32(std::size_t at, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) table_[at + i] = static_cast<std::uint8_t>(value >> (8 * i));
  }
  bool accepted() const { return SeekTable::read(table_, payload_.image, length_).has_value(); }
};

TEST_F(HostileSeekTable, IsAcceptedAsItIs) {
  EXPECT_TRUE(accepted());
}

TEST_F(HostileSeekTable, IsRefusedForAnyFlippedBit) {
  for (std::size_t bit = 0; bit < table_.size() * 8; ++bit) {
    table_[bit / 8] = static_cast<std::uint8_t>(table_[bit / 8] ^ (1u << (bit % 8)));
    EXPECT_FALSE(accepted()) << bit;
    table_[bit / 8] = static_cast<std::uint8_t>(table_[bit / 8] ^ (1u << (bit % 8)));
  }
}

TEST_F(HostileSeekTable, IsRefusedAtEveryOtherLength) {
  for (std::size_t length = 0; length < table_.size(); ++length) {
    EXPECT_FALSE(SeekTable::read(ByteView(table_).first(length), payload_.image, length_)) << length;
  }
  table_.push_back(0);
  EXPECT_FALSE(accepted());
}

TEST_F(HostileSeekTable, IsRefusedWithAnotherNumberOfFrames) {
  for (std::uint32_t count : {0u, 1u, 3u, 5u, 0x2000'0000u, 0xffff'ffffu}) {
    set_le32(table_.size() - 9, count);
    EXPECT_FALSE(accepted()) << count;
  }
}

TEST_F(HostileSeekTable, IsRefusedWhenTheFramesDoNotAddUpToThePayload) {
  set_le32(8, 0xffff'ffffu);
  EXPECT_FALSE(accepted());
  set_le32(8, 0);
  EXPECT_FALSE(accepted());
}

TEST_F(HostileSeekTable, IsRefusedWhenOneFrameTakesWhatAnotherLacksBelowZero) {
  // Sums that are right modulo 2^32 only.
  set_le32(8, le32(table_, 8) + 0x8000'0000u);
  set_le32(16, le32(table_, 16) + 0x8000'0000u);
  EXPECT_FALSE(accepted());
}

TEST_F(HostileSeekTable, IsRefusedForAPayloadShorterThanItself) {
  for (std::uint64_t length : {std::uint64_t{0}, std::uint64_t{table_.size() - 1}, std::uint64_t{UINT64_MAX}}) {
    EXPECT_FALSE(SeekTable::read(table_, payload_.image, length)) << length;
  }
}

}  // namespace
}  // namespace tenon::client
