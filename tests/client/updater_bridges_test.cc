// A release that older devices reach over a bridge: they go over it, one update after the other, and never past it.
#include <map>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>
#include <tests/support/simulated_device.h>
#include <tests/support/zstd_payload.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;
using client::SlotState;
using client::StartOutcome;
using policies::Bridge;
using policies::Verdict;

// The device runs 1.0.0, sequence 1.
class UpdateOverABridge : public testing::Test {
 protected:
  void publish(std::int64_t below = 5, std::int64_t bridge_sequence = 6) {
    bridge_image = publish_release(repository, "1.4.0", bridge_sequence);
    image = publish_release(repository, "2.0.0", 9, 1, {bridge(below, "1.4.0")});
  }

  void set_stable(ChannelContent content) {
    content.release = "2.0.0";
    content.serial = 20;
    set_channel(repository, content);
    repository.publish();
  }

  std::string check_reason() {
    const auto selection = device.updater().check();
    return selection ? selection->decision.reason : std::string(to_string(selection.error().code));
  }

  void expect_nothing_written(std::string_view reason) {
    const auto outcome = device.updater().install();
    EXPECT_EQ(outcome ? outcome->decision.reason : to_string(outcome.error().code), reason)
        << (outcome ? outcome->decision.text : outcome.error().message);
    EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0U);
    EXPECT_EQ(device.boot.writes, 0U);
  }

  // One update, from the check to its confirmation.
  void update(SlotGroup to, const Bytes& what) {
    const auto outcome = device.updater().install();
    ASSERT_TRUE(outcome) << outcome.error().message;
    ASSERT_TRUE(outcome->reboot_wanted) << outcome->decision.text;
    ASSERT_TRUE(device.slot_holds(to, what));
    ASSERT_EQ(device.power_on(), to);
    ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
    ASSERT_TRUE(device.updater().confirm()->confirmed);
  }

  RepositorySimulator repository;
  Bytes bridge_image;
  Bytes image;
  SimulatedDevice device{repository};
};

TEST_F(UpdateOverABridge, InstallsTheBridgeAndThenTheRelease) {
  publish();
  const auto selection = device.updater().check();
  ASSERT_TRUE(selection) << selection.error().message;
  EXPECT_TRUE(selection->is_bridge());
  EXPECT_EQ(selection->decision.text, "1.4.0 (sequence 6, bridge to 2.0.0) is to be installed");
  update(SlotGroup::kB, bridge_image);
  EXPECT_EQ(device.floors().sequence.confirmed, *policies::Sequence::create(6));
  EXPECT_EQ(check_reason(), "newer");
  update(SlotGroup::kA, image);
  EXPECT_EQ(check_reason(), "up_to_date");
}

TEST_F(UpdateOverABridge, IsNoneForADeviceThatIsPastIt) {
  publish(2, 6);
  device.slots.fill(SlotGroup::kA, "rootfs", to_bytes("1.2.0 2"));
  device.restart();
  update(SlotGroup::kB, image);
}

TEST_F(UpdateOverABridge, IsTakenOnceByADeviceThatDoesNotKnowWhatItRuns) {
  publish(2, 6);
  device.has_release_file = false;
  device.restart();
  update(SlotGroup::kB, bridge_image);
  update(SlotGroup::kA, image);
  EXPECT_EQ(check_reason(), "up_to_date");
}

// It has crossed the bridges up to what was confirmed here, and its floor accepts nothing below that.
TEST_F(UpdateOverABridge, IsNoneForADeviceThatLostItsStampsAndConfirmedWhatLiesBehindIt) {
  publish(2, 6);
  device.has_release_file = false;
  device.restart();
  update(SlotGroup::kB, bridge_image);
  device.store.records.erase(client::Record::kStamps);
  device.restart();
  const auto selection = device.updater().check();
  ASSERT_TRUE(selection) << selection.error().message;
  EXPECT_EQ(selection->decision.text, "2.0.0 (sequence 9) is to be installed");
  update(SlotGroup::kA, image);
}

TEST_F(UpdateOverABridge, IsTheRightOneForADeviceThatLostItsStampsBetweenTwo) {
  device.has_release_file = false;
  device.restart();
  update(SlotGroup::kB, publish_release(repository, "1.2.0", 4));
  device.store.records.erase(client::Record::kStamps);
  device.restart();
  bridge_image = publish_release(repository, "1.4.0", 6);
  publish_release(repository, "2.0.0", 9, 1, {bridge(3, "1.2.0"), bridge(5, "1.4.0")});
  update(SlotGroup::kA, bridge_image);
}

// What the image itself does not say, the stamp does: a device that runs a withdrawn release does not wait for its
// turn.
TEST_F(UpdateOverABridge, LeavesAWithdrawnReleaseAtOnceThatTheStampAloneNames) {
  publish(2, 6);
  device.has_release_file = false;
  device.restart();
  update(SlotGroup::kB, bridge_image);
  set_stable({.withdrawn = {"1.2.0"}, .rollout = {.share = policies::Share::none()}});
  EXPECT_EQ(check_reason(), "share");
  set_stable({.withdrawn = {"1.4.0"}, .rollout = {.share = policies::Share::none()}});
  EXPECT_EQ(check_reason(), "newer");
}

TEST_F(UpdateOverABridge, ArmsTheBridgeOnceAndGoesOnWhereItWas) {
  publish();
  ASSERT_TRUE(device.updater().install());
  const std::uint64_t written = device.slots.medium(SlotGroup::kB, "rootfs").bytes_written;
  ASSERT_TRUE(device.updater().install()->reboot_wanted);
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, written);
}

// Another role may vouch for old releases, and end before the one that vouches for the new.
TEST_F(UpdateOverABridge, IsValidAsLongAsEveryRoleThatLeadsToTheBridge) {
  publish();
  repository.add_delegation(
      {.delegator = "releases.camera", .name = "old.camera", .paths = {"camera/releases/1.4.0/*"}});
  metadata::Targets& releases = repository.role("releases.camera");
  metadata::Targets& old = repository.role("old.camera");
  for (const auto& [path, entry] : std::map(releases.targets)) {
    if (!path.starts_with("camera/releases/1.4.0/")) continue;
    old.targets.insert_or_assign(path, entry);
    releases.targets.erase(path);
  }
  old.header.expires = test_now().plus_seconds(3600);
  repository.publish();
  const auto selection = device.updater().check();
  ASSERT_TRUE(selection) << selection.error().message;
  EXPECT_TRUE(selection->is_bridge());
  EXPECT_EQ(selection->valid_until, old.header.expires);
}

// Book: TGT-11
TEST_F(UpdateOverABridge, IsRefusedWhenTheBridgeDoesNotTakeTheDevicePastIt) {
  publish(5, 4);
  expect_nothing_written("E_POLICY");
}

TEST_F(UpdateOverABridge, IsRefusedWhenTheBridgeIsNotListed) {
  publish_release(repository, "2.0.0", 9, 1, {bridge(5, "1.4.0")});
  expect_nothing_written("E_POLICY");
}

TEST_F(UpdateOverABridge, IsRefusedWhenBridgesGoInACircle) {
  publish_release(repository, "3.0.0", 12, 1, {bridge(5, "2.0.0")});
  publish_release(repository, "2.0.0", 9, 1, {bridge(5, "3.0.0")});
  expect_nothing_written("E_POLICY");
}

TEST_F(UpdateOverABridge, IsRefusedOverMoreThanEightBridges) {
  publish_release(repository, "v2", 2);
  const auto link = [&](std::int64_t number) {
    const std::string before = "v" + std::to_string(number - 1);
    publish_release(repository, "v" + std::to_string(number), number, 1, {bridge(number - 1, before)});
  };
  for (std::int64_t number = 3; number <= 11; ++number) link(number);
  expect_nothing_written("E_LIMIT");
  set_channel(repository, {.release = "v10", .serial = 12});
  repository.publish();
  EXPECT_EQ(device.updater().check()->decision.text, "v2 (sequence 2, bridge to v10) is to be installed");
}

TEST_F(UpdateOverABridge, IsRefusedWhenTheBridgeIsOfAnotherProduct) {
  publish();
  policies::Release foreign = add_release(repository, {.version = "1.4.0", .sequence = 6, .image = to_bytes("kettle")});
  foreign.product = label("kettle");
  repository.add_target("camera/releases/1.4.0/release.json", json::to_text(foreign.to_json()), "releases.camera");
  repository.publish();
  expect_nothing_written("E_POLICY");
}

TEST_F(UpdateOverABridge, WaitsWhileTheBridgeOrTheReleaseIsWithdrawn) {
  publish();
  set_stable({.withdrawn = {"1.4.0"}});
  expect_nothing_written("withdrawn");
  set_stable({.withdrawn = {"2.0.0"}});
  expect_nothing_written("withdrawn");
}

TEST_F(UpdateOverABridge, IsTakenBackWhenItIsWithdrawnWhileItIsArmed) {
  publish();
  ASSERT_TRUE(device.updater().install());
  set_stable({.withdrawn = {"2.0.0"}});
  EXPECT_EQ(device.updater().install()->decision.reason, "withdrawn");
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
}

TEST_F(UpdateOverABridge, IsTakenBackWhenItIsWithdrawnThoughTheWayToItIsBroken) {
  publish();
  ASSERT_TRUE(device.updater().install());
  ASSERT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kTrial);
  publish_release(repository, "2.1.0", 10, 1, {bridge(5, "1.5.0")});  // which nobody lists
  set_channel(repository, {.release = "2.1.0", .serial = 20});
  repository.publish();
  EXPECT_EQ(code_of(device.updater().install()), "E_POLICY");
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kTrial) << "it is not withdrawn";
  set_channel(repository, {.release = "2.1.0", .serial = 21, .withdrawn = {"1.4.0"}});
  repository.publish();
  EXPECT_EQ(code_of(device.updater().install()), "E_POLICY");
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
  EXPECT_EQ(device.boot.record.first, SlotGroup::kA);
}

// Book: DEV-67
TEST_F(UpdateOverABridge, StopsAtABridgeThatFailedHereAndDoesNotSkipIt) {
  publish();
  ASSERT_TRUE(device.updater().install());
  device.health.report = {.healthy = false, .reason = "no network"};
  while (device.power_on() == SlotGroup::kB) ASSERT_TRUE(device.updater().confirm());
  ASSERT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(device.updater().install()->decision.reason, "quarantine");
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kBad);
}

TEST_F(UpdateOverABridge, WaitsForTheTurnOfTheRelease) {
  publish();
  device.device.device_id = "device";
  device.restart();
  const std::int64_t place = policies::place_of("2.0.0", "device");
  set_stable({.rollout = {.share = *policies::Share::create(place)}});
  expect_nothing_written("share");
  set_stable({.rollout = {.share = *policies::Share::create(place + 1)}});
  update(SlotGroup::kB, bridge_image);
}

// A channel may speak of bridges and list releases as it likes: neither is its to say.
TEST_F(UpdateOverABridge, IsNothingThatAStolenRolloutKeyCanBuild) {
  publish_release(repository, "1.4.0", 6);
  const Bytes signed_image = publish_release(repository, "2.0.0", 9);
  const policies::Channel honest = set_channel(repository, {.release = "2.0.0", .serial = 20});
  json::Object bridge_object;
  bridge_object.set("below", 5);
  bridge_object.set("via", "1.4.0");
  json::Value forged = honest.to_json();
  json::Object members = *forged.object();
  members.set("bridges", json::Array{std::move(bridge_object)});
  repository.add_target("camera/channels/stable.json", json::to_text(std::move(members)), "rollout.camera");
  repository.publish();
  update(SlotGroup::kB, signed_image);
}

TEST_F(UpdateOverABridge, IsNothingThatAStolenRolloutKeyCanReplace) {
  publish_release(repository, "2.0.0", 9, 1, {bridge(5, "1.4.0")});
  const policies::Release evil = {.product = label("camera"),
                                  .version = label("1.4.0"),
                                  .sequence = *policies::Sequence::create(6),
                                  .hardware = {label("board-a")},
                                  .images = {}};
  repository.add_target("camera/releases/1.4.0/release.json", json::to_text(evil.to_json()), "rollout.camera");
  repository.publish();
  expect_nothing_written("E_POLICY");
}

}  // namespace
}  // namespace tenon::tests
