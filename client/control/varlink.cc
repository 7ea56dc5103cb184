#include <tenon/client/control/varlink.h>
#include <tenon/metadata/json_fields.h>

namespace tenon::client {
namespace {

constexpr json::Limits kCallLimits{.max_bytes = kMaxCallBytes, .max_depth = 8, .max_values = 1000};
constexpr json::Limits kReplyLimits{.max_bytes = kMaxReplyBytes, .max_depth = 16, .max_values = 100'000};

ByteView bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

Result<bool> flag(json::Fields& fields, std::string_view name) {
  const json::Value* value = fields.optional(name);
  if (value == nullptr || value->is_null()) return false;
  if (value->boolean() == nullptr) return fields.error(std::string(name) + " is no boolean");
  return *value->boolean();
}

Result<json::Object> parameters_of(json::Fields& fields) {
  const json::Value* value = fields.optional("parameters");
  if (value == nullptr || value->is_null()) return json::Object();
  if (value->object() == nullptr) return fields.error("parameters is no object");
  return *value->object();
}

std::string ended(json::Object message) {
  std::string text = json::to_text(message);
  text.push_back('\0');
  return text;
}

}  // namespace

std::string write_message(const VarlinkCall& call) {
  json::Object message;
  message.set("method", call.method);
  message.set("parameters", call.parameters);
  if (call.wants_more) message.set("more", true);
  if (call.is_oneway) message.set("oneway", true);
  return ended(std::move(message));
}

std::string write_message(const VarlinkReply& reply) {
  json::Object message;
  if (!reply.error.empty()) message.set("error", reply.error);
  message.set("parameters", reply.parameters);
  if (reply.continues) message.set("continues", true);
  return ended(std::move(message));
}

Result<VarlinkCall> read_call(std::string_view message) {
  TENON_TRY(const json::Value value, json::parse(bytes_of(message), kCallLimits));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "call"));
  VarlinkCall call;
  TENON_TRY(call.method, fields.string("method"));
  TENON_TRY(call.parameters, parameters_of(fields));
  TENON_TRY(call.wants_more, flag(fields, "more"));
  TENON_TRY(call.is_oneway, flag(fields, "oneway"));
  return call;
}

Result<VarlinkReply> read_reply(std::string_view message) {
  TENON_TRY(const json::Value value, json::parse(bytes_of(message), kReplyLimits));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "reply"));
  VarlinkReply reply;
  TENON_TRY(reply.parameters, parameters_of(fields));
  TENON_TRY(reply.continues, flag(fields, "continues"));
  if (const json::Value* error = fields.optional("error"); error != nullptr && !error->is_null()) {
    TENON_TRY(reply.error, fields.string("error"));
    if (reply.error.empty()) return fields.error("error is empty");
  }
  return reply;
}

Result<std::optional<std::string>> MessageSplitter::next() {
  const std::size_t end = held_.find('\0');
  if ((end == std::string::npos ? held_.size() : end) > max_bytes_) {
    return Error{ErrorCode::kLimit, "a message is longer than " + std::to_string(max_bytes_) + " bytes"};
  }
  if (end == std::string::npos) return std::optional<std::string>();
  std::string message = held_.substr(0, end);
  held_.erase(0, end + 1);
  return std::optional(std::move(message));
}

}  // namespace tenon::client
