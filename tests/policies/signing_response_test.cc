#include <tenon/policies/signing_response.h>

#include <functional>
#include <string>

#include <gtest/gtest.h>

namespace tenon::policies {
namespace {

SigningResponse response() {
  return {
      Sha256::of(as_bytes("request")),
      *metadata::UtcTime::parse("2026-11-22T00:00:00Z"),
      "tenon-keyctl 0.1.0",
      {{"root", Sha256::of(as_bytes("root")), {*metadata::KeyId::parse(std::string(64, 'a')), std::string(128, 'b')}}}};
}

json::Object object_of(const SigningResponse& response) {
  return *json::parse(as_bytes(response.to_text()))->object();
}

Result<SigningResponse> parsed(const json::Value& value) {
  return SigningResponse::parse(as_bytes(json::to_text(value)));
}

ErrorCode code_after(const std::function<void(json::Object&)>& edit) {
  json::Object object = object_of(response());
  edit(object);
  const Result<SigningResponse> result = parsed(object);
  return result ? ErrorCode::kUsage : result.error().code;
}

void edit_signature(json::Object& object, const std::string& name, json::Value value) {
  json::Array signatures = *object.find("signatures")->array();
  json::Object one = *signatures.front().object();
  one.set(name, std::move(value));
  object.set("signatures", json::Array{one});
}

TEST(SigningResponse, IsReadAsItWasWritten) {
  const Result<SigningResponse> again = SigningResponse::parse(as_bytes(response().to_text()));
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, response());
}

// Book: KEYT-21
TEST(SigningResponse, RefusesWhatItDoesNotKnowOrMisses) {
  for (const char* name : {"format", "request", "signed_at", "tool", "signatures"}) {
    EXPECT_EQ(code_after([&](json::Object& object) { object.erase(name); }), ErrorCode::kParse) << name;
    EXPECT_EQ(code_after([&](json::Object& object) { object.set(name, nullptr); }), ErrorCode::kParse) << name;
  }
  EXPECT_EQ(code_after([](json::Object& object) { object.set("extra", 1); }), ErrorCode::kParse);
  EXPECT_EQ(code_after([](json::Object& object) { object.set("format", "tenon-signature-2"); }), ErrorCode::kParse);
  EXPECT_EQ(code_after([](json::Object& object) { edit_signature(object, "extra", 1); }), ErrorCode::kParse);
  EXPECT_EQ(code_after([](json::Object& object) { object.set("signatures", json::Array()); }), ErrorCode::kParse);
  EXPECT_EQ(code_after([](json::Object& object) { object.set("request", std::string(64, 'A')); }), ErrorCode::kParse);
  EXPECT_EQ(code_after([](json::Object& object) { object.set("signed_at", "2026-11-22"); }), ErrorCode::kParse);
  for (const char* hex : {"", "abc", "AB", "zz"}) {
    EXPECT_EQ(code_after([&](json::Object& object) { edit_signature(object, "sig", hex); }), ErrorCode::kParse) << hex;
  }
}

// Book: KEYT-21
TEST(SigningResponse, HasALimitForEverything) {
  EXPECT_EQ(code_after([](json::Object& object) { object.set("tool", std::string(81, 'x')); }), ErrorCode::kParse);
  EXPECT_EQ(code_after([](json::Object& object) { edit_signature(object, "sig", std::string(20'002, 'a')); }),
            ErrorCode::kParse);
  EXPECT_EQ(code_after([](json::Object& object) { edit_signature(object, "role", std::string(256, 'r')); }),
            ErrorCode::kParse);
  SigningResponse many = response();
  many.signatures.assign(SigningResponse::kMaxSignatures, many.signatures.front());
  EXPECT_TRUE(SigningResponse::parse(as_bytes(many.to_text())));
  many.signatures.push_back(many.signatures.front());
  EXPECT_EQ(SigningResponse::parse(as_bytes(many.to_text())).error().code, ErrorCode::kLimit);
  const std::string large(SigningResponse::kMaxBytes + 1, ' ');
  EXPECT_EQ(SigningResponse::parse(as_bytes(large)).error().code, ErrorCode::kLimit);
}

// Book: KEYT-21
TEST(SigningResponse, RefusesEveryTruncatedFile) {
  const std::string text = response().to_text();
  for (std::size_t length = 0; length + 2 < text.size(); ++length) {
    ASSERT_FALSE(SigningResponse::parse(as_bytes(text.substr(0, length)))) << length;
  }
}

}  // namespace
}  // namespace tenon::policies
