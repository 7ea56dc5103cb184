// Floors, and what does not lower them: an expired copy, a clock that is behind, a rotation of another key.
#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::TopRole;
using metadata::Version;

class EveryFloor : public testing::TestWithParam<std::string> {
 protected:
  EveryFloor() { add_delegation_chain(scenario.repository); }

  metadata::RoleHeader& header() {
    RepositorySimulator& repository = scenario.repository;
    if (role == "timestamp") return repository.timestamp.header;
    if (role == "snapshot") return repository.snapshot.header;
    return repository.role(role).header;
  }

  // Signs the role again with the version and expiry that it has, and publishes what lies above it.
  void write() {
    if (role == "timestamp") return scenario.repository.write_timestamp();
    if (role == "snapshot") {
      scenario.repository.write_snapshot();
      return scenario.repository.publish_timestamp();
    }
    scenario.repository.write_role(role);
    scenario.repository.publish_snapshot();
  }

  // What the device accepts before it comes to the role, or to the file that pins it.
  std::set<std::string> accepted_before() const {
    return role == "timestamp" || role == "snapshot" ? std::set<std::string>{}
                                                     : std::set<std::string>{"timestamp.json"};
  }

  const std::string role = GetParam();
  Scenario scenario;
};
INSTANTIATE_TEST_SUITE_P(Roles, EveryFloor, testing::Values("timestamp", "snapshot", "targets", "d1", "d2", "d3"),
                         [](const auto& parameter) { return parameter.param; });

// Book: META-22
// Spec: 5.4.3, 5.5.5
TEST_P(EveryFloor, IsThatOfTheStoredCopyAlsoWhenTheCopyIsExpired) {
  scenario.repository.publish();
  const metadata::UtcTime soon = test_now().plus_seconds(10);
  const metadata::UtcTime later = test_now().plus_seconds(1000);
  header().expires = soon;
  write();
  scenario.settle_with(kDeepTarget);
  scenario.device.rules.now = test_now().plus_seconds(20);

  const Version stored = header().version;
  header().version = *Version::create(stored.value() - 1);
  header().expires = later;
  write();
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = accepted_before(), .target = kDeepTarget, .heal = [&] {
                                                   header().version = *Version::create(stored.value() + 1);
                                                   write();
                                                 }});
}

// Book: TIME-07, META-09
TEST_P(EveryFloor, HoldsWhenTheClockIsSetBackToWhereTheOldFileWasFresh) {
  header().expires = test_now().plus_seconds(-1000);
  write();
  const RepositorySimulator old = scenario.repository;
  header().expires = test_now().plus_seconds(1000);
  bump(header());
  write();
  scenario.settle_with(kDeepTarget);
  RepositorySimulator replay = old;  // an older repository, and a time at which nothing in it was expired
  scenario.repository = replay;
  scenario.device.rules.now = test_now().plus_seconds(-2000);
  scenario.device.floors.issued.reset();
  scenario.expect_refused(ErrorCode::kRollback, {.target = kDeepTarget});
}

// Book: META-23
// Spec: 5.3.11
TEST_P(EveryFloor, IsForgottenByARotationOfTheSnapshotKey) {
  scenario.repository.publish();
  scenario.settle_with(kDeepTarget);
  const Version before = header().version;
  header().version = *Version::create((std::int64_t{1} << 53) + 1);
  write();
  scenario.settle_with(kDeepTarget);
  scenario.repository.rotate_key(TopRole::kSnapshot);
  scenario.repository.publish_root();
  header().version = *before.next();
  write();
  if (role == "timestamp") scenario.repository.publish_snapshot();  // signed by the new key
  scenario.expect_accepted(kDeepTarget);
}

// Book: META-23, META-24
// Spec: 5.3.11
TEST_P(EveryFloor, IsKeptByARotationOfTheKeysOfTargetsAndOfDelegatedRoles) {
  scenario.repository.publish();
  header().version = *Version::create(1000);
  write();
  scenario.settle_with(kDeepTarget);
  const RepositorySimulator high = scenario.repository;
  scenario.repository.rotate_key(TopRole::kTargets);
  scenario.repository.publish_root();
  const TestKey key(920);
  metadata::Delegations& delegations = *scenario.repository.targets.delegations;
  delegations.keys = {{key.keyid(), key.public_key()}};
  delegations.roles.front().keys = role_keys({key}, 1);
  scenario.repository.signers["d1"] = {key};
  header().version = *Version::create(500);
  for (const char* name : {"d1", "targets"}) {
    if (role != name) bump(scenario.repository.role(name).header);
    scenario.repository.write_role(name);
  }
  if (role != "snapshot") bump(scenario.repository.snapshot.header);
  scenario.repository.write_snapshot();
  if (role != "timestamp") bump(scenario.repository.timestamp.header);
  write();
  std::set<std::string> accepted = accepted_before();
  accepted.insert("2.root.json");
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = accepted, .target = kDeepTarget, .heal = [&] {
                                                   header().version = *Version::create(1001);
                                                   scenario.repository.publish();
                                                 }});
}

// Book: META-23
// Spec: 5.3.11
TEST(FloorsOfRotatedKeys, AreForgottenByANewImageThatWasMadeWithTheNextRoot) {
  Scenario scenario;
  scenario.repository.timestamp.header.version = *Version::create(1000);
  scenario.repository.write_timestamp();
  scenario.settle();
  scenario.repository.rotate_key(TopRole::kTimestamp);
  scenario.repository.publish_root();
  scenario.repository.timestamp.header.version = *Version::create(2);
  scenario.repository.write_timestamp();
  scenario.device.embedded_root = scenario.repository.root_file(2);
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.floors.timestamp, *Version::create(2));
}

// It takes the keys of root; the floors of keys that it does not list would only keep the device from what it signs.
// Book: META-23
// Spec: 5.3.11
TEST(FloorsOfRotatedKeys, AreForgottenUnderAnotherRootOfTheVersionThatIsKnown) {
  Scenario scenario;
  scenario.repository.publish_root();
  scenario.repository.timestamp.header.version = *Version::create(1000);
  scenario.repository.write_timestamp();
  scenario.settle();
  scenario.store.files.clear();
  scenario.repository.rotate_key(TopRole::kTimestamp);
  scenario.repository.write_root();
  scenario.repository.timestamp.header.version = *Version::create(2);
  scenario.repository.write_timestamp();
  scenario.expect_accepted();
}

// The floor of the first time would let the second version back in.
// Book: META-09
// Spec: 5.5.5
TEST(FloorOfTargets, IsThatOfTheLastVersionSeenAndNotOfTheFirst) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.targets.header.version = *Version::create(9);
  scenario.repository.write_role("targets");
  scenario.repository.publish_snapshot();
  scenario.settle();
  scenario.repository.targets.header.version = *Version::create(8);
  scenario.repository.write_role("targets");
  scenario.repository.publish_snapshot();
  scenario.store.files.erase("snapshot.json");
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = {"timestamp.json"}, .heal = [&] {
                                                   scenario.repository.targets.header.version = *Version::create(10);
                                                   scenario.repository.publish_role("targets");
                                                 }});
}

// Spec: 5.3.11
TEST(StoredFiles, AreUsedAgainByTheRefreshAfterTheOneThatSawARotation) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.rotate_key(TopRole::kTimestamp);
  scenario.repository.publish_root();
  scenario.repository.publish_timestamp();
  scenario.expect_accepted();
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.requested, (std::vector<std::string>{"3.root.json", "timestamp.json"}));
}

// Book: META-10
// Spec: 5.5.5
TEST(FloorOfADelegatedRole, IsKeptWhileTheDelegationIsGone) {
  Scenario scenario;
  add_delegation_chain(scenario.repository);
  scenario.repository.publish();
  scenario.repository.publish();
  scenario.settle_with(kDeepTarget);
  const metadata::Delegations delegations = *scenario.repository.targets.delegations;
  scenario.repository.targets.delegations.reset();
  scenario.repository.publish_role("targets");
  EXPECT_EQ(code_of(scenario.device.refresh()), "accepted");
  scenario.repository.targets.delegations = delegations;
  scenario.repository.delegated.at("d1").header.version = Version::first();
  scenario.repository.write_role("d1");
  scenario.repository.publish_role("targets");
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = {"timestamp.json"}, .target = kDeepTarget, .heal = [&] {
                                                   scenario.repository.delegated.at("d1").header.version =
                                                       *Version::create(50);
                                                   scenario.repository.publish();
                                                 }});
}

}  // namespace
}  // namespace tenon::tests
