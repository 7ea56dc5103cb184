// The switches of metadata::Rules, each in both positions.
#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::RootCap;
using metadata::TopRole;
using metadata::VisitedRule;

// Book: SIG-05
// Spec: 4.2.1
TEST(StrictKeyids, MakeAKeyUnderAnotherNameWorthNothing) {
  for (const TopRole role : {TopRole::kRoot, TopRole::kTimestamp, TopRole::kSnapshot, TopRole::kTargets}) {
    Scenario scenario;
    const TestKey key = scenario.repository.new_key();
    scenario.repository.set_keys(role, {key.named("a-name-that-is-no-hash")});
    scenario.repository.publish_root();
    scenario.repository.publish();
    scenario.device.rules.strict_keyids = true;
    // A root that could never be followed is refused before its signatures are counted.
    const char* code = role == TopRole::kRoot ? "E_POLICY" : "E_SIG";
    EXPECT_EQ(code_of(scenario.device.refresh()), code) << to_string(role);
    scenario.device.rules.strict_keyids = false;
    EXPECT_EQ(code_of(scenario.device.refresh()), "accepted") << to_string(role);
  }
}

// Book: SIG-05
TEST(StrictKeyids, HoldForDelegatedRolesAndTheEmbeddedRoot) {
  Scenario scenario;
  scenario.repository.add_delegation({.name = "team", .keys = {scenario.repository.new_key().named("anna")}});
  scenario.repository.add_target("app.bin", "content", "team");
  scenario.repository.publish();
  scenario.device.rules.strict_keyids = true;
  EXPECT_EQ(code_of(scenario.device.refresh_and_find("app.bin")), "E_SIG");
  scenario.device.rules.strict_keyids = false;
  EXPECT_EQ(code_of(scenario.device.refresh_and_find("app.bin")), "accepted");

  Scenario other;
  other.repository.set_keys(TopRole::kRoot, {other.repository.new_key().named("anna")});
  other.repository.publish_root();
  other.device.embedded_root = other.repository.root_file(2);
  other.device.rules.strict_keyids = true;
  EXPECT_EQ(code_of(other.device.refresh()), "E_SIG");
}

// Book: DEL-04
// Spec: 5.6.7.1
TEST(VisitedRule, GlobalSkipsARoleThatAnyEdgeReachedAndPerChainDoesNot) {
  Scenario scenario;
  const TestKey key = scenario.repository.new_key();
  scenario.repository.add_delegation({.name = "a", .paths = {"x/*"}});
  scenario.repository.add_delegation({.name = "b", .paths = {"x/*"}});
  scenario.repository.add_delegation({.delegator = "a", .name = "c", .paths = {"x/*"}, .keys = {key}});
  scenario.repository.add_delegation({.delegator = "b", .name = "c", .paths = {"x/*"}, .keys = {key}});
  scenario.repository.publish();
  const auto walk = [&](VisitedRule rule) {
    scenario.device.rules.visited = rule;
    EXPECT_EQ(code_of(scenario.device.refresh_and_find("x/nobody-has-it")), "accepted");
    return scenario.device.visited;
  };
  EXPECT_EQ(walk(VisitedRule::kGlobal), (std::vector<std::string>{"targets", "a", "c", "b"}));
  EXPECT_EQ(walk(VisitedRule::kPerChain), (std::vector<std::string>{"targets", "a", "c", "b", "c"}));
}

// Book: DEL-03
// Spec: 3.1.2.1
TEST(VisitedRule, PerChainVerifiesTheRoleForEachEdgeThatReachesIt) {
  Scenario scenario;
  scenario.repository.add_delegation({.name = "a"});
  scenario.repository.add_delegation({.name = "b"});
  const TestKey good = scenario.repository.new_key();
  scenario.repository.add_delegation({.delegator = "a", .name = "c", .keys = {good}});
  scenario.repository.add_delegation({.delegator = "b", .name = "c", .keys = {scenario.repository.new_key()}});
  scenario.repository.signers["c"] = {good};
  scenario.repository.publish();
  scenario.device.rules.visited = VisitedRule::kPerChain;
  EXPECT_EQ(code_of(scenario.device.refresh_and_find("nobody-has-it")), "E_SIG");
  scenario.device.rules.visited = VisitedRule::kGlobal;
  EXPECT_EQ(code_of(scenario.device.refresh_and_find("nobody-has-it")), "accepted");
}

// Book: DEL-09, DEL-10
// Spec: 5.6.7.1
TEST(VisitedRule, PerChainEndsOnCyclesAndCountsRepeats) {
  Scenario scenario;
  scenario.repository.add_delegation({.name = "a"});
  scenario.repository.add_delegation({.delegator = "a", .name = "b"});
  const TestKey key = scenario.repository.signers.at("a").front();
  scenario.repository.add_delegation({.delegator = "b", .name = "a", .keys = {key}});
  scenario.repository.publish();
  scenario.device.rules.visited = VisitedRule::kPerChain;
  EXPECT_EQ(code_of(scenario.device.refresh_and_find("nobody-has-it")), "accepted");
  EXPECT_EQ(scenario.device.visited, (std::vector<std::string>{"targets", "a", "b"}));

  Scenario fan;  // every role of a level delegates to every role of the next: 3^4 ways, 12 names
  std::vector<std::string> above = {"targets"};
  for (const std::string level : {"k", "l", "m", "n"}) {
    std::vector<std::string> names;
    const TestKey shared = fan.repository.new_key();
    for (const std::string& delegator : above) {
      for (const char* name : {"1", "2", "3"}) {
        fan.repository.add_delegation({.delegator = delegator, .name = level + name, .keys = {shared}});
      }
    }
    above = {level + "1", level + "2", level + "3"};
  }
  fan.repository.publish();
  fan.device.rules.visited = VisitedRule::kGlobal;
  EXPECT_EQ(code_of(fan.device.refresh_and_find("nobody-has-it")), "accepted");
  EXPECT_EQ(fan.device.visited.size(), 13U);
  fan.device.rules.visited = VisitedRule::kPerChain;
  EXPECT_EQ(code_of(fan.device.refresh_and_find("nobody-has-it")), "E_LIMIT");
}

// Book: ROOT-11
// Spec: 5.3.3
TEST(RootCap, ContinuesWithTheRootReachedWhenAskedTo) {
  Scenario scenario;
  for (int i = 0; i < 5; ++i) scenario.repository.publish_root();
  scenario.device.rules.limits.roots_per_refresh = 3;
  scenario.device.rules.root_cap = RootCap::kContinue;
  const Result<client::TrustedRepository> trusted = scenario.device.refresh();
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_EQ(trusted->root->header.version.value(), 4);
  EXPECT_EQ(scenario.device.requested,
            (std::vector<std::string>{"2.root.json", "3.root.json", "4.root.json", "timestamp.json", "1.snapshot.json",
                                      "1.targets.json"}));
}

// Book: ROOT-13
// Spec: 5.3.10
TEST(RootCap, ContinuingStillRefusesAnExpiredRootAndKeepsWhatItReached) {
  Scenario scenario;
  for (int i = 0; i < 3; ++i) {
    scenario.repository.root.header.expires = metadata::UtcTime::epoch();
    scenario.repository.publish_root();
  }
  scenario.device.rules.limits.roots_per_refresh = 3;
  scenario.device.rules.root_cap = RootCap::kContinue;
  EXPECT_EQ(code_of(scenario.device.refresh()), "E_EXPIRED");
  EXPECT_EQ(scenario.device.root_version->value(), 4);
  EXPECT_TRUE(scenario.store.load("4.root.json"));
}

// A root that could never be followed would end all updates of the devices that took it.
// Book: ROOT-19
// Spec: 4.3
TEST(SelfDestructRoot, IsRefusedBeforeItIsStored) {
  const auto code_after = [](std::vector<TestKey> keys, std::int64_t threshold, bool unknown_kind) {
    Scenario scenario;
    scenario.settle();
    scenario.repository.set_keys(TopRole::kRoot, std::move(keys), threshold);
    if (unknown_kind) {
      scenario.repository.signed_edits["root"] = [](json::Value root) {
        json::Object keys_of_unknown_kind = *root.object()->find("keys")->object();
        for (const json::Member& member : *root.object()->find("keys")->object()) {
          json::Object key = *member.value.object();
          key.set("scheme", "of-the-future");
          keys_of_unknown_kind.set(member.name, key);
        }
        json::Object edited = *root.object();
        edited.set("keys", keys_of_unknown_kind);
        return json::Value(edited);
      };
    }
    scenario.repository.publish_root();
    const std::string code = code_of(scenario.device.refresh());
    EXPECT_FALSE(scenario.store.load("2.root.json")) << code;
    return code;
  };
  EXPECT_EQ(code_after(test_keys(900, 2), 3, false), "E_POLICY");
  EXPECT_EQ(code_after({TestKey(900), TestKey(900).named("twin")}, 2, false), "E_POLICY");
  EXPECT_EQ(code_after(test_keys(900, 3), 2, true), "E_POLICY");
}

}  // namespace
}  // namespace tenon::tests
