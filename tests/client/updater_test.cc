// The whole update through the state machine, in memory: what it installs, what it refuses, how it ends.
#include <tenon/client/updater/updater.h>

#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>
#include <tests/support/zstd_payload.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;
using client::SlotState;
using client::StartOutcome;
using policies::Verdict;

class UpdaterTest : public testing::Test {
 protected:
  UpdaterTest() : image(publish_release(repository, "1.1.0", 2)), device(repository) {}

  // The path of the payload of a release, as it is served.
  std::string payload_path(const std::string& version) const {
    for (const auto& [path, content] : repository.files()) {
      if (path.find("/" + version + "/") != path.npos && path.ends_with(".full")) return path;
    }
    return "";
  }

  void install_and_confirm() {
    ASSERT_TRUE(device.updater().install());
    ASSERT_EQ(device.power_on(), SlotGroup::kB);
    ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
    ASSERT_TRUE(device.updater().confirm()->confirmed);
  }

  RepositorySimulator repository;
  Bytes image;
  SimulatedDevice device;
};

TEST_F(UpdaterTest, InstallsTheSignedImageAndArmsATrialBoot) {
  const auto outcome = device.updater().install();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(outcome->reboot_wanted);
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB), (client::GroupBoot{SlotState::kTrial, 3}));
  EXPECT_EQ(device.boot.record.of(SlotGroup::kA).state, SlotState::kGood);
}

TEST_F(UpdaterTest, ConfirmsAHealthyTrialAndRaisesTheFloor) {
  install_and_confirm();
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kGood);
  EXPECT_EQ(device.floors().sequence.confirmed, policies::Sequence::create(2).value());
  EXPECT_EQ(device.updater().status()->journal.state, client::UpdateState::kIdle);
}

TEST_F(UpdaterTest, DoesNothingWhenTheReleaseIsRunning) {
  install_and_confirm();
  EXPECT_EQ(device.updater().install()->decision.verdict, Verdict::kUpToDate);
}

TEST_F(UpdaterTest, RaisesNoFloorBeforeTheConfirmation) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  ASSERT_TRUE(device.updater().start());
  EXPECT_EQ(device.floors().sequence.confirmed, policies::Sequence::create(1).value());
}

TEST_F(UpdaterTest, RefusesToInstallOnATrialBootSoThatTheFallbackStays) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  ASSERT_TRUE(device.updater().start());
  const auto outcome = device.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kBusy);
}

TEST_F(UpdaterTest, ReturnsToTheOldReleaseWhenTheTriesRunOutAndKeepsAwayFromTheNew) {
  ASSERT_TRUE(device.updater().install());
  device.health.report = {.healthy = false, .reason = "no network"};
  for (int boot = 0; boot < 3; ++boot) {
    ASSERT_EQ(device.power_on(), SlotGroup::kB);
    ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
    ASSERT_TRUE(device.updater().confirm()->reboot_wanted);
  }
  ASSERT_EQ(device.power_on(), SlotGroup::kA);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(device.updater().install()->decision.reason, "quarantine");
  EXPECT_EQ(device.updater().status()->journal.quarantine.front().reason, "no network");
}

TEST_F(UpdaterTest, TakesANewerReleaseAfterARollBack) {
  ASSERT_TRUE(device.updater().install());
  device.health.report.healthy = false;
  while (device.power_on() == SlotGroup::kB) ASSERT_TRUE(device.updater().confirm());
  ASSERT_TRUE(device.updater().start());
  const Bytes newer = publish_release(repository, "1.2.0", 3);
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, newer));
}

TEST_F(UpdaterTest, RollsBackATrialThatNeverReachesItsConfirmation) {
  ASSERT_TRUE(device.updater().install());
  while (device.power_on() == SlotGroup::kB) {
  }
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kBad);
}

// Book: TGT-11
TEST_F(UpdaterTest, RefusesAnOlderReleaseHoweverWellItIsSigned) {
  install_and_confirm();
  publish_release(repository, "1.0.5", 1);
  set_channel(repository, {.release = "1.0.5", .serial = 9});
  repository.publish();
  const auto outcome = device.updater().install();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_EQ(outcome->decision.verdict, Verdict::kRefuse);
  EXPECT_EQ(outcome->decision.reason, "older");
}

// Book: TGT-11
TEST_F(UpdaterTest, RefusesAnOlderReleaseAfterAllTrustedMetadataWereLost) {
  install_and_confirm();
  device.store.files.clear();
  publish_release(repository, "1.0.5", 1);
  set_channel(repository, {.release = "1.0.5", .serial = 9});
  repository.publish();
  EXPECT_EQ(device.updater().install()->decision.reason, "older");
}

TEST_F(UpdaterTest, RefusesAChannelDocumentThatIsOlderThanOneSeen) {
  ASSERT_TRUE(device.updater().check());
  set_channel(repository, {.release = "1.1.0", .serial = 1});
  repository.publish();
  const auto outcome = device.updater().check();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kRollback);
}

TEST_F(UpdaterTest, HoldsAWithdrawnRelease) {
  set_channel(repository, {.release = "1.1.0", .serial = 5, .withdrawn = {"1.1.0"}});
  repository.publish();
  EXPECT_EQ(device.updater().install()->decision.reason, "withdrawn");
}

// Book: DEV-60
TEST_F(UpdaterTest, RefusesASlotThatIsOneByteTooSmallBeforeAnythingChanges) {
  SimulatedDevice small(repository, image.size() - 1);
  const auto outcome = small.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(small.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 0u);
  EXPECT_EQ(small.boot.writes, 0u);
}

// Book: DEV-60
TEST_F(UpdaterTest, FillsASlotOfExactlyTheImagesSize) {
  SimulatedDevice exact(repository, image.size());
  ASSERT_TRUE(exact.updater().install());
  EXPECT_TRUE(exact.slot_holds(SlotGroup::kB, image));
}

// Book: LOC-01
TEST_F(UpdaterTest, WritesNoByteOfASegmentThatWasChangedOnItsWay) {
  const std::string path = payload_path("1.1.0");
  Bytes wrong = image;
  wrong[2 * kTestSegmentBytes + 5] ^= 1;
  repository.replace(path, full_payload_of(wrong, kTestSegmentBytes));
  const auto outcome = device.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kMismatch);
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, 2 * kTestSegmentBytes);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
}

TEST_F(UpdaterTest, RecoversFromALyingMirrorAtAnHonestOne) {
  const std::string path = payload_path("1.1.0");
  Bytes wrong = image;
  wrong[2 * kTestSegmentBytes + 5] ^= 1;
  repository.replace(path, full_payload_of(wrong, kTestSegmentBytes));
  ASSERT_FALSE(device.updater().install());
  repository.restore_all();
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
}

// Book: LOC-02
TEST_F(UpdaterTest, ArmsNothingWhenTheMediumGivesBackOtherBytesThanWereWritten) {
  auto& medium = device.slots.medium(SlotGroup::kB, "rootfs");
  medium.on_flush = [&] { medium.cached[3 * kTestSegmentBytes] = image[3 * kTestSegmentBytes] ^ 1; };
  const auto outcome = device.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kStorage);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
}

// Book: LOC-02
TEST_F(UpdaterTest, WritesASegmentAgainThatWasReadBackWrong) {
  auto& medium = device.slots.medium(SlotGroup::kB, "rootfs");
  medium.on_flush = [&] { medium.cached[3 * kTestSegmentBytes] = image[3 * kTestSegmentBytes] ^ 1; };
  ASSERT_FALSE(device.updater().install());
  medium.on_flush = nullptr;
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
}

// Book: TGT-03
TEST_F(UpdaterTest, GoesOnAtTheFirstMissingSegmentAfterTheLinkBroke) {
  const std::string path = payload_path("1.1.0");
  repository.cut_transfer(path, 3 * kTestSegmentBytes + 100);
  const auto broken = device.updater().install();
  ASSERT_FALSE(broken);
  EXPECT_EQ(broken.error().code, ErrorCode::kNet);
  repository.restore_all();
  device.restart();
  repository.forget_requests();
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, image.size());
}

// Book: TIME-03
TEST_F(UpdaterTest, ArmsNothingWhenTheMetadataExpiredDuringTheDownload) {
  const std::string path = payload_path("1.1.0");
  repository.before_request = [&](const client::FetchRequest& request) {
    if (request.path == path) device.clock.advance_seconds(400 * 86'400);
  };
  const auto outcome = device.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kExpired);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
}

// Book: TIME-03
TEST_F(UpdaterTest, FinishesATrialWhoseMetadataHasExpired) {
  ASSERT_TRUE(device.updater().install());
  device.clock.advance_seconds(400 * 86'400);
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  ASSERT_TRUE(device.updater().start());
  EXPECT_TRUE(device.updater().confirm()->confirmed);
}

TEST_F(UpdaterTest, TakesTheSequenceOfTheRunningImageForDamagedFloors) {
  install_and_confirm();
  device.store.damaged[client::Record::kFloors] = true;
  publish_release(repository, "1.0.5", 1);
  set_channel(repository, {.release = "1.0.5", .serial = 9});
  repository.publish();
  EXPECT_EQ(device.updater().install()->decision.reason, "older");
  EXPECT_FALSE(device.reporter.warnings.empty());
}

TEST_F(UpdaterTest, RefusesDamagedFloorsWhenTheRunningImageSaysNothing) {
  device.store.damaged[client::Record::kFloors] = true;
  device.has_release_file = false;
  device.restart();
  const auto outcome = device.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kStorage);
}

TEST_F(UpdaterTest, WritesNothingWhenTheRunningGroupCannotBeTold) {
  device.boot.running_unknown = true;
  const auto outcome = device.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kHw);
  EXPECT_EQ(device.power.writes(), 0u);
}

TEST_F(UpdaterTest, ConfirmsATrialWhoseDataFolderWasLost) {
  ASSERT_TRUE(device.updater().install());
  device.store.files.clear();
  device.store.records.clear();
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  ASSERT_TRUE(device.updater().confirm()->confirmed);
  EXPECT_EQ(device.floors().sequence.confirmed, policies::Sequence::create(2).value());
}

TEST_F(UpdaterTest, RefusesToConfirmASystemThatIsNotOnTrial) {
  const auto outcome = device.updater().confirm();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kPolicy);
}

TEST_F(UpdaterTest, RefusesToRollBackAConfirmedRelease) {
  install_and_confirm();
  const auto outcome = device.updater().rollback("because");
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kPolicy);
}

TEST_F(UpdaterTest, TakesBackAnArmedTrialOnRequest) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(device.updater().rollback("asked for"));
  EXPECT_EQ(device.power_on(), SlotGroup::kA);
}

TEST_F(UpdaterTest, ReplacesAnArmedReleaseByANewerOne) {
  ASSERT_TRUE(device.updater().install());
  const Bytes newer = publish_release(repository, "1.2.0", 3);
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, newer));
  EXPECT_EQ(device.power_on(), SlotGroup::kB);
}

TEST_F(UpdaterTest, DoesNotInstallAgainWhatItConfirmedWhenTheImageSaysNothingOfItself) {
  device.has_release_file = false;
  device.restart();
  install_and_confirm();
  EXPECT_EQ(device.updater().install()->decision.verdict, Verdict::kUpToDate);
}

TEST_F(UpdaterTest, DoesNotConfirmAnImageThatSaysItIsAnotherRelease) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  device.device.running_image.sequence = *policies::Sequence::create(30);
  client::Updater updater(device.ports(), device.device);
  ASSERT_TRUE(updater.start());
  EXPECT_FALSE(updater.confirm()->confirmed);
}

TEST_F(UpdaterTest, AsksForTheRebootThatAFailedTrialStillOwes) {
  ASSERT_TRUE(device.updater().install());
  device.health.report = {.healthy = false, .reason = "no network"};
  for (int boot = 0; boot < 3; ++boot) {
    ASSERT_EQ(device.power_on(), SlotGroup::kB);
    ASSERT_TRUE(device.updater().confirm());
  }
  device.restart();  // the daemon was killed before it could reboot
  EXPECT_EQ(*device.updater().start(), StartOutcome::kWaitsForReboot);
  EXPECT_EQ(device.updater().install().error().code, ErrorCode::kBusy);
  EXPECT_EQ(device.power_on(), SlotGroup::kA);
}

TEST_F(UpdaterTest, TakesBackAnArmedReleaseThatWasWithdrawn) {
  ASSERT_TRUE(device.updater().install());
  set_channel(repository, {.release = "1.1.0", .serial = 5, .withdrawn = {"1.1.0"}});
  repository.publish();
  EXPECT_FALSE(device.updater().install()->reboot_wanted);
  EXPECT_EQ(device.power_on(), SlotGroup::kA);
  EXPECT_TRUE(device.updater().status()->journal.quarantine.empty());
}

TEST_F(UpdaterTest, TakesBackAnArmedReleaseWhoseRolloutWasPaused) {
  ASSERT_TRUE(device.updater().install());
  set_channel(repository, {.release = "1.1.0", .serial = 5, .rollout = {.is_paused = true}});
  repository.publish();
  EXPECT_EQ(device.updater().install()->decision.reason, "paused");
  EXPECT_EQ(device.power_on(), SlotGroup::kA);
}

TEST_F(UpdaterTest, WaitsForItsTurnByItsIdItsGroupAndATrustedTime) {
  policies::Rollout rollout{
      .share = policies::Share::none(),
      .ramp = *policies::Ramp::create(test_now(), {{0, policies::Share::none()}, {1000, policies::Share::all()}}),
      .groups = {{label("lab"), policies::Share::all()}}};
  set_channel(repository, {.release = "1.1.0", .serial = 5, .rollout = rollout});
  repository.publish();
  EXPECT_EQ(device.updater().check()->decision.reason, "share");
  device.device.group = label("lab");
  device.restart();
  EXPECT_EQ(device.updater().check()->decision.reason, "newer");
  device.device.group.reset();
  device.restart();
  device.clock.advance_seconds(1000);
  device.clock.synchronised = false;
  EXPECT_EQ(device.updater().check()->decision.reason, "share") << "a clock that nobody keeps right speeds nothing up";
  device.clock.synchronised = true;
  EXPECT_EQ(device.updater().check()->decision.reason, "newer");
  rollout.ramp.reset();
  rollout.groups.clear();
  device.device.device_id = "device-2";
  const std::int64_t place = policies::place_of("1.1.0", "device-2");
  for (const auto& [share, reason] : {std::pair(place, "share"), std::pair(place + 1, "newer")}) {
    rollout.share = *policies::Share::create(share);
    set_channel(repository, {.release = "1.1.0", .serial = 6 + share, .rollout = rollout});
    repository.publish();
    device.restart();
    EXPECT_EQ(device.updater().check()->decision.reason, reason);
  }
}

TEST_F(UpdaterTest, FollowsAnotherChannelWhoseSerialIsLower) {
  ASSERT_TRUE(device.updater().check());
  set_channel(repository, {.channel = "beta", .release = "1.1.0", .serial = 1});
  repository.publish();
  device.device.channel = label("beta");
  device.restart();
  EXPECT_TRUE(device.updater().check());
}

TEST_F(UpdaterTest, WritesAReleaseAgainThatAnotherOneHasOverwrittenInPart) {
  ASSERT_TRUE(device.updater().install());
  publish_release(repository, "1.2.0", 3);
  repository.cut_transfer(payload_path("1.2.0"), kTestSegmentBytes + 100);
  ASSERT_FALSE(device.updater().install());
  repository.restore_all();
  set_channel(repository, {.release = "1.1.0", .serial = 9});
  repository.publish();
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
}

TEST_F(UpdaterTest, RefusesAReleaseThatLeavesASlotOfTheGroupAsItIs) {
  device.slots.add("boot", kTestSegmentBytes);
  const auto outcome = device.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(device.boot.writes, 0u);
}

TEST_F(UpdaterTest, ArmsNothingWhenTheRolloutRoleExpiredDuringTheDownload) {
  repository.role("rollout.camera").header.expires = test_now().plus_seconds(86'400);
  repository.publish();
  const std::string path = payload_path("1.1.0");
  repository.before_request = [&](const client::FetchRequest& request) {
    if (request.path == path) device.clock.advance_seconds(3 * 86'400);
  };
  EXPECT_EQ(device.updater().install().error().code, ErrorCode::kExpired);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
}

TEST_F(UpdaterTest, InstallsNothingOlderWhenOnlyTheFloorsWereLost) {
  install_and_confirm();
  device.has_release_file = false;
  device.store.records.erase(client::Record::kFloors);
  device.restart();
  publish_release(repository, "1.0.5", 1);
  set_channel(repository, {.release = "1.0.5", .serial = 9});
  repository.publish();
  EXPECT_EQ(device.updater().install()->decision.reason, "older");
}

TEST_F(UpdaterTest, ShowsItsStatusOnATrialWhoseFloorsAreDamaged) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  device.store.damaged[client::Record::kFloors] = true;
  const auto status = device.updater().status();
  ASSERT_TRUE(status) << status.error().message;
  EXPECT_FALSE(status->floors);
}

// The durable writes of the whole update, one after the other, are each the last one before the cut.
// Book: DEV-01
TEST_F(UpdaterTest, LeavesABootableUpdatableDeviceWhereverThePowerIsCut) {
  constexpr std::uint32_t kMoreThanAllWrites = 200;
  bool ran_through = false;
  for (std::uint32_t cut = 0; cut < kMoreThanAllWrites && !ran_through; ++cut) {
    for (std::uint32_t model = 0; model < kCutModels; ++model) {
      SCOPED_TRACE(testing::Message() << "cut after write " << cut << ", model " << model);
      SimulatedDevice one(repository);
      one.power.cut_after(cut);
      const auto installed = one.updater().install();
      if (installed && one.boot.boot() == SlotGroup::kB) {
        one.restart();
        ran_through = one.updater().start() && one.updater().confirm();
      }
      leave_unflushed(one, model, cut);
      ASSERT_TRUE(converges(one));
      EXPECT_TRUE(one.slot_holds(SlotGroup::kB, image));
      EXPECT_EQ(one.floors().sequence.confirmed, policies::Sequence::create(2).value());
    }
  }
  EXPECT_TRUE(ran_through) << "the update has more writes than were cut";
}

// Every cut of an update, and every cut of the recovery from it; of what was not flushed something else is left each time.
void cut_twice(RepositorySimulator& repository, ByteView image, std::uint32_t model) {
  std::size_t pairs = 0;
  bool ran_through = false;
  for (std::uint32_t cut = 0; !ran_through; ++cut) {
    bool recovered = false;
    for (std::uint32_t second = 0; !recovered; ++second, ++pairs) {
      SCOPED_TRACE(testing::Message() << "cut after write " << cut << ", then after write " << second);
      SimulatedDevice one(repository);
      one.power.cut_after(cut);
      ran_through = one.updater().install().has_value();
      leave_unflushed(one, (model + cut) % kCutModels, second);
      ASSERT_TRUE(one.power_on());
      one.power.cut_after(second);
      recovered = one.updater().start() && (one.updater().install() || one.updater().confirm());
      leave_unflushed(one, (model + second) % kCutModels, cut);
      ASSERT_TRUE(converges(one));
      ASSERT_TRUE(one.slot_holds(SlotGroup::kB, image));
    }
  }
  EXPECT_GE(pairs, 400U);
}

// Book: DEV-02
TEST_F(UpdaterTest, RecoversWhenTheRecoveryFromACutIsCutTooAnywhere) {
  cut_twice(repository, image, 0);
}

// Book: DEV-02
TEST_F(UpdaterTest, RecoversWhenTheRecoveryFromACutIsCutTooAndOtherBytesSurvive) {
  cut_twice(repository, image, 2);
}

// Book: DEV-24
TEST_F(UpdaterTest, LeavesTheRunningSlotAloneWhenTheOtherOneFails) {
  for (std::size_t good = 0; good < 6; ++good) {
    SCOPED_TRACE(good);
    SimulatedDevice one(repository);
    const Bytes running = one.slots.medium(SlotGroup::kA, "rootfs").durable;
    one.slots.medium(SlotGroup::kB, "rootfs").fail_write_after = good;
    EXPECT_EQ(one.updater().install().error().code, ErrorCode::kStorage);
    EXPECT_EQ(one.slots.medium(SlotGroup::kA, "rootfs").cached, running);
    EXPECT_EQ(one.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
    EXPECT_EQ(one.power_on(), SlotGroup::kA);
  }
}

}  // namespace
}  // namespace tenon::tests
