// HttpReply: one HTTP reply as it comes in. Once its head is complete it decides which bytes of the body the sink gets:
// exactly those from the wanted offset on, whether the server honours ranges or sends the whole file, and none at all
// of an error page. It does no I/O: curl feeds it on the device, tests and the fuzzer feed it by hand.
// Thread: one.
#pragma once

#include <tenon/client/ports/fetcher.h>
#include <tenon/client/transport/http_range.h>

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace tenon::client {

// FileVersion is what one reply said of the file it carries, so that the next goes on with the same file.
struct FileVersion {
  std::optional<std::string> tag = {};      // a strong entity tag
  std::optional<std::uint64_t> total = {};  // length of the whole file
};

// ReplyRules is what a reply must be like because of those before it.
struct ReplyRules {
  std::optional<FileVersion> continued = {};  // the version of which the sink has the beginning; it has a tag
  bool may_start_over = true;                 // false: this server has sent enough that was here already
};

class HttpReply {
 public:
  // Caller must: keep request and sink alive.
  HttpReply(const FetchRequest& request, ByteSink& sink, ReplyRules rules = {})
      : request_(request), sink_(sink), rules_(std::move(rules)) {}

  // take_header takes one line of the head, a status line too; a new status line starts a new head (an interim reply,
  // a proxy's).
  // Errors: E_NET for a head above 64 KiB
  Result<void> take_header(std::string_view line);

  // take_body takes the next bytes of the decoded body.
  // Errors: E_LIMIT when more comes, or is announced, than the request allows; E_NET for a reply that does not fit the
  // request; what the sink returned.
  Result<void> take_body(ByteView piece);

  // finish is called at the end that the protocol itself recognised, and says whether the sink has the whole rest of
  // the file.
  // Errors: E_NET for every status but 200 and 206, and when the body was less than the reply said; E_LIMIT
  Result<void> finish();

  int status() const { return status_; }
  // version is what the head says; all of it is claimed only.
  FileVersion version() const;
  std::uint64_t delivered() const { return delivered_; }
  // sends_on tells that the server sends what lies behind the part that was asked for, which the sink has: the transfer
  // can be ended.
  bool sends_on() const { return sends_on_; }
  // starts_over tells that the server sends what is before the offset as well.
  bool starts_over() const { return status_ == 200 && request_.offset > 0; }
  // asked_pause is how long the server asks to be left alone. Units: at most kLongestPause.
  std::chrono::seconds asked_pause() const;
  // sink_refused tells that the last error was the sink's own.
  bool sink_refused() const { return sink_refused_; }

 private:
  Result<void> decide();  // from the head, what becomes of the body
  Result<void> decide_whole();
  Result<void> decide_part();
  Result<void> check_version() const;
  Result<void> discard(ByteView piece);
  bool carries_file() const { return status_ == 200 || status_ == 206; }

  const FetchRequest& request_;
  ByteSink& sink_;
  ReplyRules rules_;

  // Head is what matters of the last head; an interim one is forgotten.
  struct Head {
    bool complete = false;
    std::string content_range = {};
    std::size_t content_ranges = 0;  // how often the header stood there
    std::optional<std::uint64_t> content_length = {};
    std::optional<std::string> tag = {};
    std::string retry_after = {};
    std::string date = {};
  };

  int status_ = 0;
  std::size_t head_bytes_ = 0;
  Head head_ = {};

  bool decided_ = false;
  std::optional<ContentRange> range_ = {};
  std::uint64_t to_skip_ = 0;    // bytes of the body still before the offset
  std::uint64_t delivered_ = 0;  // bytes the sink has
  std::uint64_t discarded_ = 0;  // bytes of an error page
  bool sends_on_ = false;
  bool sink_refused_ = false;
};

}  // namespace tenon::client
