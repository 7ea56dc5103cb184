#include <algorithm>

#include <gtest/gtest.h>
#include <tests/policies/signing_scenario.h>
#include <tests/support/json_edit.h>

namespace tenon::policies {
namespace {

using tests::JsonPath;

SigningPolicy with_everything() {
  SigningPolicy policy = company_policy();
  policy.waivers = {{"P06", in_days(10), "the notary comes later", {kRootKeys[0].keyid()}}};
  policy.roles.emplace("releases.camera", policy.roles.at("releases.*"));
  return policy;
}

std::string error_of(const json::Value& value) {
  const Result<SigningPolicy> policy = SigningPolicy::parse(value);
  return policy ? "accepted" : policy.error().message;
}

TEST(SigningPolicy, ReadsWhatItWrites) {
  for (const SigningPolicy& policy : {SigningPolicy::standard(), SigningPolicy::lab(), with_everything()}) {
    const Result<SigningPolicy> again = SigningPolicy::parse(policy.to_json());
    ASSERT_TRUE(again) << again.error().message;
    EXPECT_EQ(*again, policy);
  }
}

TEST(SigningPolicy, MissesNoMember) {
  const json::Value whole = with_everything().to_json();
  for (const JsonPath& path : tests::paths_of(whole)) {
    const bool is_optional =
        path.size() == 2 &&
        (path[0] == "custodians" || path == JsonPath{"roles", "releases.camera"} ||
         path == JsonPath{"roles", "releases.*"} || path == JsonPath{"roles", "rollout.*"} || path[0] == "waivers");
    const bool is_entry = path.back().find_first_not_of("0123456789") == std::string::npos;
    if (is_optional || is_entry) continue;
    EXPECT_NE(error_of(tests::without(whole, path)), "accepted") << tests::text_of(path);
  }
}

TEST(SigningPolicy, KnowsEveryMember) {
  const json::Value whole = with_everything().to_json();
  for (const JsonPath& path : tests::paths_of(whole)) {
    if (tests::at(whole, path).object() == nullptr) continue;
    JsonPath inner = path;
    inner.push_back("surprise");
    const std::string error = error_of(tests::with(whole, inner, "x"));
    EXPECT_NE(error.find("surprise"), std::string::npos) << tests::text_of(path) << ": " << error;
  }
  EXPECT_EQ(error_of(tests::with(whole, {"surprise"}, 1)), "policy: member \"surprise\" is not known");
}

TEST(SigningPolicy, TakesEveryMemberInItsOwnKindOnly) {
  const json::Value whole = with_everything().to_json();
  for (const JsonPath& path : tests::paths_of(whole)) {
    EXPECT_NE(error_of(tests::with(whole, path, nullptr)), "accepted") << tests::text_of(path);
  }
}

TEST(SigningPolicy, RefusesLimitsThatMakeNoSense) {
  const json::Value whole = with_everything().to_json();
  const auto edited = [&](const JsonPath& path, json::Value value) {
    return error_of(tests::with(whole, path, value));
  };
  for (const std::int64_t value : {std::int64_t{-1}, std::int64_t{0}, std::int64_t{1001}, INT64_MAX, INT64_MIN}) {
    EXPECT_NE(edited({"roles", "root", "min_keys"}, value), "accepted") << value;
  }
  EXPECT_EQ(edited({"roles", "root", "min_expiry_days"}, 401), "policy.roles.root: min_expiry_days > max_expiry_days");
  EXPECT_NE(edited({"roles", "timestamp", "min_remaining_hours_at_publish"}, 169), "accepted");
  EXPECT_NE(edited({"version"}, 0), "accepted");
  EXPECT_NE(edited({"spec_version"}, "2"), "accepted");
  EXPECT_NE(edited({"_type"}, "root"), "accepted");
  EXPECT_NE(edited({"algorithms", "hash_min"}, json::Array{"md5"}), "accepted");
  EXPECT_NE(edited({"algorithms", "legacy_keytypes"}, "ignore"), "accepted");
  EXPECT_NE(edited({"algorithms", "client_floor", "openssl"}, "3"), "accepted");
  EXPECT_NE(edited({"algorithms", "client_floor", "openssl"}, "03.0"), "accepted");
  EXPECT_NE(edited({"algorithms", "allow"}, json::Array{"ed25519", "ed25519"}), "accepted");
  EXPECT_NE(edited({"waivers", "0", "approved_by"}, json::Array()), "accepted");
  EXPECT_NE(edited({"waivers", "0", "until"}, "2027-02-01"), "accepted");
}

TEST(SigningPolicy, RefusesATimestampThatIsPublishedWithLessThanHalfOfItsLife) {
  SigningPolicy policy = company_policy();
  RoleLimits& timestamp = policy.roles.at("timestamp");
  for (const auto& [days, hours, accepted] :
       {std::tuple{7, 72, true}, std::tuple{7, 71, false}, std::tuple{1, 12, true}, std::tuple{1, 11, false},
        std::tuple{14, 72, true}}) {
    timestamp.max_expiry_days = days;
    timestamp.min_remaining_hours_at_publish = hours;
    EXPECT_EQ(error_of(policy.to_json()) == "accepted", accepted) << days << " days, " << hours << " hours";
  }
}

// Book: KEYT-06
TEST(SigningPolicy, RefusesTextsThatATerminalWouldNotShowAsTheyAre) {
  const json::Value whole = with_everything().to_json();
  const JsonPath name = {"custodians", kRootKeys[0].keyid().text(), "name"};
  EXPECT_EQ(error_of(tests::with(whole, name, "Zo\xC3\xAB")), "accepted");
  for (const char* text : {"Al\x1b[2Jice", "Al\nice",
                           "\xE2\x80\xAE"
                           "ecilA",
                           "\xC2\x9b"
                           "31m",
                           ""}) {
    EXPECT_NE(error_of(tests::with(whole, name, text)), "accepted") << text;
  }
  EXPECT_NE(error_of(tests::with(whole, name, std::string(2000, 'a'))), "accepted");
  EXPECT_NE(error_of(tests::with(whole, {"waivers", "0", "reason"}, "a\x07")), "accepted");
}

TEST(SigningPolicy, RefusesNamesThatAreNoRoles) {
  const json::Value whole = with_everything().to_json();
  const json::Value limits = tests::at(whole, {"roles", "root"});
  for (const char* name : {"", "*", "a*b", "**", "1.root", "mirrors", "a/b", "a:b", "a b"}) {
    EXPECT_NE(error_of(tests::with(whole, {"roles", name}, limits)), "accepted") << name;
  }
  for (const char* name : {"maps", "maps.*", "m*", "releases.camera"}) {
    EXPECT_EQ(error_of(tests::with(whole, {"roles", name}, limits)), "accepted") << name;
  }
}

TEST(SigningPolicy, LimitsARoleByItsNameThenByTheLongestPrefix) {
  SigningPolicy policy = company_policy();
  const auto keys_of = [&](const char* name) { return policy.limits(*RoleName::parse_delegated(name)).min_keys; };
  policy.roles.at("releases.*").min_keys = 11;
  policy.roles.at("delegated:*").min_keys = 12;
  policy.roles.emplace("releases.cam*", RoleLimits{.min_keys = 13});
  policy.roles.emplace("releases.camera", RoleLimits{.min_keys = 14});
  EXPECT_EQ(keys_of("releases.camera"), 14);
  EXPECT_EQ(keys_of("releases.camera2"), 13);
  EXPECT_EQ(keys_of("releases.door"), 11);
  EXPECT_EQ(keys_of("release"), 12);
  EXPECT_EQ(keys_of("delegated:x"), 12);
}

TEST(SigningPolicy, IsRefusedWithMoreOfAnythingThanAnybodyReads) {
  SigningPolicy policy = with_everything();
  policy.waivers.assign(257, policy.waivers.front());
  EXPECT_NE(error_of(policy.to_json()), "accepted");
  policy = with_everything();
  for (int i = 0; i < 1025; ++i) {
    policy.custodians.emplace(*metadata::KeyId::parse("k" + std::to_string(i)), custodian("K", "K"));
  }
  EXPECT_NE(error_of(policy.to_json()), "accepted");
}

}  // namespace
}  // namespace tenon::policies
