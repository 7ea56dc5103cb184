#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::TopRole;
using metadata::Version;

void publish_roots(RepositorySimulator& repository, int count) {
  for (int i = 0; i < count; ++i) repository.publish_root();
}

// The device's first root, signed by the given keys.
Result<client::RefreshSession> start_with_root(const json::Value& signed_part, const std::vector<TestKey>& keys) {
  return client::RefreshSession::start(sign_file(signed_part, keys), {}, {.now = test_now()});
}

// Book: ROOT-01
// Spec: 5.2
TEST(InitialRoot, IsRefusedBelowItsOwnThreshold) {
  RepositorySimulator repository;
  const std::vector<TestKey> keys = test_keys(100, 3);
  repository.set_keys(TopRole::kRoot, keys, 2);
  const json::Value root = repository.root.to_json();
  EXPECT_EQ(code_of(start_with_root(root, {})), "E_SIG");
  EXPECT_EQ(code_of(start_with_root(root, {keys[0]})), "E_SIG");
  EXPECT_EQ(code_of(start_with_root(root, {keys[0], TestKey(7).named(keys[1].keyid().text())})), "E_SIG");
  EXPECT_EQ(code_of(start_with_root(root, {keys[0], keys[2]})), "accepted");
}

// Book: ROOT-01
TEST(InitialRoot, ThatIsUnsignedLeadsToNoRequestAndNoFile) {
  Scenario scenario;
  scenario.device.embedded_root = sign_file(scenario.repository.root.to_json(), {});
  scenario.expect_refused(ErrorCode::kSig, {.heal = [&] {
                            EXPECT_TRUE(scenario.repository.requests().empty());
                            scenario.device.embedded_root = scenario.repository.root_file(1);
                          }});
}

// Book: ROOT-02, JSON-15
TEST(InitialRoot, IsRefusedWhenMalformedAtEveryStart) {
  const RepositorySimulator repository;
  const json::Value root = repository.root.to_json();
  const std::vector<TestKey>& keys = repository.signers.at("root");
  std::vector<Bytes> files = {{}, to_bytes("null"), to_bytes("[]"), to_bytes("\"\""), to_bytes("{}"), to_bytes(" \n ")};
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) {
    files.push_back(sign_file(without(root, {"roles", role}), keys));
  }
  for (const char* type : {"timestamp", "Root", "", "root "}) {
    files.push_back(sign_file(with(root, {"_type"}, type), keys));
  }
  for (const Bytes& file : files) {
    for (int start = 0; start < 2; ++start) {
      EXPECT_EQ(code_of(client::RefreshSession::start(file, {}, {})), "E_PARSE") << as_text(file);
    }
  }
}

// Book: ROOT-03
// Spec: 5.3.5
TEST(RootChain, RefusesAnyVersionButTheNext) {
  struct Row {
    std::int64_t version;
    ErrorCode code;
  };
  // The trusted root is version 5. Zero and below are no versions at all.
  for (const Row& row :
       {Row{5, ErrorCode::kRollback}, Row{4, ErrorCode::kRollback}, Row{1, ErrorCode::kRollback},
        Row{7, ErrorCode::kRollback}, Row{1005, ErrorCode::kRollback}, Row{std::int64_t{1} << 31, ErrorCode::kRollback},
        Row{(std::int64_t{1} << 53) + 1, ErrorCode::kRollback}, Row{INT64_MAX, ErrorCode::kRollback},
        Row{0, ErrorCode::kParse}, Row{-1, ErrorCode::kParse}}) {
    SCOPED_TRACE(row.version);
    Scenario scenario;
    publish_roots(scenario.repository, 4);
    scenario.settle();
    scenario.repository.signed_edits["root"] = [&](json::Value root) { return with(root, {"version"}, row.version); };
    scenario.repository.publish_root();
    scenario.expect_refused(row.code, {.heal = [&] {
                              EXPECT_EQ(scenario.device.root_version->value(), 5);
                              scenario.repository.signed_edits.clear();
                              scenario.repository.write_root();
                            }});
  }
}

// Book: ROOT-08
// Spec: 5.3.5
TEST(RootChain, RefusesAReplayOfAnOlderRootAndDoesNotLoop) {
  for (std::int64_t old = 1; old <= 4; ++old) {
    SCOPED_TRACE(old);
    Scenario scenario;
    publish_roots(scenario.repository, 3);
    scenario.settle();
    scenario.repository.replace("metadata/5.root.json", scenario.repository.root_file(old));
    scenario.expect_refused(ErrorCode::kRollback);
    EXPECT_EQ(scenario.device.root_version->value(), 4);
    EXPECT_EQ(scenario.device.requested.front(), "5.root.json");
  }
}

// Book: ROOT-09
// Spec: 5.3.4, 5.3.8
TEST(RootChain, KeepsTheLastGoodRootBeforeABadOne) {
  Scenario scenario;
  scenario.settle();
  publish_roots(scenario.repository, 3);
  const json::Value third = with(scenario.repository.root.to_json(), {"version"}, 3);
  scenario.repository.replace("metadata/3.root.json", sign_file(third, {TestKey(77)}));
  scenario.expect_refused(ErrorCode::kSig, {.accepted = {"2.root.json"}, .heal = [&] {
                                              EXPECT_EQ(scenario.device.root_version->value(), 2);
                                              SessionRunner restarted(scenario.repository, scenario.store);
                                              EXPECT_EQ(code_of(restarted.refresh()), "E_SIG");
                                              EXPECT_EQ(restarted.requested, std::vector<std::string>{"3.root.json"});
                                              EXPECT_EQ(restarted.root_version->value(), 2);
                                              scenario.repository.restore_all();
                                            }});
  EXPECT_EQ(scenario.device.root_version->value(), 4);
}

// Book: ROOT-10
// Spec: 5.3.8
TEST(RootChain, GoesOnAfterACutAtEveryRoot) {
  RepositorySimulator repository;
  publish_roots(repository, 5);
  InMemoryStore uncut;
  ASSERT_TRUE(SessionRunner(repository, uncut).refresh());
  for (std::size_t writes = 0; writes < 5; ++writes) {
    SCOPED_TRACE(writes);
    InMemoryStore store;
    SessionRunner device(repository, store);
    store.cut_after(writes);
    EXPECT_EQ(code_of(device.refresh()), "E_STORAGE");
    EXPECT_EQ(store.files.size(), writes);
    store.mend();
    EXPECT_EQ(code_of(device.refresh()), "accepted");
    EXPECT_EQ(store.files, uncut.files);
  }
}

// Book: ROOT-11
// Spec: 5.3.3
TEST(RootChain, LongerThanTheLimitIsWalkedInSeveralCycles) {
  Scenario scenario;
  publish_roots(scenario.repository, 19);
  scenario.device.rules.limits.roots_per_refresh = 8;
  EXPECT_EQ(code_of(scenario.device.refresh()), "E_LIMIT");
  EXPECT_EQ(scenario.device.root_version->value(), 9);
  EXPECT_EQ(code_of(scenario.device.refresh()), "E_LIMIT");
  EXPECT_EQ(scenario.device.root_version->value(), 17);
  EXPECT_EQ(code_of(scenario.device.refresh()), "accepted");
  EXPECT_EQ(scenario.device.root_version->value(), 20);
}

// Book: ROOT-12
// Spec: 5.3.3
TEST(RootChain, TakesNoOtherFailureForTheEndOfTheChain) {
  for (ErrorCode code : {ErrorCode::kNet, ErrorCode::kLimit}) {
    Scenario scenario;
    scenario.settle();
    scenario.repository.publish_timestamp();
    scenario.repository.fail("metadata/2.root.json", {code, "the source failed"});
    scenario.expect_refused(code);
  }
}

// Book: ROOT-13
// Spec: 5.3.10
TEST(RootChain, EndsWithExpiredWhenTheNewestRootIs) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.root.header.expires = test_now();
  scenario.repository.publish_root();
  scenario.expect_refused(ErrorCode::kExpired, {.accepted = {"2.root.json"}, .heal = [&] {
                                                  scenario.repository.root.header.expires = test_now().plus_seconds(1);
                                                  scenario.repository.publish_root();
                                                }});
}

// Book: ROOT-13
// Spec: 5.3.6
TEST(RootChain, IsWalkedThroughExpiredRoots) {
  Scenario scenario;
  scenario.repository.root.header.expires = metadata::UtcTime::epoch();
  scenario.repository.write_root();
  scenario.device.embedded_root = scenario.repository.root_file(1);
  publish_roots(scenario.repository, 3);
  scenario.repository.root.header.expires = test_now().plus_seconds(1);
  scenario.repository.publish_root();
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.root_version->value(), 5);
}

// Book: ROOT-14
TEST(RootChain, StartsAtTheStoredRootWhenTheEmbeddedOneIsOlder) {
  Scenario scenario;
  publish_roots(scenario.repository, 6);
  scenario.settle();
  scenario.device.embedded_root = scenario.repository.root_file(3);
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.requested.front(), "8.root.json");
}

// Book: ROOT-14
TEST(RootChain, StartsAtTheEmbeddedRootWhenTheStoredOneIsOlder) {
  Scenario scenario;
  publish_roots(scenario.repository, 6);
  scenario.settle();
  publish_roots(scenario.repository, 2);
  scenario.device.embedded_root = scenario.repository.root_file(9);
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.requested.front(), "10.root.json");
  EXPECT_EQ(scenario.device.root_version->value(), 9);
}

// Book: ROOT-15, LOC-04
TEST(RootChain, LostFromTheStoreIsFetchedAgainAndFloorsHold) {
  Scenario scenario;
  publish_roots(scenario.repository, 4);
  const RepositorySimulator old = scenario.repository;
  publish_roots(scenario.repository, 2);
  scenario.repository.publish();
  scenario.settle();
  for (int version = 2; version <= 7; ++version) scenario.store.files.erase(std::to_string(version) + ".root.json");
  const RepositorySimulator newest = scenario.repository;
  scenario.repository = old;
  const std::set<std::string> chain = {"2.root.json", "3.root.json", "4.root.json", "5.root.json"};
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = chain, .heal = [&] { scenario.repository = newest; }});
}

// Book: ROOT-15
TEST(RootChain, WithADamagedStoredRootIsFetchedAgainFromThere) {
  Scenario scenario;
  publish_roots(scenario.repository, 4);
  scenario.settle();
  scenario.store.files["3.root.json"].resize(10);
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.requested.front(), "3.root.json");
  EXPECT_EQ(scenario.device.warnings.size(), 1U);
  EXPECT_EQ(scenario.store.files["3.root.json"], scenario.repository.root_file(3));
}

// Book: ROOT-15
TEST(RootChain, LostWithTheFloorsKeptRefusesAnOldSnapshotUnderTheNewRoot) {
  Scenario scenario;
  const RepositorySimulator old = scenario.repository;
  scenario.repository.publish();
  scenario.settle();
  scenario.store.files.clear();
  scenario.repository = old;
  scenario.expect_refused(ErrorCode::kRollback);
}

// Book: ROOT-15
TEST(RootChain, ThatEndsBelowTheFloorOfRootIsRefused) {
  Scenario scenario;
  publish_roots(scenario.repository, 4);
  scenario.device.floors.root = Version::create(6).value();
  const std::set<std::string> chain = {"2.root.json", "3.root.json", "4.root.json", "5.root.json"};
  scenario.expect_refused(ErrorCode::kRollback,
                          {.accepted = chain, .heal = [&] { publish_roots(scenario.repository, 1); }});
}

// Book: ROOT-16
// Spec: 4.3
TEST(RootChain, RefusesARootWithoutOneOfTheFourRoles) {
  for (const char* role : {"root", "timestamp", "snapshot", "targets"}) {
    SCOPED_TRACE(role);
    Scenario scenario;
    scenario.settle();
    scenario.repository.signed_edits["root"] = [&](const json::Value& root) { return without(root, {"roles", role}); };
    scenario.repository.publish_root();
    scenario.expect_refused(ErrorCode::kParse);
  }
}

// Book: ROOT-16, META-18
TEST(RootChain, AcceptsARootWithRolesAndMembersItDoesNotKnow) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.signed_edits["root"] = [&](const json::Value& root) {
    return with(with(with(root, {"roles", "mirrors"}, json::Object{}), {"x-new"}, json::Array{json::Value(1)}),
                {"roles", "root", "x-new"}, "text");
  };
  scenario.repository.publish_root();
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.root_version->value(), 2);
}

// Book: ROOT-17, SIG-08
TEST(RootChain, CountsAKeyidWithoutAKeyAsNothing) {
  Scenario scenario;
  const std::vector<TestKey> keys = test_keys(200, 2);
  scenario.repository.set_keys(TopRole::kTimestamp, keys, 2);
  scenario.repository.root.keys.erase(keys[1].keyid());
  scenario.repository.publish_root();
  scenario.repository.publish_timestamp();
  scenario.expect_refused(ErrorCode::kSig, {.accepted = {"2.root.json"}, .heal = [&] {
                                              scenario.repository.set_keys(TopRole::kTimestamp, keys, 2);
                                              scenario.repository.publish_root();
                                            }});
}

// Book: ROOT-17
TEST(RootChain, AcceptsKeysThatNoRoleUses) {
  Scenario scenario;
  const TestKey unused(300);
  scenario.repository.root.keys.emplace(unused.keyid(), unused.public_key());
  scenario.repository.publish_root();
  scenario.expect_accepted();
}

// Book: ROOT-18
// Spec: 5.3.12
TEST(RootChain, NewestTrustedRootDecidesTheFormOfFileNames) {
  Scenario scenario;
  const auto follows = [&](const std::vector<std::string>& names) {
    scenario.repository.publish_root();
    scenario.repository.publish();
    scenario.expect_accepted();
    EXPECT_EQ(scenario.device.requested, names);
  };
  scenario.repository.root.consistent_snapshot = false;
  follows({"2.root.json", "3.root.json", "timestamp.json", "snapshot.json", "targets.json"});
  scenario.repository.root.consistent_snapshot = true;
  follows({"3.root.json", "4.root.json", "timestamp.json", "3.snapshot.json", "3.targets.json"});
  scenario.repository.root.consistent_snapshot = false;
  scenario.repository.signed_edits["root"] = [](const json::Value& root) {
    return without(root, {"consistent_snapshot"});
  };
  follows({"4.root.json", "5.root.json", "timestamp.json", "snapshot.json", "targets.json"});
}

// Book: ROOT-19
TEST(RootChain, RefusesARootThatCouldNeverBeReplaced) {
  Scenario scenario;
  scenario.settle();
  const TestKey old = scenario.repository.signers.at("root").front();
  scenario.repository.root.roles.at(TopRole::kRoot) = role_keys({old}, 2);
  scenario.repository.publish_root();
  scenario.expect_refused(ErrorCode::kPolicy);
}

}  // namespace
}  // namespace tenon::tests
