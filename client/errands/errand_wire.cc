#include <tenon/client/errands/errand_wire.h>
#include <tenon/client/transport/retry_after.h>
#include <tenon/metadata/check.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <concepts>
#include <limits>
#include <optional>

namespace tenon::client {
namespace {

constexpr std::size_t kErrandNumbers = 2 + 1 + 8 + 8;
constexpr std::size_t kEndNumbers = 1 + 2 + 2;
constexpr std::size_t kShownBytes =
    kMaxTextBytes / 2 - 32;  // of each text: printable() goes a little over what it is told

enum class EndCode : std::uint8_t { kComplete, kNotFound, kNet, kLimit };

Error nonsense(std::string_view what) {
  return Error{ErrorCode::kNet, "the courier's connection carries " + std::string(what),
               "use a tenon-courier of the same version"};
}

template <std::unsigned_integral Number>
void append(Bytes& bytes, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) bytes.push_back(static_cast<std::uint8_t>(number >> (8 * i)));
}

template <std::unsigned_integral Number>
Number number_at(ByteView bytes, std::size_t offset) {
  Number number = 0;
  for (std::size_t i = sizeof(Number); i-- > 0;) number = static_cast<Number>(number << 8 | bytes[offset + i]);
  return number;
}

Bytes begin_frame(FrameKind kind, std::size_t length) {
  const auto head = FrameHead{kind, static_cast<std::uint32_t>(length)}.to_bytes();
  Bytes frame(head.begin(), head.end());
  frame.reserve(kHeadBytes + length);
  return frame;
}

EndCode code_of(const Result<FetchOutcome>& outcome) {
  if (!outcome) return outcome.error().code == ErrorCode::kLimit ? EndCode::kLimit : EndCode::kNet;
  return *outcome == FetchOutcome::kComplete ? EndCode::kComplete : EndCode::kNotFound;
}

std::optional<ErrorCode> error_code_of(EndCode code) {
  switch (code) {
    case EndCode::kComplete:
    case EndCode::kNotFound: return std::nullopt;
    case EndCode::kNet: return ErrorCode::kNet;
    case EndCode::kLimit: return ErrorCode::kLimit;
  }
  return std::nullopt;
}

}  // namespace

std::array<std::uint8_t, kHeadBytes> FrameHead::to_bytes() const {
  return {static_cast<std::uint8_t>(kind), static_cast<std::uint8_t>(length), static_cast<std::uint8_t>(length >> 8),
          static_cast<std::uint8_t>(length >> 16), static_cast<std::uint8_t>(length >> 24)};
}

Result<FrameHead> FrameHead::read(std::span<const std::uint8_t, kHeadBytes> bytes) {
  const FrameHead head{static_cast<FrameKind>(bytes[0]), number_at<std::uint32_t>(bytes, 1)};
  std::size_t least = 1;
  std::size_t most = kMaxPieceBytes;
  switch (head.kind) {
    case FrameKind::kErrand:
      least = kErrandNumbers + 1;
      most = kErrandNumbers + kMaxPathBytes;
      break;
    case FrameKind::kPiece: break;
    case FrameKind::kEnd:
      least = kEndNumbers;
      most = kEndNumbers + kMaxTextBytes;
      break;
    default: return nonsense("a frame of an unknown kind");  // the byte is a stranger's
  }
  if (head.length < least || head.length > most)
    return nonsense("a frame of " + std::to_string(head.length) + " bytes");
  return head;
}

Bytes Errand::to_frame() const {
  TENON_CHECK(!request.path.empty() && request.path.size() <= kMaxPathBytes);
  Bytes frame = begin_frame(FrameKind::kErrand, kErrandNumbers + request.path.size());
  append(frame, source);
  append(frame, static_cast<std::uint8_t>(request.is_part ? 1 : 0));
  append(frame, request.offset);
  append(frame, request.max_length);
  frame.insert(frame.end(), request.path.begin(), request.path.end());
  return frame;
}

Result<Errand> Errand::read(ByteView body) {
  constexpr std::uint64_t kMost = std::numeric_limits<std::int64_t>::max();
  if (body.size() <= kErrandNumbers || body.size() > kErrandNumbers + kMaxPathBytes || body[2] > 1) {
    return nonsense("an errand that is none");
  }
  const Errand errand{number_at<std::uint16_t>(body, 0),
                      FetchRequest{.path = std::string(as_text(body.subspan(kErrandNumbers))),
                                   .offset = number_at<std::uint64_t>(body, 3),
                                   .max_length = number_at<std::uint64_t>(body, 11),
                                   .is_part = body[2] == 1}};
  const FetchRequest& request = errand.request;
  const bool is_empty_part = request.is_part && request.max_length == 0;
  if (is_empty_part || request.offset > kMost || request.max_length > kMost - request.offset) {
    return nonsense("an errand for bytes that no file has");
  }
  return errand;
}

Bytes ErrandEnd::to_frame() const {
  std::string message = outcome ? "" : printable(outcome.error().message, kShownBytes);
  if (!outcome && message.empty()) message = to_string(outcome.error().code);
  const std::string hint = outcome ? "" : printable(outcome.error().hint, kShownBytes);
  const auto pause = std::clamp(asked_pause, std::chrono::seconds::zero(), kLongestPause);
  Bytes frame = begin_frame(FrameKind::kEnd, kEndNumbers + message.size() + hint.size());
  append(frame, static_cast<std::uint8_t>(code_of(outcome)));
  append(frame, static_cast<std::uint16_t>(pause.count()));
  append(frame, static_cast<std::uint16_t>(message.size()));
  frame.insert(frame.end(), message.begin(), message.end());
  frame.insert(frame.end(), hint.begin(), hint.end());
  return frame;
}

Result<ErrandEnd> ErrandEnd::read(ByteView body) {
  if (body.size() < kEndNumbers || body.size() > kEndNumbers + kMaxTextBytes) return nonsense("an end that is none");
  const std::string_view text = as_text(body.subspan(kEndNumbers));
  const auto code = static_cast<EndCode>(body[0]);
  const std::chrono::seconds pause{number_at<std::uint16_t>(body, 1)};
  const std::size_t message_size = number_at<std::uint16_t>(body, 3);
  if (code > EndCode::kLimit || message_size > text.size() || pause > kLongestPause) {
    return nonsense("an end that is none");
  }
  const std::string_view message = text.substr(0, message_size);
  const std::string_view hint = text.substr(message_size);
  for (const std::string_view part : {message, hint}) {
    if (printable(part, part.size()) != part) return nonsense("text that is not printable");
  }
  const std::optional<ErrorCode> error = error_code_of(code);
  if (error.has_value() == message.empty()) return nonsense("an error without a message, or a message without one");
  if (error) return ErrandEnd{Error{*error, std::string(message), std::string(hint)}, pause};
  if (!hint.empty()) return nonsense("a hint without an error");
  return ErrandEnd{code == EndCode::kComplete ? FetchOutcome::kComplete : FetchOutcome::kNotFound, pause};
}

}  // namespace tenon::client
