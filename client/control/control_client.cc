#include <tenon/client/control/control_client.h>
#include <tenon/client/control/control_error.h>
#include <tenon/client/control/event_hub.h>

namespace tenon::client {

Result<json::Object> ControlClient::call(const ControlCall& call, Reporter& reporter) {
  const VarlinkCall wanted{
      .method = std::string(kControlInterface) + "." + call.method, .parameters = call.parameters, .wants_more = true};
  // A daemon that refused to listen has said why.
  const Result<void> sent = stream_->send(write_message(wanted), call.file);
  for (;;) {
    TENON_TRY(const std::optional<std::string> message, stream_->receive());
    if (!message && !sent) return sent.error();
    if (!message) {
      return Error{ErrorCode::kNet, "the daemon ended before it answered"}.with_hint(
          "what it began goes on when it runs again; see: tenon status");
    }
    TENON_TRY(VarlinkReply reply, read_reply(*message));
    if (!reply.error.empty()) return error_of(reply);
    if (!reply.continues) return std::move(reply.parameters);
    replay(reply.parameters, reporter);
  }
}

}  // namespace tenon::client
