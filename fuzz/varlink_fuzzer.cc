// What comes over the control socket: however a stream is cut into pieces it holds the same messages, none longer than allowed, and what
// is read of one is what is read of it again when it is written.
//
// Input: a byte for the length of the pieces, then the stream.
#include <tenon/client/control/control_error.h>
#include <tenon/client/control/varlink.h>
#include <tenon/metadata/check.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace {

constexpr std::size_t kMaxBytes = 256;

struct Cut {
  std::vector<std::string> messages;
  bool is_refused = false;
  bool operator==(const Cut&) const = default;
};

Cut cut(std::string_view stream, std::size_t piece) {
  tenon::client::MessageSplitter splitter(kMaxBytes);
  Cut result;
  for (; !stream.empty(); stream.remove_prefix(std::min(piece, stream.size()))) {
    splitter.feed(stream.substr(0, piece));
    for (;;) {
      auto next = splitter.next();
      if (!next) {
        result.is_refused = true;
        return result;
      }
      if (!*next) break;
      TENON_CHECK((*next)->size() <= kMaxBytes && (*next)->find('\0') == std::string::npos);
      result.messages.push_back(**std::move(next));
    }
  }
  return result;
}

template <class Message>
std::string_view without_end(const Message& text) {
  TENON_CHECK(!text.empty() && text.find('\0') == text.size() - 1);
  return std::string_view(text).substr(0, text.size() - 1);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view stream(reinterpret_cast<const char*>(data) + 1, size - 1);
  const Cut whole = cut(stream, stream.size() + 1);
  TENON_CHECK(cut(stream, data[0] % 64 + 1) == whole);
  for (const std::string& message : whole.messages) {
    if (const auto call = tenon::client::read_call(message)) {
      const std::string written = tenon::client::write_message(*call);
      TENON_CHECK(*tenon::client::read_call(without_end(written)) == *call);
    }
    if (const auto reply = tenon::client::read_reply(message)) {
      const std::string written = tenon::client::write_message(*reply);
      TENON_CHECK(*tenon::client::read_reply(without_end(written)) == *reply);
      if (!reply->error.empty()) static_cast<void>(tenon::client::error_of(*reply));
    }
  }
  return 0;
}
