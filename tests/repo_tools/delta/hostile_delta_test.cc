// Deltas that a broken or hostile encoder makes, or that were damaged on the way. Whoever decodes them compares each segment
// with the signed list afterwards; here it is about ending in order before that.
#include <tenon/client/payload/group_reader.h>
#include <tenon/client/payload/piece_model.h>
#include <tenon/client/payload/varint.h>
#include <tenon/repo_tools/delta/range_encoder.h>

#include <functional>
#include <string>

#include <gtest/gtest.h>
#include <tests/repo_tools/delta/delta_bytes.h>
#include <tests/repo_tools/delta/piece_checks.h>
#include <zstd.h>

namespace tenon::repo_tools {
namespace {

using client::DeltaHeader;

ErrorCode code_of(ByteView delta, ByteView base = {}) {
  const Result<Bytes> decoded = decode(delta, base);
  return decoded ? ErrorCode::kBusy : decoded.error().code;  // kBusy: no decoder says it
}

Bytes small_delta(const Bytes& base) {
  Bytes image(base.begin() + 7, base.begin() + 3000);
  for (std::size_t i = 0; i < image.size(); i += 50) ++image[i];
  const Bytes fresh = noise(400, 3);
  image.insert(image.end(), fresh.begin(), fresh.end());
  return delta_of(base, image, {{PieceKind::kAdd, 0, 2993, 7}, {PieceKind::kLiteral, 2993, 400, 0}});
}

// Book: DELTA-09
TEST(HostileDelta, NoticesEveryTruncation) {
  const Bytes base = noise(4000, 1);
  const Bytes delta = small_delta(base);
  ASSERT_EQ(code_of(delta, base), ErrorCode::kBusy);
  for (std::size_t length = 0; length < delta.size(); ++length) {
    ASSERT_EQ(code_of(ByteView(delta).first(length), base), ErrorCode::kParse) << length;
  }
}

// Book: DELTA-09
TEST(HostileDelta, EndsInOrderOnEveryFlippedBit) {
  const Bytes base = noise(4000, 1);
  const Bytes delta = small_delta(base);
  const Bytes image = *decode(delta, base);
  std::size_t same = 0;
  for (std::size_t bit = 0; bit < delta.size() * 8; ++bit) {
    Bytes flipped = delta;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ 1u << bit % 8);
    const Result<DeltaHeader> header = DeltaHeader::read(payload_of(flipped));
    if (header && header->image_size != image.size()) continue;  // a device compares it with the release
    const Result<Bytes> decoded = decode(flipped, base);
    same += decoded.has_value() && *decoded == image ? 1 : 0;
  }
  EXPECT_LT(same, 300u) << "the digest in the header, and what zstd does not look at";
}

// A header as a hostile encoder would pack it.
Bytes packed(const Bytes& body, std::uint64_t says = UINT64_MAX) {
  Bytes out(client::kDeltaMagic.begin(), client::kDeltaMagic.end());
  Bytes frame(ZSTD_compressBound(body.size()));
  frame.resize(ZSTD_compress(frame.data(), frame.size(), body.data(), body.size(), 1));
  for (const std::uint64_t value :
       {std::uint64_t{frame.size()}, says == UINT64_MAX ? std::uint64_t{body.size()} : says}) {
    for (unsigned shift = 0; shift < 32; shift += 8) out.push_back(static_cast<std::uint8_t>(value >> shift));
  }
  out.insert(out.end(), frame.begin(), frame.end());
  return out;
}

struct Body {
  std::uint64_t image_size = 100;
  std::uint64_t segment_log = 16;
  std::uint64_t base_size = 100;
  std::uint64_t window_log = 10;
  std::vector<std::pair<std::uint64_t, std::uint64_t>> groups = {{1, 10}};
  std::function<void(Bytes&)> more = [](Bytes&) {};

  Bytes bytes() const {
    Bytes body;
    for (const std::uint64_t number : {image_size, segment_log, base_size, window_log})
      client::put_varint(body, number);
    body.resize(body.size() + 32);
    client::put_varint(body, groups.size());
    for (const auto& [segments, bytes] : groups) {
      client::put_varint(body, segments);
      client::put_varint(body, bytes);
    }
    more(body);
    return body;
  }
};

ErrorCode header_code(const Bytes& delta) {
  const Result<DeltaHeader> header = DeltaHeader::read(payload_of(delta));
  return header ? ErrorCode::kBusy : header.error().code;
}

TEST(HostileDelta, RefusesAHeaderThatIsNone) {
  EXPECT_EQ(header_code(packed(Body{}.bytes())), ErrorCode::kBusy);
  EXPECT_EQ(header_code({}), ErrorCode::kParse);
  Bytes other = packed(Body{}.bytes());
  other[0] = 'X';
  EXPECT_EQ(header_code(other), ErrorCode::kParse);
  Bytes newer = packed(Body{}.bytes());
  newer[7] = 2;
  EXPECT_EQ(header_code(newer), ErrorCode::kParse);
  EXPECT_EQ(header_code(packed(Body{}.bytes(), 5)), ErrorCode::kParse);
}

// Book: DELTA-03
TEST(HostileDelta, RefusesSizesOutOfRange) {
  const auto code = [](const std::function<void(Body&)>& change) {
    Body body;
    change(body);
    return header_code(packed(body.bytes()));
  };
  EXPECT_EQ(code([](Body& body) { body.image_size = std::uint64_t{1} << 62; }), ErrorCode::kParse);
  EXPECT_EQ(code([](Body& body) { body.base_size = std::uint64_t{1} << 62; }), ErrorCode::kParse);
  EXPECT_EQ(code([](Body& body) { body.segment_log = 15; }), ErrorCode::kParse);
  EXPECT_EQ(code([](Body& body) { body.segment_log = 63; }), ErrorCode::kParse);
  EXPECT_EQ(code([](Body& body) { body.image_size = std::uint64_t{1} << 39; }), ErrorCode::kLimit);
  EXPECT_EQ(code([](Body& body) { body.window_log = 23; }), ErrorCode::kLimit);
  EXPECT_EQ(code([](Body& body) { body.window_log = 9; }), ErrorCode::kLimit);
  EXPECT_EQ(code([](Body& body) { body.groups = {{2, 10}}; }), ErrorCode::kParse);
  EXPECT_EQ(code([](Body& body) { body.groups = {}; }), ErrorCode::kParse);
  EXPECT_EQ(code([](Body& body) { body.groups = {{0, 5}, {1, 10}}; }), ErrorCode::kParse);
  EXPECT_EQ(code([](Body& body) { body.more = [](Bytes& out) { out.push_back(0x80); }; }), ErrorCode::kParse);
}

TEST(HostileDelta, PassesOverSectionsThatMayBeUnknownAndRefusesTheOthers) {
  const auto with_section = [](std::uint64_t tag) {
    Body body;
    body.more = [tag](Bytes& out) {
      client::put_varint(out, tag);
      client::put_varint(out, 3);
      out.resize(out.size() + 3);
    };
    return packed(body.bytes());
  };
  EXPECT_EQ(header_code(with_section(2)), ErrorCode::kBusy);
  EXPECT_EQ(header_code(with_section(3)), ErrorCode::kParse);
  EXPECT_EQ(header_code(with_section(1)), ErrorCode::kParse) << "checksums of ext4, cut";
}

// Book: DELTA-04
TEST(HostileDelta, TakesNoMemoryForAHeaderThatUnpacksToMoreThanItSays) {
  Bytes bomb = packed(Bytes(1u << 22), 100);
  EXPECT_EQ(header_code(bomb), ErrorCode::kParse);
  bomb = packed(Bytes(1u << 22), 1u << 22);
  EXPECT_EQ(header_code(bomb), ErrorCode::kLimit);
}

// One group of pieces that the test writes itself.
class GroupByHand {
 public:
  GroupByHand() : model_(encoder_) {}
  GroupByHand(const GroupByHand&) = delete;
  GroupByHand& operator=(const GroupByHand&) = delete;

  client::PieceModel<RangeEncoder>& model() { return model_; }
  void add_record(std::uint64_t stream, ByteView bytes) {
    client::put_varint(records_, bytes.size() << 1 | stream);
    records_.insert(records_.end(), bytes.begin(), bytes.end());
  }
  void add_pieces() {
    const Bytes pieces = encoder_.finish();
    for (std::size_t at = 0; at < pieces.size(); at += client::kMaxRecordBytes) {
      add_record(0, ByteView(pieces).subspan(at, std::min(client::kMaxRecordBytes, pieces.size() - at)));
    }
  }
  void add_literals(ByteView literals) {
    Bytes frame(ZSTD_compressBound(literals.size()));
    frame.resize(ZSTD_compress(frame.data(), frame.size(), literals.data(), literals.size(), 1));
    add_record(1, frame);
  }
  Bytes delta(std::uint64_t image_size, std::uint64_t base_size = 100) const {
    Body body;
    body.image_size = image_size;
    body.base_size = base_size;
    body.groups = {{(image_size + kSegment - 1) / kSegment, records_.size()}};
    Bytes out = packed(body.bytes());
    out.insert(out.end(), records_.begin(), records_.end());
    return out;
  }

 private:
  RangeEncoder encoder_;
  client::PieceModel<RangeEncoder> model_;
  Bytes records_;
};

// Book: DELTA-03
TEST(HostileDelta, RefusesPiecesFromBeyondTheBaseBeforeItAndAcrossItsEnd) {
  for (const std::uint64_t base_offset : {std::uint64_t{100}, std::uint64_t{91}, UINT64_MAX, std::uint64_t{1} << 63}) {
    GroupByHand group;
    group.model().code_kind(PieceKind::kAdd);
    group.model().code_move(0 - base_offset);
    group.model().code_length(10, 10);
    group.model().code_exact(true);
    group.add_pieces();
    EXPECT_EQ(code_of(group.delta(10), Bytes(100)), ErrorCode::kParse) << base_offset;
  }
}

// Book: DELTA-03
TEST(HostileDelta, RefusesPiecesThatGoBeyondTheirSegment) {
  for (const std::uint64_t length : {std::uint64_t{11}, std::uint64_t{1} << 38}) {
    GroupByHand group;
    group.model().code_kind(PieceKind::kZero);
    group.model().code_length(length, 10);
    group.add_pieces();
    EXPECT_EQ(code_of(group.delta(10)), ErrorCode::kParse) << length;
  }
}

// Book: DELTA-04
TEST(HostileDelta, RefusesMoreLiteralsThanPiecesTake) {
  GroupByHand group;
  group.model().code_kind(PieceKind::kLiteral);
  group.model().code_length(10, 10);
  group.add_pieces();
  group.add_literals(Bytes(1u << 20, 'x'));
  EXPECT_EQ(code_of(group.delta(10)), ErrorCode::kParse);
}

TEST(HostileDelta, RefusesLiteralsThatEndTooEarlyAndThoseThatNobodyTakes) {
  GroupByHand few;
  few.model().code_kind(PieceKind::kLiteral);
  few.model().code_length(10, 10);
  few.add_pieces();
  few.add_literals(Bytes(9, 'x'));
  EXPECT_EQ(code_of(few.delta(10)), ErrorCode::kParse);
  GroupByHand unasked;
  unasked.model().code_kind(PieceKind::kZero);
  unasked.model().code_length(10, 10);
  unasked.add_pieces();
  unasked.add_literals(Bytes(9, 'x'));
  EXPECT_EQ(code_of(unasked.delta(10)), ErrorCode::kParse);
}

TEST(HostileDelta, RefusesRecordsThatAreEmptyTooLongOrUncalledFor) {
  const auto begin = [](GroupByHand& group) {
    group.model().code_kind(PieceKind::kLiteral);
    group.model().code_length(10, 10);
  };
  GroupByHand empty;
  begin(empty);
  empty.add_record(0, {});
  empty.add_pieces();
  EXPECT_EQ(code_of(empty.delta(10)), ErrorCode::kParse);
  GroupByHand long_one;
  begin(long_one);
  long_one.add_record(0, Bytes(client::kMaxRecordBytes + 1));
  EXPECT_EQ(code_of(long_one.delta(10)), ErrorCode::kParse);
  GroupByHand flood;
  begin(flood);
  for (int i = 0; i < 5; ++i) flood.add_record(1, Bytes(client::kMaxRecordBytes));
  flood.add_pieces();
  EXPECT_EQ(code_of(flood.delta(10)), ErrorCode::kLimit);
}

// One byte from here and one from there: each reads a block of the base.
// Book: DELTA-03
TEST(HostileDelta, ReadsNoMoreOfTheBaseThanAThousandTimesASegment) {
  constexpr std::uint64_t kBlock = client::BaseCache::kBlockBytes;
  constexpr std::uint64_t kBase = 200 * 2 * kBlock;
  GroupByHand group;
  for (std::uint64_t at = 0; at < kSegment; ++at) {
    group.model().code_kind(PieceKind::kAdd);
    group.model().code_move(at - at % 200 * 2 * kBlock);
    group.model().code_length(1, kSegment - at);
    group.model().code_exact(true);
  }
  group.add_pieces();
  EXPECT_EQ(code_of(group.delta(kSegment, kBase), Bytes(kBase)), ErrorCode::kLimit);
}

TEST(HostileDelta, BelievesNoCountThatItsHeaderCannotHold) {
  Body body;
  body.more = [](Bytes& out) {
    Bytes section;
    for (const std::uint64_t number : {0u, 8u, 12u, 0u, 1000u}) client::put_varint(section, number);
    section.resize(section.size() + 40);  // a thousand inodes in forty bytes
    client::put_varint(out, 1);
    client::put_varint(out, section.size());
    out.insert(out.end(), section.begin(), section.end());
  };
  EXPECT_EQ(header_code(packed(body.bytes())), ErrorCode::kParse);
  body = Body{};
  body.groups.assign(100'000, {1, 1});
  EXPECT_EQ(header_code(packed(body.bytes())), ErrorCode::kParse);
}

// What is left out then is bytes like others.
// Book: DELTA-05
TEST(HostileDelta, IsNeverMadeByUsWithMoreChecksumsThanAHeaderHolds) {
  client::Ext4Checksums::Layout layout;
  for (std::uint32_t i = 0; i < 70'000; ++i)
    layout.directories.push_back({i * 8192ull, i + 2, 0x87654321u ^ i * 2654435761u});
  const std::uint64_t image_size = 70'000 * 8192ull;
  EXPECT_FALSE(client::fits_a_header(*client::Ext4Checksums::create(layout, image_size)));
  layout.directories.resize(1000);
  EXPECT_TRUE(client::fits_a_header(*client::Ext4Checksums::create(layout, image_size)));
}

TEST(HostileDelta, TellsWhatItsReadersSay) {
  const Bytes base = noise(4000, 1);
  const Bytes delta = small_delta(base);
  const DeltaHeader header = *DeltaHeader::read(payload_of(delta));
  client::DeltaDecoder no_base(header, payload_of(delta), [](std::uint64_t, std::span<std::uint8_t>) -> Result<void> {
    return Error{ErrorCode::kStorage, "EIO"};
  });
  EXPECT_EQ(no_base.next().error().code, ErrorCode::kStorage);
  EXPECT_EQ(no_base.next().error().code, ErrorCode::kParse) << "it was refused before";
  client::DeltaDecoder no_payload(
      header,
      [](std::uint64_t, std::span<std::uint8_t>) -> Result<std::size_t> {
        return Error{ErrorCode::kNet, "gone"};
      },
      base_of(base));
  EXPECT_EQ(no_payload.next().error().code, ErrorCode::kNet);
}

}  // namespace
}  // namespace tenon::repo_tools
