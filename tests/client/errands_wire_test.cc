// What tenond and its courier say to each other: neither believes the other's bytes.
#include <tenon/client/errands/answer_reader.h>
#include <tenon/client/errands/errand_wire.h>

#include <limits>
#include <string>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

using std::chrono::seconds;

ByteView body_of(const Bytes& frame) {
  return ByteView(frame).subspan(kHeadBytes);
}

FrameHead head_of(const Bytes& frame) {
  return *FrameHead::read(std::span(frame).first<kHeadBytes>());
}

bool is_head(std::uint8_t kind, std::uint32_t length) {
  return FrameHead::read(FrameHead{static_cast<FrameKind>(kind), length}.to_bytes()).has_value();
}

Errand an_errand() {
  return Errand{2, FetchRequest{.path = "targets/a/b", .offset = 1u << 20, .max_length = 77, .is_part = true}};
}

TEST(FrameHead, HasALimitForEachKind) {
  EXPECT_TRUE(is_head('P', 1) && is_head('P', kMaxPieceBytes));
  EXPECT_FALSE(is_head('P', 0)) << "pieces of nothing could come for ever";
  EXPECT_FALSE(is_head('P', kMaxPieceBytes + 1));
  EXPECT_FALSE(is_head('F', 19) || is_head('F', kMaxPathBytes + 20) || is_head('F', 0xFFFFFFFF));
  EXPECT_FALSE(is_head('E', 4) || is_head('E', kMaxTextBytes + 6) || is_head('E', 0xFFFFFFFF));
  for (int kind = 0; kind < 256; ++kind) {
    const bool is_known = kind == 'F' || kind == 'P' || kind == 'E';
    EXPECT_EQ(is_head(static_cast<std::uint8_t>(kind), 100), is_known) << kind;
  }
}

TEST(Errand, ComesBackAsItWas) {
  const Bytes frame = an_errand().to_frame();
  EXPECT_EQ(head_of(frame).kind, FrameKind::kErrand);
  ASSERT_EQ(head_of(frame).length, body_of(frame).size());
  const Result<Errand> read = Errand::read(body_of(frame));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->source, 2);
  EXPECT_EQ(read->request.path, "targets/a/b");
  EXPECT_EQ(read->request.offset, 1u << 20);
  EXPECT_EQ(read->request.max_length, 77u);
  EXPECT_TRUE(read->request.is_part);
}

TEST(Errand, RefusesWhatIsCutAndWhatIsTooLong) {
  const Bytes frame = an_errand().to_frame();
  for (std::size_t size = 0; size <= 19; ++size) EXPECT_FALSE(Errand::read(body_of(frame).first(size))) << size;
  Bytes long_body(19 + kMaxPathBytes + 1, 'a');
  EXPECT_FALSE(Errand::read(long_body));
}

TEST(Errand, RefusesARangeThatNoFileHas) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  for (const auto& [offset, length] : {std::pair<std::uint64_t, std::uint64_t>{0, kMost + 1},
                                       {kMost + 1, 0},
                                       {kMost, 1},
                                       {std::numeric_limits<std::uint64_t>::max(), 1}}) {
    Errand errand = an_errand();
    errand.request.offset = offset;
    errand.request.max_length = length;
    EXPECT_FALSE(Errand::read(body_of(errand.to_frame()))) << offset;
  }
  Errand empty_part = an_errand();
  empty_part.request.max_length = 0;
  EXPECT_FALSE(Errand::read(body_of(empty_part.to_frame())));
}

TEST(ErrandEnd, ComesBackAsItWas) {
  for (const FetchOutcome outcome : {FetchOutcome::kComplete, FetchOutcome::kNotFound}) {
    const Result<ErrandEnd> read = ErrandEnd::read(body_of(ErrandEnd{outcome, seconds(17)}.to_frame()));
    ASSERT_TRUE(read && read->outcome);
    EXPECT_EQ(*read->outcome, outcome);
    EXPECT_EQ(read->asked_pause, seconds(17));
  }
  for (const Error& error : {Error{ErrorCode::kNet, "what", "hint"}, Error{ErrorCode::kLimit, "much"}}) {
    const Result<ErrandEnd> read = ErrandEnd::read(body_of(ErrandEnd{error}.to_frame()));
    ASSERT_TRUE(read && !read->outcome);
    EXPECT_EQ(read->outcome.error(), error);
  }
}

TEST(ErrandEnd, HasNoCodeForAnythingButTheNetworkAndALimit) {
  for (const ErrorCode code : {ErrorCode::kSig, ErrorCode::kStorage, ErrorCode::kBusy, ErrorCode::kUsage}) {
    const Result<ErrandEnd> read = ErrandEnd::read(body_of(ErrandEnd{Error{code, "what"}}.to_frame()));
    ASSERT_TRUE(read && !read->outcome);
    EXPECT_EQ(read->outcome.error().code, ErrorCode::kNet);
  }
}

TEST(ErrandEnd, IsWrittenPrintableAndWithinItsLimit) {
  const Error hostile{ErrorCode::kNet, std::string(100'000, '\x1b'), std::string(100'000, '\n')};
  const Bytes frame = ErrandEnd{hostile, seconds(1'000'000)}.to_frame();
  ASSERT_TRUE(FrameHead::read(std::span(frame).first<kHeadBytes>()));
  const Result<ErrandEnd> read = ErrandEnd::read(body_of(frame));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(read->outcome.error().message.find('\x1b'), std::string::npos);
  EXPECT_EQ(read->asked_pause, seconds(600));
}

TEST(ErrandEnd, RefusesWhatNoCourierOfOursSays) {
  const Bytes frame = ErrandEnd{Error{ErrorCode::kNet, "what", "hint"}}.to_frame();
  const Bytes good(frame.begin() + kHeadBytes, frame.end());
  const auto changed = [&](std::size_t at, std::uint8_t value) {
    Bytes bad = good;
    bad[at] = value;
    return !ErrandEnd::read(bad);
  };
  ASSERT_TRUE(ErrandEnd::read(good));
  EXPECT_TRUE(changed(0, 4)) << "an outcome that is none";
  EXPECT_TRUE(changed(0, 0)) << "a message of no error";
  EXPECT_TRUE(changed(2, 3)) << "a pause of hours";
  EXPECT_TRUE(changed(3, 0)) << "an error without a message";
  EXPECT_TRUE(changed(4, 1)) << "a message that ends behind the frame";
  EXPECT_TRUE(changed(5, '\x1b')) << "a terminal's words";
  EXPECT_TRUE(changed(6, 0xff)) << "no UTF-8";
}

// What came of an answer.
struct Read : ByteSink {
  FetchRequest request = {.path = "x", .offset = 0, .max_length = 10, .is_part = false};
  AnswerReader reader{request, *this};
  std::string got = {};
  bool refuses = false;

  Result<void> accept(ByteView piece) override {
    if (refuses) return Error{ErrorCode::kMismatch, "not what is signed"};
    got += as_text(piece);
    return {};
  }
  // The code of the error, or nothing.
  std::optional<ErrorCode> take(ByteView bytes) {
    const Result<void> taken = reader.take(bytes);
    return taken ? std::nullopt : std::optional(taken.error().code);
  }
};

Bytes piece(std::string_view text) {
  const auto head = FrameHead{FrameKind::kPiece, static_cast<std::uint32_t>(text.size())}.to_bytes();
  Bytes frame(head.begin(), head.end());
  frame.insert(frame.end(), text.begin(), text.end());
  return frame;
}
Bytes operator+(Bytes a, const Bytes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}
const Bytes kComplete = ErrandEnd{FetchOutcome::kComplete}.to_frame();

TEST(AnswerReader, TakesAnAnswerInPiecesOfAnySize) {
  const Bytes answer = piece("01234") + piece("56") + kComplete;
  for (std::size_t size = 1; size <= answer.size(); ++size) {
    Read read;
    for (ByteView rest = answer; !rest.empty(); rest = rest.subspan(std::min(size, rest.size()))) {
      EXPECT_FALSE(read.reader.end());
      ASSERT_FALSE(read.take(rest.first(std::min(size, rest.size()))));
    }
    EXPECT_EQ(read.got, "0123456");
    EXPECT_TRUE(read.reader.end() && read.reader.end()->outcome);
  }
}

TEST(AnswerReader, RefusesMoreThanWasAskedForBeforeAnyOfItIsTaken) {
  Read read;
  EXPECT_FALSE(read.take(piece("0123456789")));
  EXPECT_EQ(read.take(piece("x")), ErrorCode::kLimit);
  EXPECT_EQ(read.got, "0123456789");
  Read at_once;
  EXPECT_EQ(at_once.take(FrameHead{FrameKind::kPiece, 11}.to_bytes()), ErrorCode::kLimit);
}

TEST(AnswerReader, RefusesAPartThatEndsEarly) {
  Read read;
  read.request.is_part = true;
  EXPECT_EQ(read.take(piece("012345678") + kComplete), ErrorCode::kNet);
  EXPECT_FALSE(read.reader.end());
}

TEST(AnswerReader, RefusesWhatContradictsItself) {
  EXPECT_EQ(Read().take(piece("0") + ErrandEnd{FetchOutcome::kNotFound}.to_frame()), ErrorCode::kNet);
  EXPECT_EQ(Read().take(kComplete + kComplete), ErrorCode::kNet);
  EXPECT_EQ(Read().take(kComplete + piece("0")), ErrorCode::kNet);
  EXPECT_EQ(Read().take(Errand{0, {.path = "y"}}.to_frame()), ErrorCode::kNet);
  EXPECT_EQ(Read().take(as_bytes("HTTP/1.1 200 OK\r\n")), ErrorCode::kNet);
}

TEST(AnswerReader, GivesBackWhatTheSinkSaid) {
  Read read;
  read.refuses = true;
  EXPECT_EQ(read.take(piece("0")), ErrorCode::kMismatch);
}

}  // namespace
}  // namespace tenon::client
