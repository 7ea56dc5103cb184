// Power cuts at every persistence point, and the reset of floors that follows a rotation of keys.
#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::TopRole;
using metadata::Version;

struct CutCase {
  const char* name;
  void (*prepare)(Scenario& scenario);  // what the device has before the cycle that is cut
  void (*change)(RepositorySimulator& repository);
};

void nothing(Scenario&) {}
void settled(Scenario& scenario) {
  scenario.settle_with(kDeepTarget);
}
void release(RepositorySimulator& repository) {
  repository.publish();
}
void roots_and_release(RepositorySimulator& repository) {
  repository.publish_root();
  repository.publish_root();
  repository.publish();
}
// An attacker with the online keys raised every version, and the device believed it.
void fast_forwarded(Scenario& scenario) {
  RepositorySimulator& repository = scenario.repository;
  repository.set_keys(TopRole::kTimestamp, test_keys(630, 2));
  repository.set_keys(TopRole::kSnapshot, test_keys(640, 2));
  repository.publish_root();
  repository.timestamp.header.version = repository.snapshot.header.version = *Version::create(1'000'000);
  repository.publish();
  scenario.settle_with(kDeepTarget);
}
void lower_versions(RepositorySimulator& repository) {
  repository.publish_root();
  repository.timestamp.header.version = repository.snapshot.header.version = Version::first();
  repository.write_snapshot();
  repository.write_timestamp();
}
void rotation_of_both(RepositorySimulator& repository) {
  repository.rotate_key(TopRole::kTimestamp);
  repository.rotate_key(TopRole::kSnapshot);
  lower_versions(repository);
}
void rotation_of_timestamp(RepositorySimulator& repository) {
  repository.rotate_key(TopRole::kTimestamp);
  lower_versions(repository);
}
void rotation_of_snapshot(RepositorySimulator& repository) {
  repository.rotate_key(TopRole::kSnapshot);
  lower_versions(repository);
}
// One of two keys stays, and so do the signatures of what is stored.
void rotation_of_one_key_each(RepositorySimulator& repository) {
  repository.set_keys(TopRole::kTimestamp, {TestKey(631), TestKey(632)});
  repository.set_keys(TopRole::kSnapshot, {TestKey(641), TestKey(642)});
  lower_versions(repository);
}
void rotation_and_more_roots(RepositorySimulator& repository) {
  rotation_of_one_key_each(repository);
  repository.publish_root();
  repository.publish_root();
}

class EveryCut : public testing::TestWithParam<CutCase> {};
INSTANTIATE_TEST_SUITE_P(Cycles, EveryCut,
                         testing::Values(CutCase{"Cold", nothing, roots_and_release}, CutCase{"Warm", settled, release},
                                         CutCase{"WarmWithRoots", settled, roots_and_release},
                                         CutCase{"RotationOfBoth", fast_forwarded, rotation_of_both},
                                         CutCase{"RotationOfTimestamp", fast_forwarded, rotation_of_timestamp},
                                         CutCase{"RotationOfSnapshot", fast_forwarded, rotation_of_snapshot},
                                         CutCase{"RotationOfOneKeyEach", fast_forwarded, rotation_of_one_key_each},
                                         CutCase{"RotationAndMoreRoots", fast_forwarded, rotation_and_more_roots}),
                         [](const auto& parameter) { return std::string(parameter.param.name); });

// Book: META-05, ROOT-10
// Spec: 5, 5.3.8, 5.4.5, 5.5.7, 5.6.6
TEST_P(EveryCut, ConvergesToTheUncutState) {
  const CutCase& cut_case = GetParam();
  const auto set_up = [&](Scenario& scenario) {
    add_delegation_chain(scenario.repository);
    scenario.repository.publish();
    cut_case.prepare(scenario);
    cut_case.change(scenario.repository);
  };
  Scenario uncut;
  set_up(uncut);
  const std::size_t before = uncut.store.writes();
  uncut.expect_accepted(kDeepTarget);
  const std::size_t writes = uncut.store.writes() - before;
  ASSERT_GE(writes, 2U);
  for (std::size_t cut = 0; cut < writes; ++cut) {
    for (bool floors_survive : {true, false}) {
      SCOPED_TRACE(std::to_string(cut) + (floors_survive ? " writes, floors kept" : " writes, floors lost"));
      Scenario scenario;
      set_up(scenario);
      scenario.device.keep_floors = floors_survive;
      scenario.store.cut_after(cut);
      EXPECT_EQ(code_of(scenario.device.refresh_and_find(kDeepTarget)), "E_STORAGE");
      scenario.store.mend();
      scenario.device.keep_floors = true;
      scenario.expect_accepted(kDeepTarget);
      EXPECT_TRUE(scenario.store.files == uncut.store.files);
      EXPECT_EQ(json::to_text(scenario.device.floors.to_json()), json::to_text(uncut.device.floors.to_json()));
    }
  }
}

// --- Fast-forward: an attacker with an online key raised versions; the operator rotates that key.
constexpr std::int64_t kVeryHigh[] = {std::int64_t{1} << 31, (std::int64_t{1} << 53) + 1, INT64_MAX - 1};

// Everything that the attacker could raise is high, and the device has accepted it.
void fast_forward(Scenario& scenario, std::int64_t version) {
  RepositorySimulator& repository = scenario.repository;
  repository.timestamp.header.version = repository.snapshot.header.version = *Version::create(version);
  repository.targets.header.version = *Version::create(version);
  repository.write_role("targets");
  repository.write_snapshot();
  repository.write_timestamp();
  scenario.settle();
}

void set_low_versions(RepositorySimulator& repository) {
  repository.timestamp.header.version = repository.snapshot.header.version = Version::first();
  repository.targets.header.version = *Version::create(2);
  repository.write_role("targets");
  repository.write_snapshot();
  repository.write_timestamp();
}

// Book: META-23
// Spec: 5.3.11
TEST(FastForward, IsUndoneByARotationOfTheTimestampOrSnapshotKey) {
  for (std::int64_t version : kVeryHigh) {
    for (TopRole role : {TopRole::kTimestamp, TopRole::kSnapshot}) {
      SCOPED_TRACE(version);
      Scenario scenario;
      fast_forward(scenario, version);
      scenario.repository.rotate_key(role);
      scenario.repository.publish_root();
      set_low_versions(scenario.repository);
      scenario.expect_accepted();
      EXPECT_EQ(scenario.device.floors.timestamp->value(), 1);
    }
  }
}

// Both ways: the thief's key stays in the other role.
// Book: META-23
// Spec: 5.3.11
TEST(FastForward, IsUndoneWhenASharedKeyLeavesOneOfItsRoles) {
  for (TopRole role : {TopRole::kTimestamp, TopRole::kSnapshot}) {
    SCOPED_TRACE(to_string(role));
    Scenario scenario;
    const std::vector<TestKey> shared = {scenario.repository.new_key()};
    scenario.repository.set_keys(TopRole::kTimestamp, shared);
    scenario.repository.set_keys(TopRole::kSnapshot, shared);
    scenario.repository.publish_root();
    fast_forward(scenario, kVeryHigh[0]);
    scenario.repository.rotate_key(role);
    scenario.repository.publish_root();
    set_low_versions(scenario.repository);
    scenario.expect_accepted();
    EXPECT_EQ(scenario.device.floors.timestamp->value(), 1);
  }
}

// Book: META-23
// Spec: 5.3.11
TEST(FastForward, IsUndoneWhenTimestampAndSnapshotSwapTheirKeys) {
  Scenario scenario;
  fast_forward(scenario, kVeryHigh[0]);
  const std::vector<TestKey> timestamp = scenario.repository.signers.at("timestamp");
  scenario.repository.set_keys(TopRole::kTimestamp, scenario.repository.signers.at("snapshot"));
  scenario.repository.set_keys(TopRole::kSnapshot, timestamp);
  scenario.repository.publish_root();
  set_low_versions(scenario.repository);
  scenario.expect_accepted();
}

// Book: META-23
TEST(FastForward, IsUndoneByARotationThatLiesSeveralRootsBack) {
  Scenario scenario;
  fast_forward(scenario, kVeryHigh[0]);
  scenario.repository.rotate_key(TopRole::kSnapshot);
  for (int i = 0; i < 4; ++i) scenario.repository.publish_root();
  set_low_versions(scenario.repository);
  scenario.expect_accepted();
}

// Book: META-23
// Spec: 5.3.11
TEST(FastForward, IsUndoneAlsoWhenTheOldKeyComesBackWithinOneCycle) {
  Scenario scenario;
  fast_forward(scenario, kVeryHigh[0]);
  const std::vector<TestKey> old = scenario.repository.signers.at("timestamp");
  scenario.repository.rotate_key(TopRole::kTimestamp);
  scenario.repository.publish_root();
  scenario.repository.set_keys(TopRole::kTimestamp, old);
  scenario.repository.publish_root();
  set_low_versions(scenario.repository);
  scenario.expect_accepted();
}

struct KeyChange {
  const char* name;
  void (*change)(RepositorySimulator& repository);
};
class NoRotation : public testing::TestWithParam<KeyChange> {};
INSTANTIATE_TEST_SUITE_P(
    Changes, NoRotation,
    testing::Values(KeyChange{"NothingChanged", [](RepositorySimulator&) {}},
                    KeyChange{"KeyAdded",
                              [](RepositorySimulator& repository) {
                                std::vector<TestKey> keys = repository.signers.at("timestamp");
                                keys.push_back(repository.new_key());
                                repository.set_keys(TopRole::kTimestamp, keys);
                              }},
                    KeyChange{"KeyidsReordered",
                              [](RepositorySimulator& repository) {
                                auto& keyids = repository.root.roles.at(TopRole::kSnapshot).keyids;
                                std::swap(keyids.front(), keyids.back());
                              }},
                    KeyChange{"KeyRenamed",
                              [](RepositorySimulator& repository) {
                                const std::vector<TestKey> old = repository.signers.at("timestamp");
                                std::vector<TestKey> renamed;
                                for (const TestKey& key : old) {
                                  renamed.push_back(key.named("renamed" + key.keyid().text()));
                                }
                                repository.set_keys(TopRole::kTimestamp, renamed);
                              }},
                    KeyChange{"ThresholdRaised",
                              [](RepositorySimulator& repository) {
                                repository.root.roles.at(TopRole::kTimestamp).threshold =
                                    *metadata::Threshold::create(2);
                              }},
                    KeyChange{"TargetsKeyRotated",
                              [](RepositorySimulator& repository) { repository.rotate_key(TopRole::kTargets); }},
                    KeyChange{"RootKeyRotated",
                              [](RepositorySimulator& repository) { repository.rotate_key(TopRole::kRoot); }}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

// Book: META-24
// Spec: 5.3.11
TEST_P(NoRotation, KeepsTheFloors) {
  Scenario scenario;
  scenario.repository.set_keys(TopRole::kTimestamp, test_keys(600, 2));
  scenario.repository.set_keys(TopRole::kSnapshot, test_keys(610, 2));
  scenario.repository.publish_root();
  fast_forward(scenario, kVeryHigh[0]);
  const RepositorySimulator high = scenario.repository;
  GetParam().change(scenario.repository);
  scenario.repository.publish_root();
  set_low_versions(scenario.repository);
  scenario.expect_refused(ErrorCode::kRollback, {.accepted = {"3.root.json"}, .heal = [&] {
                                                   scenario.repository.timestamp.header =
                                                       scenario.repository.snapshot.header = high.snapshot.header;
                                                   scenario.repository.targets.header = high.targets.header;
                                                   scenario.repository.publish();
                                                 }});
}

// Book: META-24
TEST(OverlappingRotation, DropsTheStoredFilesThoughTheirKeyStays) {
  Scenario scenario;
  const std::vector<TestKey> keys = test_keys(620, 3);
  scenario.repository.set_keys(TopRole::kTimestamp, {keys[0], keys[1]});
  scenario.repository.publish_root();
  scenario.repository.signers["timestamp"] = {keys[1]};
  fast_forward(scenario, kVeryHigh[0]);
  scenario.repository.set_keys(TopRole::kTimestamp, {keys[1], keys[2]});
  scenario.repository.publish_root();
  scenario.repository.signers["timestamp"] = {keys[1]};
  set_low_versions(scenario.repository);
  scenario.expect_accepted();
}

// Book: META-23
// Spec: 5.3.11
TEST(OverlappingRotation, DropsTheStoredFilesAlsoWhenTheFloorsAreLost) {
  for (bool root_floor_is_known : {false, true}) {  // as from the image that runs
    SCOPED_TRACE(root_floor_is_known);
    Scenario scenario;
    add_delegation_chain(scenario.repository);
    fast_forwarded(scenario);
    scenario.device.floors = {};
    if (root_floor_is_known) scenario.device.floors.root = scenario.repository.root.header.version;
    rotation_and_more_roots(scenario.repository);
    scenario.expect_accepted(kDeepTarget);
    EXPECT_EQ(scenario.device.floors.timestamp->value(), 1);
  }
}

// Book: META-23, TIME-06
TEST(Rotation, ForgetsATimeFarAheadThatAStolenKeyClaimedAndLeavesTheFloorOfRoot) {
  Scenario scenario;
  scenario.repository.timestamp.issued = test_now().plus_seconds(400LL * 86'400);
  scenario.repository.timestamp.header.expires = test_now().plus_seconds(500LL * 86'400);
  scenario.repository.publish_timestamp();
  scenario.repository.publish_root();
  scenario.settle();
  scenario.repository.rotate_key(TopRole::kTimestamp);
  scenario.repository.publish_root();
  scenario.repository.timestamp.issued = test_now();
  set_low_versions(scenario.repository);
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.floors.issued, test_now());
  EXPECT_EQ(scenario.device.floors.root->value(), 3);
}

}  // namespace
}  // namespace tenon::tests
