// HTTP replies: whatever a server sends, the sink gets no byte more than was asked for, only bytes of the place that was
// asked for, and none of an error page; and what is read out of headers may be sent back or waited for.
//
// Input: a byte for the offset, one for the length that is wanted, one for what was there before, then the reply: its head
// up to an empty line, and its body.
#include <tenon/client/transport/entity_tag.h>
#include <tenon/client/transport/http_range.h>
#include <tenon/client/transport/http_reply.h>
#include <tenon/client/transport/http_url.h>
#include <tenon/client/transport/retry_after.h>
#include <tenon/metadata/check.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

using tenon::ErrorCode;
using tenon::Result;
using tenon::client::ContentRange;
using tenon::client::FileVersion;
using tenon::client::HttpReply;
using tenon::client::ReplyRules;

namespace {

class Sink final : public tenon::client::ByteSink {
 public:
  Result<void> accept(tenon::ByteView piece) override {
    text += tenon::as_text(piece);
    return {};
  }
  std::string text;
};

void check_tag(std::string_view value) {
  const auto tag = tenon::client::strong_entity_tag(value);
  if (!tag) return;
  TENON_CHECK(*tag == value && tag->size() <= 256 && tag->front() == '"' && tag->back() == '"');
  for (const char c : *tag) TENON_CHECK(c > ' ' && c < '\x7f');
}

void check_range(std::string_view value) {
  const Result<ContentRange> range = ContentRange::parse(value);
  if (!range) {
    TENON_CHECK(range.error().code == ErrorCode::kParse);
    return;
  }
  TENON_CHECK(range->first <= range->last && range->length() > 0 && (!range->total || *range->total > range->last));
  const std::string again = "bytes " + std::to_string(range->first) + "-" + std::to_string(range->last) + "/" +
                            (range->total ? std::to_string(*range->total) : "*");
  const Result<ContentRange> twice = ContentRange::parse(again);
  TENON_CHECK(twice && *twice == *range);
}

void check_pause(std::string_view value) {
  const std::size_t half = value.size() / 2;
  for (const auto pause : {tenon::client::pause_asked_for(value, ""),
                           tenon::client::pause_asked_for(value.substr(0, half), value.substr(half)),
                           tenon::client::pause_asked_for(value, value)}) {
    TENON_CHECK(pause.count() >= 0 && pause <= tenon::client::kLongestPause);
  }
}

// A redirect's target as another server would write it.
void check_url(std::string_view url) {
  const std::string origin = tenon::client::origin_of(url);
  TENON_CHECK(origin.find('@') == std::string::npos);
  TENON_CHECK(tenon::client::origin_of(origin + "/x") == origin);
  if (const auto proxy = tenon::client::parse_proxy_url(url)) {
    TENON_CHECK(tenon::client::parse_proxy_url(*proxy) && *tenon::client::parse_proxy_url(*proxy) == *proxy);
  }
}

Result<void> feed_head(HttpReply& reply, std::string_view head) {
  while (!head.empty()) {
    const std::size_t end = head.find('\n');
    const std::string_view line = head.substr(0, end == head.npos ? end : end + 1);
    if (Result<void> taken = reply.take_header(line); !taken) return taken;
    head.remove_prefix(line.size());
  }
  return {};
}

Result<void> feed_body(HttpReply& reply, std::string_view body, std::size_t piece) {
  while (!body.empty()) {
    const std::string_view part = body.substr(0, piece);
    if (Result<void> taken = reply.take_body(tenon::as_bytes(part)); !taken) return taken;
    body.remove_prefix(part.size());
  }
  return reply.finish();
}

void check_reply(std::string_view input) {
  if (input.size() < 3) return;
  const auto before = static_cast<std::uint8_t>(input[2]);
  const tenon::client::FetchRequest request{.path = "f",
                                            .offset = static_cast<std::uint8_t>(input[0]),
                                            .max_length = static_cast<std::uint8_t>(input[1]),
                                            .is_part = (before & 4) != 0 && input[1] != 0};
  ReplyRules rules;
  if ((before & 1) != 0 && request.offset > 0) rules.continued = FileVersion{.tag = "\"v\"", .total = before};
  rules.may_start_over = (before & 2) == 0;
  input.remove_prefix(3);
  const std::size_t head_end = std::min(input.find("\r\n\r\n"), input.size());
  const std::string_view head = input.substr(0, std::min(head_end + 4, input.size()));
  const std::string_view body = input.substr(head.size());

  Sink sink;
  HttpReply reply(request, sink, rules);
  Result<void> done = feed_head(reply, head);
  if (done) done = feed_body(reply, body, 1 + (before >> 3));

  TENON_CHECK(sink.text.size() <= request.max_length && sink.text.size() == reply.delivered());
  TENON_CHECK(reply.asked_pause().count() >= 0 && reply.asked_pause() <= tenon::client::kLongestPause);
  if (done || !sink.text.empty()) {
    TENON_CHECK(reply.status() == 200 || reply.status() == 206);
    TENON_CHECK(!reply.starts_over() || rules.may_start_over);
    // A whole file is skipped to the offset; a part begins there.
    const std::size_t skipped = reply.status() == 200 ? request.offset : 0;
    TENON_CHECK(body.size() >= skipped && body.substr(skipped, sink.text.size()) == sink.text);
    TENON_CHECK(!done || body.size() == skipped + sink.text.size() || (request.is_part && reply.sends_on()));
    TENON_CHECK(!done || !request.is_part || sink.text.size() == request.max_length);
    if (rules.continued) TENON_CHECK(reply.version().tag == rules.continued->tag);
  }
  if (!done) TENON_CHECK(done.error().code == ErrorCode::kNet || done.error().code == ErrorCode::kLimit);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = tenon::as_text(tenon::ByteView(data, size));
  check_tag(input);
  check_range(input);
  check_pause(input);
  check_url(input);
  check_reply(input);
  return 0;
}
