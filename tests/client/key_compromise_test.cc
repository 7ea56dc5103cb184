// What somebody can do who holds some keys, the server and the network, and what he cannot: the damage table of
// docs/key-compromise.md. He offers some hundred repositories of his making to devices in several states. That what he
// can do does happen shows that the attacks reach their goal where nothing stands in their way.
#include <algorithm>
#include <memory>

#include <gtest/gtest.h>
#include <tests/support/attacked_device.h>
#include <tests/support/attacker.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

constexpr std::uint32_t kCampaigns = 40;  // each against a device of its own
constexpr std::uint32_t kRepositoriesEach = 5;

const ProductHistory& history() {
  static const ProductHistory one;
  return one;
}

// Devices as they were at the time of the theft.
enum class State { kFromFactory, kRuns110, kUpToDate, kLostFiles, kLostFloors };
constexpr std::uint32_t kStates = 5;

AttackedDevice& with_110() {
  static AttackedDevice device(history());
  static const Events events = device.cycle(history().published[1]);
  EXPECT_EQ(events, Events{"runs 1.1.0"});
  return device;
}

AttackedDevice& with_120() {
  static AttackedDevice device(history());
  static const Events events = device.cycle(history().published.back());
  EXPECT_EQ(events, Events{"runs 1.2.0"});
  return device;
}

std::unique_ptr<AttackedDevice> device_in(State state) {
  auto device = std::make_unique<AttackedDevice>(history());
  if (state != State::kFromFactory) device->take_state(state == State::kUpToDate ? with_120() : with_110());
  if (state == State::kLostFiles) device->device.store.files.clear();
  if (state == State::kLostFloors) device->device.store.records.erase(client::Record::kFloors);
  return device;
}

StolenKeys keys(const std::vector<std::string>& roles) {
  return keys_of(history(), roles);
}

StolenKeys together(StolenKeys some, const StolenKeys& more) {
  some.insert(more.begin(), more.end());
  return some;
}

struct Damage {
  std::set<std::string> forged = {};                // roles of which a file of his may be accepted
  std::set<std::string> runs = {"1.1.0", "1.2.0"};  // releases that devices may come to run: those once in a channel
  Events shown = {};                                // what is seen to be possible
};

// How often he reached what.
using Counts = std::map<std::string, int>;

Counts attack(const StolenKeys& stolen, bool floors_may_fall = false) {
  const Attacker attacker(history(), stolen);
  Counts counts;
  for (std::uint32_t campaign = 0; campaign < kCampaigns; ++campaign) {
    const auto device = device_in(static_cast<State>(campaign % kStates));
    device->floors_may_fall = floors_may_fall;
    for (std::uint32_t i = 0; i < kRepositoriesEach; ++i) {
      const std::uint32_t number = campaign * kRepositoriesEach + i;
      for (const std::string& event : device->cycle(attacker.forge(number, i))) ++counts[event];
    }
  }
  return counts;
}

bool is_within(const std::string& event, const Damage& damage) {
  const std::string what = event.substr(event.rfind(' ') + 1);
  if (event.starts_with("forged ")) return damage.forged.contains(what);
  if (event.starts_with("runs ")) return damage.runs.contains(what);
  if (event == "rolled back 1.0.0") return damage.runs.contains("foreign");  // an old image in a new release
  if (event == "rolled back foreign") return damage.runs.contains("foreign");
  if (event.starts_with("rolled back ")) return false;
  if (event == "mixed") return damage.forged.contains("snapshot");
  if (event == "leapt") return damage.forged.contains("timestamp");
  return true;  // denied, or told that nothing is new
}

void expect_at_most(const Counts& counts, const Damage& damage) {
  for (const auto& [event, count] : counts) {
    EXPECT_TRUE(is_within(event, damage)) << event << ", " << count << " times";
  }
  for (const std::string& event : damage.shown) EXPECT_TRUE(counts.contains(event)) << "never seen: " << event;
}

// Changes repository so that releases and channels of camera are signed by this key, and signs a release with it.
void take_over_product(RepositorySimulator& repository, const TestKey& key,
                       const ReleaseContent& release = small_release(kForeignVersion, 6)) {
  metadata::Delegations& delegations = *repository.targets.delegations;
  delegations.keys.emplace(key.keyid(), key.public_key());
  for (metadata::DelegatedRole& role : delegations.roles) {
    if (!role.name.text().ends_with(".camera")) continue;
    role.keys = role_keys({key}, 1);
    repository.signers[role.name.text()] = {key};
  }
  add_release(repository, release);
  set_channel(repository, {.release = release.version, .serial = 6});
  for (const char* role : {"releases.camera", "rollout.camera", "targets"}) {
    bump(repository.role(role).header);
    repository.write_role(role);
  }
}

// Book: KEY-01
TEST(ServerAlone, ReplaysWhatWasCurrentOnceAndDeniesAndNoMore) {
  expect_at_most(attack({}),
                 {.shown = {"up to date with 1.1.0", "runs 1.1.0", "runs 1.2.0", "denied E_ROLLBACK", "denied E_SIG"}});
}

// The device runs 1.1.0, and 1.2.0 is kept from it by this repository, which ends at that time.
void expect_withheld_until(const RepositorySimulator& repository, metadata::UtcTime end) {
  const auto device = device_in(State::kRuns110);
  const auto withheld_at = [&](metadata::UtcTime time) {
    device->device.clock.time = time;
    const Events events = device->cycle(repository);
    return events.contains("up to date with 1.1.0");
  };
  EXPECT_TRUE(withheld_at(test_now()));
  EXPECT_TRUE(withheld_at(end.plus_seconds(-1)));
  EXPECT_FALSE(withheld_at(end));
  EXPECT_TRUE(device->cycle(repository).contains("denied E_EXPIRED"));
}

// Book: KEY-01
TEST(ServerAlone, WithholdsUntilTheTimestampExpires) {
  const RepositorySimulator& old = history().published[1];
  expect_withheld_until(old, old.timestamp.header.expires);
}

// Book: KEY-02
TEST(TimestampKey, LeapsAndWithholdsAndInstallsNothingOldOrNew) {
  expect_at_most(attack(keys({"timestamp"})),
                 {.forged = {"timestamp"}, .shown = {"forged timestamp", "up to date with 1.1.0"}});
}

// Book: KEY-02, KEY-04
TEST(OnlineKeys, LeapToTheHighestVersionAndSoDenyWhatFollowsUntilTheyAreReplaced) {
  for (const std::vector<std::string>& stolen : {{"timestamp"}, std::vector<std::string>{"timestamp", "snapshot"}}) {
    const auto device = device_in(State::kUpToDate);
    EXPECT_TRUE(device->cycle(Attacker(history(), keys(stolen)).fast_forward()).contains("leapt"));
    EXPECT_TRUE(device->cycle(history().published.back()).contains("denied E_ROLLBACK"));
  }
}

// Book: KEY-02
TEST(TimestampKey, WithholdsUntilTheSnapshotExpires) {
  RepositorySimulator old = history().published[1];
  old.timestamp.header.expires = test_now().plus_seconds(3650 * kDay);
  old.publish_timestamp();
  expect_withheld_until(old, old.snapshot.header.expires);
}

// Book: KEY-03
TEST(SnapshotKey, AloneDoesNothing) {
  expect_at_most(attack(keys({"snapshot"})), {});
}

// Book: KEY-04
TEST(TimestampAndSnapshotKeys, MixWhatWasSignedAtOrAboveTheFloors) {
  expect_at_most(attack(keys({"timestamp", "snapshot"})),
                 {.forged = {"timestamp", "snapshot"}, .shown = {"forged snapshot", "mixed"}});
}

// Book: KEY-04
TEST(TimestampAndSnapshotKeys, WithholdUntilTheChannelExpires) {
  RepositorySimulator old = history().published[1];
  old.timestamp.header.expires = old.snapshot.header.expires = test_now().plus_seconds(3650 * kDay);
  old.publish_snapshot();
  expect_withheld_until(old, old.role("rollout.camera").header.expires);
}

// Book: KEY-05
TEST(TargetsKeyBelowTheThreshold, DoesNothing) {
  const StolenKeys one = keys_of(history(), {"targets"}, 1);
  expect_at_most(attack(one), {});
  expect_at_most(attack(together(one, keys({"timestamp", "snapshot"}))),
                 {.forged = {"timestamp", "snapshot"}, .shown = {"forged snapshot"}});
}

// Book: KEY-06
TEST(TargetsThreshold, WithoutTheOnlineKeysDoesNothing) {
  expect_at_most(attack(keys_of(history(), {"targets"}, 2)), {});
}

// Book: KEY-06
TEST(TargetsThreshold, DoesEverythingOnceASnapshotIncludesIt) {
  RepositorySimulator repository = history().published.back();
  take_over_product(repository, TestKey(777));
  const auto device = device_in(State::kUpToDate);
  EXPECT_EQ(device->cycle(repository), Events{"up to date with 1.2.0"});
  repository.publish_snapshot();
  EXPECT_TRUE(device->cycle(repository).contains("runs foreign"));
}

// Book: KEY-07
TEST(TargetsAndOnlineKeys, InstallAnythingButOlderOrForOtherHardwareAndDoNotChangeRoot) {
  expect_at_most(attack(keys({"targets", "timestamp", "snapshot"})),
                 {.forged = {"timestamp", "snapshot", "targets", "releases.camera", "rollout.camera", "evil"},
                  .runs = {"1.1.0", "1.2.0", "1.3.0", "foreign"},
                  .shown = {"forged targets", "runs foreign", "held: older", "held: hardware"}});
}

// Book: KEY-07, TGT-11
TEST(TargetsAndOnlineKeys, TryAnOldImageUnderANewNameAndItIsNotConfirmed) {
  RepositorySimulator repository = history().published.back();
  ReleaseContent old = small_release("1.0.0", 1);
  old.version = kForeignVersion;
  old.sequence = 6;
  take_over_product(repository, TestKey(777), old);
  repository.publish_snapshot();
  const auto device = device_in(State::kUpToDate);
  EXPECT_TRUE(device->cycle(repository).contains("rolled back 1.0.0"));
  EXPECT_TRUE(device->cycle(repository).contains("held: quarantine"));
}

// Book: KEY-08
TEST(RolloutKey, AloneDoesNothing) {
  expect_at_most(attack(keys({"rollout.camera"})), {});
}

// Book: KEY-08
TEST(RolloutAndOnlineKeys, ChooseAmongSignedReleasesForThisHardwareThatAreNotOlder) {
  expect_at_most(attack(keys({"rollout.camera", "timestamp", "snapshot"})),
                 {.forged = {"timestamp", "snapshot", "rollout.camera", "evil"},
                  .runs = {"1.1.0", "1.2.0", "1.3.0"},
                  .shown = {"forged rollout.camera", "runs 1.3.0", "held: older", "held: hardware"}});
}

// Book: KEY-08
TEST(RolloutAndOnlineKeys, FillNoDataFolderWithRolesOfTheirMaking) {
  const auto device = device_in(State::kUpToDate);
  const std::size_t files_before = device->device.store.files.size();
  RepositorySimulator repository = history().published.back();
  const metadata::Targets honest = repository.role("rollout.camera");
  for (const std::string time : {"a", "b", "c"}) {
    metadata::Targets& rollout = repository.role("rollout.camera");
    rollout.delegations.reset();
    rollout.targets.clear();
    for (int i = 0; i < 20; ++i) {
      repository.add_delegation({.delegator = "rollout.camera", .name = time + std::to_string(i), .paths = {"*/*/*"}});
    }
    repository.role(time + "19").targets = honest.targets;
    repository.publish();
    EXPECT_TRUE(device->cycle(repository).contains("up to date with 1.2.0"));
    EXPECT_EQ(device->device.store.files.size(), files_before);
  }
}

// Book: KEY-08
TEST(ReleasesAndOnlineKeys, InstallNothingThatNoChannelNames) {
  expect_at_most(attack(keys({"releases.camera", "timestamp", "snapshot"})),
                 {.forged = {"timestamp", "snapshot", "releases.camera", "evil"}, .shown = {"forged releases.camera"}});
}

// Book: KEY-08
TEST(ReleasesAndRolloutAndOnlineKeys, InstallAnythingOfTheProduct) {
  expect_at_most(attack(keys({"releases.camera", "rollout.camera", "timestamp", "snapshot"})),
                 {.forged = {"timestamp", "snapshot", "releases.camera", "rollout.camera", "evil"},
                  .runs = {"1.1.0", "1.2.0", "1.3.0", "foreign"},
                  .shown = {"runs foreign"}});
}

// Book: KEY-08
TEST(KeysOfAnotherProduct, DoNothingToThisOne) {
  expect_at_most(attack(keys({"releases.kettle", "rollout.kettle", "timestamp", "snapshot"})),
                 {.forged = {"timestamp", "snapshot"}, .shown = {"forged snapshot"}});
}

// What was ever signed for a path, and by whom it may be signed.
struct Guarded {
  const char* path;
  const char* role;
};

// Book: KEY-08
TEST(DelegatedRole, SpeaksForNoPathOutsideItsOwnAtAnyDepth) {
  const Guarded all[] = {{"kettle/channels/stable.json", "rollout.kettle"},
                         {"kettle/releases/1.0.0/release.json", "releases.kettle"},
                         {"camera/channels/stable.json", "rollout.camera"},
                         {"camera/releases/1.2.0/release.json", "releases.camera"},
                         {"camera/releases/6.6.6/release.json", "releases.camera"}};
  int found = 0;
  for (const std::string stolen : {"rollout.camera", "releases.camera"}) {
    const Attacker attacker(history(), keys({stolen, "timestamp", "snapshot"}));
    for (std::uint32_t number = 0; number < 100; ++number) {
      RepositorySimulator repository = attacker.forge(number);
      InMemoryStore store;
      SessionRunner device(repository, store);
      device.embedded_root = history().published.front().root_file(1);
      const auto trusted = device.refresh();
      if (!trusted) continue;
      for (const Guarded& guarded : all) {
        if (guarded.role == stolen) continue;
        const auto target = device.find(*trusted, guarded.path);
        if (!target || !*target) continue;
        ++found;
        const metadata::TargetPath path = *metadata::TargetPath::parse(guarded.path);
        EXPECT_TRUE(std::ranges::any_of(history().published,
                                        [&](const RepositorySimulator& then) {
                                          const metadata::TargetEntry* entry =
                                              then.delegated.at(guarded.role).find(path);
                                          return entry != nullptr && entry->hashes == (*target)->hashes();
                                        }))
            << guarded.path << " of repository " << number << " by " << (*target)->signed_by().text();
      }
    }
  }
  EXPECT_GT(found, 100);
}

// Book: KEY-09
TEST(RootKeyBelowTheThreshold, DoesNothing) {
  const StolenKeys one = keys_of(history(), {"root"}, 1);
  expect_at_most(attack(one), {});
  expect_at_most(attack(together(one, keys({"timestamp", "snapshot"}))),
                 {.forged = {"timestamp", "snapshot"}, .shown = {"forged snapshot"}});
}

// Book: KEY-10
TEST(RootThreshold, IsAllOfTheTrustThereIs) {
  expect_at_most(attack(keys_of(history(), {"root"}, 2), true),
                 {.forged = {"root", "timestamp", "snapshot", "targets", "releases.camera", "rollout.camera", "evil"},
                  .runs = {"1.1.0", "1.2.0", "1.3.0", "foreign"},
                  .shown = {"forged root", "forged targets", "runs foreign"}});
}

}  // namespace
}  // namespace tenon::tests
