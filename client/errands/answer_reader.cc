#include <tenon/client/errands/answer_reader.h>

#include <algorithm>
#include <string>
#include <utility>

namespace tenon::client {
namespace {

Error no_answer(std::string_view what) {
  return Error{ErrorCode::kNet, "the courier " + std::string(what), "use a tenon-courier of the same version"};
}

}  // namespace

Result<void> AnswerReader::take(ByteView bytes) {
  while (!bytes.empty()) {
    if (end_) return no_answer("goes on behind the end of its answer");
    if (piece_left_ > 0) {
      TENON_TRY_VOID(take_piece(bytes));
    } else if (end_length_) {
      TENON_TRY_VOID(take_end(bytes));
    } else {
      TENON_TRY_VOID(take_head(bytes));
    }
  }
  return {};
}

Result<void> AnswerReader::take_piece(ByteView& bytes) {
  const std::size_t size = std::min<std::size_t>(piece_left_, bytes.size());
  TENON_TRY_VOID(sink_.accept(bytes.first(size)));
  piece_left_ -= static_cast<std::uint32_t>(size);
  delivered_ += size;
  bytes = bytes.subspan(size);
  return {};
}

Result<void> AnswerReader::take_head(ByteView& bytes) {
  if (!collect(bytes, kHeadBytes)) return {};
  TENON_TRY(const FrameHead head, FrameHead::read(std::span(std::as_const(collected_)).first<kHeadBytes>()));
  collected_.clear();
  switch (head.kind) {
    case FrameKind::kErrand: return no_answer("answers with an errand");
    case FrameKind::kEnd: end_length_ = head.length; return {};
    case FrameKind::kPiece: break;
  }
  if (head.length > request_.max_length - delivered_) {
    return Error{ErrorCode::kLimit, "the courier brings more than the " + std::to_string(request_.max_length) +
                                        " bytes that were asked for"};
  }
  piece_left_ = head.length;
  return {};
}

Result<void> AnswerReader::take_end(ByteView& bytes) {
  if (!collect(bytes, *end_length_)) return {};
  TENON_TRY(ErrandEnd end, ErrandEnd::read(collected_));
  if (end.outcome && *end.outcome == FetchOutcome::kNotFound && delivered_ > 0) {
    return no_answer("has not found a file of which it brought a piece");
  }
  if (end.outcome && *end.outcome == FetchOutcome::kComplete && request_.is_part && delivered_ < request_.max_length) {
    return no_answer("ends after " + std::to_string(delivered_) + " of " + std::to_string(request_.max_length) +
                     " bytes");
  }
  end_ = std::move(end);
  return {};
}

bool AnswerReader::collect(ByteView& bytes, std::size_t wanted) {
  const std::size_t size = std::min(wanted - collected_.size(), bytes.size());
  collected_.insert(collected_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
  bytes = bytes.subspan(size);
  return collected_.size() == wanted;
}

}  // namespace tenon::client
