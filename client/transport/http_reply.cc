#include <tenon/client/transport/entity_tag.h>
#include <tenon/client/transport/http_reply.h>
#include <tenon/client/transport/letter_case.h>
#include <tenon/client/transport/retry_after.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <charconv>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxHeadBytes = 65'536;  // all heads of one reply together; servers send below 8 KiB
constexpr std::uint64_t kMaxPageBytes = 1u
                                        << 20;  // an error page is read to its end, so that the connection stays usable

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

template <class Number>
std::optional<Number> whole_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// "HTTP/1.1 206 Partial Content" and "HTTP/2 206": 206. 0 when there is no number.
int status_of(std::string_view line) {
  const std::size_t blank = line.find(' ');
  if (blank == std::string_view::npos) return 0;
  return whole_number<int>(trimmed(line.substr(blank, 4))).value_or(0);
}

std::string_view hint_for(int status) {
  if (status == 401 || status == 403) return "the server does not let this device read the file: check its credentials";
  if (status == 407) return "the proxy wants credentials";
  if (status == 416) return "the file at the server is shorter than what is here already: fetch it from its beginning";
  if (status == 429 || status >= 500) return "the server is in trouble: try again later";
  if (status >= 300 && status < 400) return "check the repository's address; a login page of the network does this too";
  return "check the repository's address";
}

}  // namespace

Result<void> HttpReply::take_header(std::string_view line) {
  head_bytes_ += line.size();
  if (head_bytes_ > kMaxHeadBytes) return Error{ErrorCode::kNet, "the head of the reply is longer than 64 KiB"};
  if (decided_) return {};  // a trailer after a chunked body
  line = trimmed(line);
  head_.complete = line.empty();
  if (line.starts_with("HTTP/")) {
    status_ = status_of(line);
    head_ = {};
    return {};
  }
  const std::size_t colon = line.find(':');
  if (colon == std::string_view::npos) return {};
  const std::string_view name = line.substr(0, colon);
  const std::string_view value = trimmed(line.substr(colon + 1));
  if (same_letters(name, "content-length")) head_.content_length = whole_number<std::uint64_t>(value);
  if (same_letters(name, "content-range")) {
    head_.content_range = value;
    ++head_.content_ranges;
  }
  // curl decodes what else it knows there, asked or not.
  if (same_letters(name, "transfer-encoding") && !same_letters(value, "chunked")) {
    return Error{ErrorCode::kNet,
                 "the server codes the transfer as \"" + printable(value, 64) + "\", which nobody asked for"};
  }
  if (same_letters(name, "etag")) head_.tag = strong_entity_tag(value);
  if (same_letters(name, "retry-after")) head_.retry_after = value;
  if (same_letters(name, "date")) head_.date = value;
  return {};
}

Result<void> HttpReply::take_body(ByteView piece) {
  if (!decided_) TENON_TRY_VOID(decide());
  if (!carries_file()) return discard(piece);
  const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(to_skip_, piece.size()));
  to_skip_ -= skipped;
  piece = piece.subspan(skipped);
  const std::uint64_t wanted = request_.max_length - delivered_;
  if (request_.is_part && piece.size() > wanted) {
    sends_on_ = true;
    piece = piece.first(static_cast<std::size_t>(wanted));
  }
  if (piece.empty()) return {};
  if (piece.size() > wanted) {
    return Error{ErrorCode::kLimit, "the server sends more than the " + std::to_string(request_.max_length) +
                                        " bytes that were asked for"};
  }
  delivered_ += piece.size();
  auto accepted = sink_.accept(piece);
  sink_refused_ = !accepted;
  return accepted;
}

Result<void> HttpReply::finish() {
  if (!head_.complete) return Error{ErrorCode::kNet, "the reply ends within its head"};  // curl calls that a success
  if (!decided_) TENON_TRY_VOID(decide());
  if (!carries_file()) {
    return Error{ErrorCode::kNet, "the server answered with status " + std::to_string(status_),
                 std::string(hint_for(status_))};
  }
  if (to_skip_ != 0) {
    return Error{ErrorCode::kNet, "the file ends " + std::to_string(to_skip_) + " bytes before offset " +
                                      std::to_string(request_.offset)};
  }
  if (range_ && delivered_ != range_->length()) {
    return Error{ErrorCode::kNet, "the server sent " + std::to_string(delivered_) + " bytes, and had announced " +
                                      std::to_string(range_->length())};
  }
  if (request_.is_part && delivered_ != request_.max_length) {
    return Error{ErrorCode::kNet, "the server sent " + std::to_string(delivered_) + " bytes of a part of " +
                                      std::to_string(request_.max_length)};
  }
  if (!request_.is_part && range_ && range_->total && range_->last + 1 != *range_->total) {
    return Error{ErrorCode::kNet, "the server stopped at byte " + std::to_string(range_->last + 1) + " of " +
                                      std::to_string(*range_->total)};
  }
  return {};
}

Result<void> HttpReply::decide() {
  decided_ = true;
  if (carries_file()) TENON_TRY_VOID(check_version());
  if (status_ == 200) return decide_whole();
  if (status_ == 206) return decide_part();
  return {};
}

// The sink has the beginning of one version: an end of another would make a file that nobody ever published.
Result<void> HttpReply::check_version() const {
  if (!rules_.continued) return {};
  const FileVersion now = version();
  const bool same_length = !now.total || !rules_.continued->total || *now.total == *rules_.continued->total;
  if (now.tag == rules_.continued->tag && same_length) return {};
  return Error{ErrorCode::kNet, "the file at the server is another one than when the transfer began",
               "try again: it is fetched anew"};
}

// A server that ignores ranges sends all of the file: what lies before the offset is left out here.
Result<void> HttpReply::decide_whole() {
  to_skip_ = request_.offset;
  if (starts_over() && !rules_.may_start_over) {
    return Error{ErrorCode::kNet, "the server ignores ranges and sends again what is here already",
                 "use a server that answers requests for a part of a file"};
  }
  if (request_.is_part || !head_.content_length || *head_.content_length <= request_.offset) return {};
  const std::uint64_t announced = *head_.content_length - request_.offset;
  if (announced <= request_.max_length) return {};
  return Error{ErrorCode::kLimit, "the server announces " + std::to_string(announced) + " bytes where at most " +
                                      std::to_string(request_.max_length) + " were asked for"};
}

// curl hands over the body of any 206, wherever it starts: bytes of the wrong place would be appended.
Result<void> HttpReply::decide_part() {
  if (request_.offset == 0 && !request_.is_part) {
    return Error{ErrorCode::kNet, "the server sent a part of the file, and all of it was asked for"};
  }
  if (head_.content_ranges != 1) {
    return Error{ErrorCode::kNet, "the server sent a part of the file with " + std::to_string(head_.content_ranges) +
                                      " Content-Range headers instead of one"};
  }
  auto range = ContentRange::parse(head_.content_range);
  if (!range) return Error{ErrorCode::kNet, "Content-Range: " + range.error().message};
  if (range->first != request_.offset) {
    return Error{ErrorCode::kNet, "the server sent the file from byte " + std::to_string(range->first) + ", and byte " +
                                      std::to_string(request_.offset) + " was asked for"};
  }
  if (range->length() > request_.max_length) {
    return Error{ErrorCode::kLimit, "the server announces " + std::to_string(range->length()) +
                                        " bytes where at most " + std::to_string(request_.max_length) +
                                        " were asked for"};
  }
  range_ = *range;
  return {};
}

FileVersion HttpReply::version() const {
  const auto range = ContentRange::parse(head_.content_range);
  return {.tag = head_.tag, .total = status_ == 206 && range ? range->total : head_.content_length};
}

std::chrono::seconds HttpReply::asked_pause() const {
  if (status_ != 429 && status_ != 503) return std::chrono::seconds::zero();
  return pause_asked_for(head_.retry_after, head_.date);
}

Result<void> HttpReply::discard(ByteView piece) {
  discarded_ += piece.size();
  if (discarded_ <= kMaxPageBytes) return {};
  return Error{ErrorCode::kNet,
               "the server answered with status " + std::to_string(status_) + " and an error page longer than 1 MiB",
               std::string(hint_for(status_))};
}

}  // namespace tenon::client
