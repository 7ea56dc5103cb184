// Varlink's messages. The cases come from varlink.org, "Method-Call", and from what a hostile local user can send.
#include <tenon/client/control/control_error.h>
#include <tenon/client/control/varlink.h>

#include <gtest/gtest.h>

namespace tenon::tests {
namespace {

using client::MessageSplitter;
using client::VarlinkCall;
using client::VarlinkReply;

std::string without_end(std::string message) {
  EXPECT_FALSE(message.empty());
  EXPECT_EQ(message.back(), '\0');
  message.pop_back();
  return message;
}

std::string code_of(const Result<VarlinkCall>& result) {
  return result ? "accepted" : std::string(to_string(result.error().code));
}

TEST(Varlink, ReadsACallAsTheSpecificationShowsIt) {
  const auto call = client::read_call(
      R"({"method":"org.example.ftl.Monitor","parameters":{"condition":"ok"},"more":true,"upgrade":false})");
  ASSERT_TRUE(call) << call.error().message;
  EXPECT_EQ(call->method, "org.example.ftl.Monitor");
  EXPECT_TRUE(call->wants_more);
  EXPECT_FALSE(call->is_oneway);
  EXPECT_EQ(*call->parameters.find("condition"), json::Value("ok"));
}

TEST(Varlink, TakesParametersThatAreAbsentOrNullForNone) {
  for (const char* text : {R"({"method":"a.B"})", R"({"method":"a.B","parameters":null,"more":null})"}) {
    const auto call = client::read_call(text);
    ASSERT_TRUE(call) << text;
    EXPECT_EQ(*call, VarlinkCall{.method = "a.B"});
  }
}

TEST(Varlink, CallsAndRepliesComeBackAsTheyWereWritten) {
  json::Object parameters;
  parameters.set("text", "a \x01 b");
  const VarlinkCall call{
      .method = "org.tenon.Update.Install", .parameters = parameters, .wants_more = true, .is_oneway = true};
  EXPECT_EQ(*client::read_call(without_end(client::write_message(call))), call);
  const VarlinkReply reply{.parameters = parameters, .continues = true, .error = "org.tenon.Update.Failed"};
  EXPECT_EQ(*client::read_reply(without_end(client::write_message(reply))), reply);
}

TEST(Varlink, RefusesWhatIsNoCall) {
  for (const char* text :
       {"", "{}", "[]", "null", "{\"method\":1}", "{\"method\":\"a.B\",\"parameters\":[]}",
        "{\"method\":\"a.B\",\"more\":1}", "{\"method\":\"a.B\",\"method\":\"a.C\"}", "{\"method\":\"a.B\"} x"}) {
    EXPECT_EQ(code_of(client::read_call(text)), "E_PARSE") << text;
  }
  std::string deep = R"({"method":"a.B","parameters":{"a":)";
  deep += std::string(100, '[') + std::string(100, ']') + "}}";
  EXPECT_NE(code_of(client::read_call(deep)), "accepted");
}

TEST(Varlink, CutsAStreamIntoMessagesHoweverItComes) {
  const std::string stream = std::string("one\0two\0\0", 9);
  for (std::size_t piece = 1; piece <= stream.size(); ++piece) {
    MessageSplitter splitter(16);
    std::vector<std::string> messages;
    for (std::size_t at = 0; at < stream.size(); at += piece) {
      splitter.feed(std::string_view(stream).substr(at, piece));
      for (auto next = splitter.next(); next && *next; next = splitter.next()) messages.push_back(**next);
    }
    EXPECT_EQ(messages, (std::vector<std::string>{"one", "two", ""})) << piece;
  }
}

// Book: RES-01
TEST(Varlink, EndsAtAMessageThatIsTooLongWhetherItEndsOrNot) {
  MessageSplitter exact(4);
  exact.feed(std::string_view("four\0", 5));
  EXPECT_EQ(**exact.next(), "four");
  for (const std::string_view text : {std::string_view("fives"), std::string_view("fives\0", 6)}) {
    MessageSplitter splitter(4);
    splitter.feed(text);
    const auto next = splitter.next();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, ErrorCode::kLimit);
  }
}

TEST(Varlink, AnErrorComesBackWithItsCodeAndHint) {
  for (const ErrorCode code : {ErrorCode::kParse, ErrorCode::kBusy, ErrorCode::kUsage, ErrorCode::kNet}) {
    const Error error{code, "what happened", "what to do"};
    EXPECT_EQ(client::error_of(client::reply_of(error)), error);
  }
  EXPECT_EQ(client::error_of({.error = std::string(client::kPermissionDenied)}).code, ErrorCode::kPolicy);
  EXPECT_EQ(client::error_of({.error = "org.varlink.service.MethodNotFound"}).code, ErrorCode::kHw);
}

}  // namespace
}  // namespace tenon::tests
