// What comes over the connection between tenond and its courier, both ways. The first byte says which: 'f' the body of
// an errand, 'e' the body of an end, 'a' a whole answer as tenond reads it. What is read is written back as the same;
// an answer means the same in whatever pieces it comes, and the sink never gets more than was asked for.
#include <tenon/client/errands/answer_reader.h>
#include <tenon/client/errands/errand_wire.h>
#include <tenon/client/transport/retry_after.h>
#include <tenon/metadata/check.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>

namespace {

using tenon::Bytes;
using tenon::ByteView;
using tenon::Result;
namespace client = tenon::client;

ByteView body_of(const Bytes& frame) {
  const auto head = client::FrameHead::read(std::span(frame).first<client::kHeadBytes>());
  TENON_CHECK(head && head->length == frame.size() - client::kHeadBytes);
  return ByteView(frame).subspan(client::kHeadBytes);
}

void check_errand(ByteView body) {
  const Result<client::Errand> errand = client::Errand::read(body);
  if (!errand) return;
  const client::FetchRequest& request = errand->request;
  TENON_CHECK(!request.path.empty() && request.path.size() <= client::kMaxPathBytes);
  TENON_CHECK(request.offset + request.max_length >= request.offset);
  TENON_CHECK(!request.is_part || request.max_length > 0);
  TENON_CHECK(std::ranges::equal(body_of(errand->to_frame()), body));
}

void check_end(ByteView body) {
  const Result<client::ErrandEnd> end = client::ErrandEnd::read(body);
  if (!end) return;
  TENON_CHECK(end->asked_pause <= client::kLongestPause);
  const Bytes frame = end->to_frame();
  const Result<client::ErrandEnd> again = client::ErrandEnd::read(body_of(frame));
  TENON_CHECK(again && again->asked_pause == end->asked_pause &&
              again->outcome.has_value() == end->outcome.has_value());
  if (end->outcome) {
    TENON_CHECK(*again->outcome == *end->outcome && std::ranges::equal(body_of(frame), body));
    return;
  }
  const tenon::Error& error = end->outcome.error();
  TENON_CHECK(error.code == tenon::ErrorCode::kNet || error.code == tenon::ErrorCode::kLimit);
  for (const std::string& text : {error.message, error.hint}) {
    TENON_CHECK(tenon::printable(text, text.size()) == text);
  }
}

struct Text final : client::ByteSink {
  std::string text = {};
  Result<void> accept(ByteView piece) override {
    TENON_CHECK(!piece.empty());
    text += tenon::as_text(piece);
    return {};
  }
};

struct Meaning {
  std::string text;
  std::optional<tenon::Error> error;
  bool has_ended;

  bool operator==(const Meaning&) const = default;
};

Meaning meaning_of(const client::FetchRequest& request, ByteView answer, std::size_t piece_size) {
  Text sink;
  client::AnswerReader reader(request, sink);
  std::optional<tenon::Error> error;
  while (!answer.empty() && !error) {
    const std::size_t size = std::min(answer.size(), piece_size);
    const Result<void> taken = reader.take(answer.first(size));
    if (!taken) error = taken.error();
    answer = answer.subspan(size);
  }
  TENON_CHECK(sink.text.size() <= request.max_length);
  if (reader.end() && reader.end()->outcome && *reader.end()->outcome == client::FetchOutcome::kComplete) {
    TENON_CHECK(!request.is_part || sink.text.size() == request.max_length);
  }
  return {sink.text, error, reader.end().has_value()};
}

void check_answer(ByteView body) {
  if (body.size() < 2) return;
  const client::FetchRequest request{.path = "x", .offset = 0, .max_length = body[0], .is_part = (body[1] & 1) != 0};
  const ByteView answer = body.subspan(2);
  const Meaning whole = meaning_of(request, answer, answer.size());
  TENON_CHECK(meaning_of(request, answer, 1) == whole);
  TENON_CHECK(meaning_of(request, answer, 1 + body[1] / 2) == whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const ByteView body = ByteView(data, size).subspan(1);
  switch (data[0]) {
    case 'f': check_errand(body); break;
    case 'e': check_end(body); break;
    case 'a': check_answer(body); break;
    default: break;
  }
  return 0;
}
