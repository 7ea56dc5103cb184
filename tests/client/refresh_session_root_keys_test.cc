// Which keys a root may list, and for what.
#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::TopRole;

// A key object that no version of Tenon can verify with.
TestKey unsupported_key(std::uint32_t number) {
  const TestKey key(number);
  return key.spelled(with(with(key.public_key().value(), {"keytype"}, "from-the-future"), {"scheme"}, "new"));
}

// Book: ROOT-19
// Spec: 5.3.4
TEST(RootKeys, OfKindsThatTheDeviceCannotUseAreRefusedBeforeTheRootIsStored) {
  Scenario scenario;
  scenario.settle();
  const TestKey old = scenario.repository.signers.at("root").front();
  scenario.repository.set_keys(TopRole::kRoot, {unsupported_key(930), unsupported_key(931)}, 1);
  scenario.repository.publish_root();
  scenario.expect_refused(ErrorCode::kPolicy, {.heal = [&] {
                            EXPECT_EQ(scenario.device.root_version->value(), 1);
                            scenario.repository.root.header.version = metadata::Version::first();
                            scenario.repository.set_keys(TopRole::kRoot, {old});
                            scenario.repository.publish_root();
                          }});
  EXPECT_EQ(scenario.device.root_version->value(), 2);
}

// Book: ROOT-19, SIG-24
TEST(RootKeys, OfAnUnknownKindBesideEnoughUsableOnesAreNoObstacle) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.set_keys(TopRole::kRoot, {TestKey(932), TestKey(933), unsupported_key(934)}, 2);
  scenario.repository.publish_root();
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.root_version->value(), 2);
}

// Book: ROOT-17, SIG-24
TEST(KeysOfARole, ThatCannotBeUsedCountAsNothingForEveryRole) {
  for (TopRole role : {TopRole::kTimestamp, TopRole::kSnapshot, TopRole::kTargets}) {
    SCOPED_TRACE(to_string(role));
    Scenario scenario;
    scenario.settle();
    scenario.repository.set_keys(role, {TestKey(935), unsupported_key(936)}, 2);
    scenario.repository.publish_root();
    scenario.repository.publish();
    EXPECT_EQ(code_of(scenario.device.refresh()), "E_SIG");
    scenario.repository.set_keys(role, {TestKey(935), TestKey(937), unsupported_key(936)}, 2);
    scenario.repository.publish_root();
    scenario.repository.publish();
    scenario.expect_accepted();
  }
}

// Book: ROOT-20
TEST(RootKeys, ThatSignOtherRolesTooAreAcceptedOnTheDevice) {
  Scenario scenario;
  scenario.settle();
  const TestKey key = scenario.repository.signers.at("root").front();
  for (TopRole role : {TopRole::kTimestamp, TopRole::kSnapshot, TopRole::kTargets}) {
    scenario.repository.set_keys(role, {key});
  }
  scenario.repository.publish_root();
  scenario.repository.publish();
  scenario.expect_accepted();
}

// Book: ROOT-20
TEST(RootKeys, ThatAreSwappedBetweenRolesSignTheirNewRolesOnly) {
  Scenario scenario;
  scenario.settle();
  RepositorySimulator& repository = scenario.repository;
  const TestKey timestamp = repository.signers.at("timestamp").front();
  const TestKey targets = repository.signers.at("targets").front();
  repository.set_keys(TopRole::kTimestamp, {targets});
  repository.set_keys(TopRole::kTargets, {timestamp});
  repository.publish_root();
  repository.publish();
  const RepositorySimulator swapped = repository;
  repository.signers["targets"] = {targets};
  repository.publish_role("targets");
  scenario.expect_refused(
      ErrorCode::kSig,
      {.accepted = {"2.root.json", "timestamp.json", "snapshot.json"}, .floors_may_fall = true, .heal = [&] {
         repository.signers["targets"] = {timestamp};
         repository.publish_role("targets");
       }});
}

// Replays the newest file of one role of another repository, whose versions are higher. Gives the verdict.
std::string replay(const std::string& role, bool keys_are_shared) {
  RepositorySimulator repository({.list_hashes = false});
  RepositorySimulator other({.list_hashes = false});
  for (TopRole top : metadata::kTopRoles) {
    if (!keys_are_shared) other.set_keys(top, {TestKey(940 + static_cast<std::uint32_t>(top))});
  }
  other.targets.extra.set("x-other", true);
  other.publish();
  repository.publish();
  repository.replace(repository.path_of(role), other.served(other.path_of(role)));
  InMemoryStore store;
  SessionRunner device(repository, store);
  return code_of(device.refresh());
}

// TUF signs no name of a repository: keys are never shared between two. What Tenon publishes pins digests besides.
// Book: SIG-22
TEST(AFileOfAnotherRepository, IsRefusedUnlessTheTwoShareTheirKeys) {
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    EXPECT_EQ(replay(role, false), "E_SIG") << role;
    EXPECT_EQ(replay(role, true), "accepted") << role;
  }
}

}  // namespace
}  // namespace tenon::tests
