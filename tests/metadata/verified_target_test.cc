// VerifiedTarget and the targets roles that it comes from: what is handed to the application, and until when.
#include <tenon/metadata/fresh.h>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::UtcTime;

std::optional<metadata::VerifiedTarget> find(Scenario& scenario, const std::string& path) {
  const auto target = scenario.device.refresh_and_find(path);
  EXPECT_EQ(code_of(target), "accepted");
  return target ? *target : std::nullopt;
}

// Spec: 4.5d
TEST(VerifiedTarget, HandsOutWhatTheRepositorySaysOfItBesides) {
  Scenario scenario;
  scenario.repository.add_target("plain", "content");
  scenario.repository.add_target("app", "content");
  json::Object custom;
  custom.set("version", "1.2.3");
  scenario.repository.targets.targets.at("app").extra.set("custom", custom);
  scenario.repository.publish();
  const auto target = find(scenario, "app");
  ASSERT_TRUE(target && target->custom());
  EXPECT_EQ(json::to_text(*target->custom()), R"({"version":"1.2.3"})");
  EXPECT_EQ(find(scenario, "plain")->custom(), nullptr);
}

// The first of the five that ends is the end of the target.
TEST(VerifiedTarget, IsValidUntilTheFirstOfItsRolesExpires) {
  for (const std::string first : {"root", "snapshot", "targets", "d1", "d2", "d3"}) {
    SCOPED_TRACE(first);
    Scenario scenario;
    add_delegation_chain(scenario.repository);
    const UtcTime end = test_now().plus_seconds(1'000);
    scenario.repository.signed_edits[first] = [&](const json::Value& value) {
      return with(value, {"expires"}, end.text());
    };
    scenario.repository.publish_root();
    scenario.repository.publish();
    const auto target = find(scenario, kDeepTarget);
    ASSERT_TRUE(target);
    EXPECT_EQ(target->valid_until(), end);
  }
}

// Book: TGT-10
// Spec: 4.5c
TEST(VerifiedTarget, NeedsADigestThatIsKnownHereAndItsNeighboursDoNot) {
  for (const char* hashes : {R"({"md5":"00"})", R"({"sha1":"da39a3ee5e6b4b0d3255bfef95601890afd80709"})",
                             R"({"blake3":"00","sha3-256":7})"}) {
    SCOPED_TRACE(hashes);
    Scenario scenario;
    scenario.repository.add_target("app", "content");
    scenario.repository.add_target("next", "content");
    scenario.repository.signed_edits["targets"] = [&](const json::Value& value) {
      return with(value, {"targets", "app", "hashes"}, *json::parse(as_bytes(hashes)));
    };
    scenario.repository.publish();
    EXPECT_EQ(code_of(scenario.device.refresh_and_find("app")), "E_POLICY");
    EXPECT_TRUE(find(scenario, "next"));
  }
}

// A digest that were broken could not be used to lengthen a file.
TEST(VerifiedTarget, HasItsListedLengthAndNotOnlyItsDigest) {
  Scenario scenario;
  scenario.repository.add_target("app", "content");
  scenario.repository.targets.targets.at("app").length = 8;
  scenario.repository.publish();
  const auto target = find(scenario, "app");
  ASSERT_TRUE(target);
  EXPECT_EQ(code_of(target->check(as_bytes("content"))), "E_MISMATCH");
}

}  // namespace
}  // namespace tenon::tests
