#include <tenon/policies/signing_request.h>

#include <functional>
#include <set>
#include <string>

#include <gtest/gtest.h>
#include <tests/policies/signing_scenario.h>

namespace tenon::policies {
namespace {

RequestedDocument document(std::string role, const json::Value& signed_part) {
  return {std::move(role), metadata::Envelope::unsigned_of(signed_part)};
}

SigningRequest full_request() {
  SigningRequest request{*Label::parse("camera-fw"), kNow, in_days(14), true, {}};
  request.documents = {document("root", second_root().to_json()), document("policy", company_policy().to_json()),
                       document("releases.camera", company_targets(3).to_json())};
  RequestedDocument& release = request.documents.back();
  release.previous = "the file before it";
  release.delegators = {"targets.json", "next.json"};
  release.children = {{"child", "child.json"}};
  release.reasons = {{"", "all of it"}, {"targets/notes", "notes"}};
  request.roots = {"1.root.json"};
  request.policy = "1.policy.json";
  request.policy_sha256 = Sha256::of(as_bytes("policy"));
  request.keys = {json::Value("a key file")};
  request.nonce = "00ff";
  request.releases = {{"camera/releases/1/release.json", "{}"}};
  return request;
}

json::Object object_of(const SigningRequest& request) {
  return *json::parse(as_bytes(request.to_text()))->object();
}

Result<SigningRequest> parsed(const json::Value& value) {
  return SigningRequest::parse(as_bytes(json::to_text(value)));
}

Result<SigningRequest> after(const std::function<void(json::Object&)>& edit) {
  json::Object object = object_of(full_request());
  edit(object);
  return parsed(object);
}

// The last document, changed.
Result<SigningRequest> after_document(const std::function<void(json::Object&)>& edit) {
  return after([&](json::Object& object) {
    json::Array documents = *object.find("documents")->array();
    json::Object one = *documents.back().object();
    edit(one);
    documents.back() = one;
    object.set("documents", documents);
  });
}

json::Array many(std::size_t count, const json::Value& item) {
  return json::Array(count, item);
}

json::Object pair(const char* first, std::string key, const char* second, std::string value) {
  json::Object object;
  object.set(first, std::move(key));
  object.set(second, std::move(value));
  return object;
}

TEST(SigningRequest, IsReadAsItWasWritten) {
  const Result<SigningRequest> again = SigningRequest::parse(as_bytes(full_request().to_text()));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->to_text(), full_request().to_text());
  EXPECT_EQ(again->id(), full_request().id());
  EXPECT_TRUE(again->rehearsal);
  EXPECT_EQ(again->documents[2].reasons, full_request().documents[2].reasons);
  EXPECT_EQ(again->releases, full_request().releases);
}

TEST(SigningRequest, IsTheSameHoweverItIsIndented) {
  const Result<SigningRequest> dense = parsed(object_of(full_request()));
  ASSERT_TRUE(dense);
  EXPECT_EQ(dense->id(), full_request().id());
}

// Book: KEYT-01
TEST(SigningRequest, HasAnotherIdForEveryChange) {
  const SigningRequest request = full_request();
  const auto id_after = [&](const std::function<void(SigningRequest&)>& edit) {
    SigningRequest changed = request;
    edit(changed);
    return changed.id();
  };
  const std::set<Sha256> ids = {
      request.id(),
      id_after([](SigningRequest& r) { r.repository = *Label::parse("camera-fx"); }),
      id_after([](SigningRequest& r) { r.created = in_days(1); }),
      id_after([](SigningRequest& r) { r.not_after = in_days(1); }),
      id_after([](SigningRequest& r) { r.rehearsal = false; }),
      id_after([](SigningRequest& r) { std::swap(r.documents[0], r.documents[1]); }),
      id_after([](SigningRequest& r) { r.documents.pop_back(); }),
      id_after([](SigningRequest& r) { r.documents[2].role = "releases.drone"; }),
      id_after([](SigningRequest& r) { r.documents[2].previous.reset(); }),
      id_after([](SigningRequest& r) { r.documents[2].previous = ""; }),
      id_after([](SigningRequest& r) { r.documents[2].delegators.pop_back(); }),
      id_after([](SigningRequest& r) { r.documents[2].children.clear(); }),
      id_after([](SigningRequest& r) { r.documents[2].reasons.clear(); }),
      id_after([](SigningRequest& r) { r.roots.clear(); }),
      id_after([](SigningRequest& r) { r.policy.reset(); }),
      id_after([](SigningRequest& r) { r.policy_sha256 = Sha256(); }),
      id_after([](SigningRequest& r) { r.keys.clear(); }),
      id_after([](SigningRequest& r) { r.nonce.clear(); }),
      id_after([](SigningRequest& r) { r.releases.clear(); }),
  };
  EXPECT_EQ(ids.size(), 19u);
}

// Book: KEYT-21
TEST(SigningRequest, RefusesMembersThatItDoesNotKnowOrMisses) {
  for (const char* name : {"format", "repository", "created", "not_after", "documents", "policy_sha256"}) {
    EXPECT_EQ(after([&](json::Object& object) { object.erase(name); }).error().code, ErrorCode::kParse) << name;
  }
  for (const char* name : {"format", "repository", "created", "not_after", "documents", "policy_sha256", "rehearsal",
                           "roots", "policy", "keys", "nonce", "releases"}) {
    EXPECT_EQ(after([&](json::Object& object) { object.set(name, 7); }).error().code, ErrorCode::kParse) << name;
    EXPECT_EQ(after([&](json::Object& object) { object.set(name, nullptr); }).error().code, ErrorCode::kParse) << name;
  }
  EXPECT_EQ(after([](json::Object& object) { object.set("comment", "hi"); }).error().code, ErrorCode::kParse);
  EXPECT_EQ(after([](json::Object& object) { object.set("format", "tenon-request-2"); }).error().code,
            ErrorCode::kParse);
  EXPECT_EQ(after([](json::Object& object) { object.set("documents", json::Array()); }).error().code,
            ErrorCode::kParse);
  EXPECT_EQ(after([](json::Object& object) { object.set("repository", "../x"); }).error().code, ErrorCode::kParse);
  EXPECT_EQ(after([](json::Object& object) { object.set("nonce", "0G"); }).error().code, ErrorCode::kParse);
}

// Book: KEYT-21
TEST(SigningRequest, RefusesADocumentWithMembersThatItDoesNotKnowOrMisses) {
  for (const char* name : {"role", "draft", "payload_sha256"}) {
    EXPECT_EQ(after_document([&](json::Object& one) { one.erase(name); }).error().code, ErrorCode::kParse) << name;
  }
  for (const char* name : {"role", "draft", "payload_sha256", "previous", "delegators", "children", "reasons"}) {
    EXPECT_EQ(after_document([&](json::Object& one) { one.set(name, 7); }).error().code, ErrorCode::kParse) << name;
  }
  EXPECT_EQ(after_document([](json::Object& one) { one.set("text", "sign this"); }).error().code, ErrorCode::kParse);
  for (const char* role : {"", "a\nb", "a\x1b[2J"}) {
    EXPECT_EQ(after_document([&](json::Object& one) { one.set("role", role); }).error().code, ErrorCode::kParse);
  }
  EXPECT_EQ(after_document([](json::Object& one) { one.set("role", std::string(256, 'r')); }).error().code,
            ErrorCode::kParse);
  EXPECT_EQ(after_document([](json::Object& one) { one.set("draft", "{}"); }).error().code, ErrorCode::kParse);
}

// Book: KEYT-01
TEST(SigningRequest, RefusesAnotherDraftThanTheOneThatIsStated) {
  const Result<SigningRequest> other = after_document([](json::Object& one) {
    one.set("draft", metadata::Envelope::unsigned_of(company_targets(4).to_json()).to_text());
  });
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, ErrorCode::kMismatch);
}

// Book: KEYT-21
TEST(SigningRequest, RefusesARoleAPathOrAReasonThatStandsTwice) {
  SigningRequest twice = full_request();
  twice.documents.push_back(twice.documents.front());
  EXPECT_EQ(SigningRequest::parse(as_bytes(twice.to_text())).error().code, ErrorCode::kParse);
  const auto two_of = [](const json::Value& item) { return json::Array{item, item}; };
  EXPECT_EQ(after([&](json::Object& object) { object.set("releases", two_of(pair("path", "p", "content", "x"))); })
                .error()
                .code,
            ErrorCode::kParse);
  EXPECT_EQ(
      after_document([&](json::Object& one) { one.set("reasons", two_of(pair("change", "version", "reason", "x"))); })
          .error()
          .code,
      ErrorCode::kParse);
  EXPECT_EQ(after_document([&](json::Object& one) { one.set("children", two_of(pair("role", "r", "file", "x"))); })
                .error()
                .code,
            ErrorCode::kParse);
}

// Book: KEYT-21
TEST(SigningRequest, HasALimitForEverything) {
  EXPECT_EQ(after([](json::Object& object) { object.set("roots", many(257, "r")); }).error().code, ErrorCode::kLimit);
  EXPECT_EQ(after([](json::Object& object) { object.set("keys", many(65, "k")); }).error().code, ErrorCode::kLimit);
  EXPECT_EQ(after([](json::Object& object) { object.set("documents", many(9, nullptr)); }).error().code,
            ErrorCode::kLimit);
  EXPECT_EQ(after([](json::Object& object) { object.set("releases", many(257, nullptr)); }).error().code,
            ErrorCode::kLimit);
  EXPECT_EQ(after_document([](json::Object& one) { one.set("delegators", many(9, "d")); }).error().code,
            ErrorCode::kLimit);
  EXPECT_EQ(after_document([](json::Object& one) { one.set("children", many(257, nullptr)); }).error().code,
            ErrorCode::kLimit);
  EXPECT_EQ(after_document([](json::Object& one) { one.set("reasons", many(4097, nullptr)); }).error().code,
            ErrorCode::kLimit);
  EXPECT_FALSE(after_document([](json::Object& one) {
    one.set("reasons", json::Array{pair("change", "x", "reason", std::string(1025, 'r'))});
  }));
  EXPECT_FALSE(after([](json::Object& object) { object.set("nonce", std::string(130, '0')); }));
  const std::string large(SigningRequest::kMaxBytes + 1, ' ');
  EXPECT_EQ(SigningRequest::parse(as_bytes(large)).error().code, ErrorCode::kLimit);
}

// Book: KEYT-21
TEST(SigningRequest, RefusesEveryTruncatedFile) {
  const std::string text = full_request().to_text();
  for (std::size_t length = 0; length + 2 < text.size(); length += 1 + length / 97) {
    ASSERT_FALSE(SigningRequest::parse(as_bytes(text.substr(0, length)))) << length;
  }
}

}  // namespace
}  // namespace tenon::policies
