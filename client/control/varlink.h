// Varlink's messages: JSON objects, each ended by a NUL byte, over a stream. Pure.
// Source: varlink.org, "Method-Call" and "Interface-Definition".
// Thread: any; a MessageSplitter one at a time.
#pragma once

#include <tenon/metadata/json.h>
#include <tenon/metadata/result.h>

#include <optional>
#include <string>
#include <string_view>

namespace tenon::client {

inline constexpr std::size_t kMaxCallBytes = 16u << 10;
inline constexpr std::size_t kMaxReplyBytes = 1u << 20;

struct VarlinkCall {
  std::string method;  // "org.tenon.Update.Status"
  json::Object parameters = {};
  bool wants_more = false;  // replies that continue are welcome
  bool is_oneway = false;   // no reply is
  bool operator==(const VarlinkCall&) const = default;
};

struct VarlinkReply {
  json::Object parameters = {};
  bool continues = false;
  std::string error = {};  // "org.varlink.service.MethodNotFound"; empty: none
  bool operator==(const VarlinkReply&) const = default;
};

// write_message gives the bytes, with the NUL.
std::string write_message(const VarlinkCall& call);
std::string write_message(const VarlinkReply& reply);

// read_call and read_reply take one message without its NUL. Members that are not known are passed over, as varlink
// wants it. Errors: E_PARSE, E_LIMIT.
Result<VarlinkCall> read_call(std::string_view message);
Result<VarlinkReply> read_reply(std::string_view message);

// MessageSplitter cuts a stream into messages. It never holds more than the longest message and one piece.
class MessageSplitter {
 public:
  // max_bytes: of one message.
  explicit MessageSplitter(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  void feed(std::string_view piece) { held_ += piece; }
  // next gives the next whole message, without its NUL; nothing when more has to be fed. Errors: E_LIMIT for a message that is too long;
  // nothing can follow it.
  Result<std::optional<std::string>> next();

 private:
  std::size_t max_bytes_;
  std::string held_;
};

}  // namespace tenon::client
