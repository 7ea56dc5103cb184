// The boot record is gone: no copy of it is valid. The device goes on from what runs, and confirms nothing that was not
// confirmed. Crash point 28 of design/installing.md.
#include <tenon/client/updater/updater.h>

#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::GroupBoot;
using client::SlotGroup;
using client::SlotState;
using client::StartOutcome;
using client::UpdateState;

class LostRecord : public testing::Test {
 protected:
  LostRecord() : device(repository) { publish_release(repository, "1.1.0", 2); }

  // Both copies are damaged, and the power goes.
  void lose_and_boot() {
    device.boot.lost = true;
    ASSERT_EQ(device.power_on(), SlotGroup::kA);
  }
  void install_and_boot_the_trial() {
    ASSERT_TRUE(device.updater().install());
    ASSERT_EQ(device.power_on(), SlotGroup::kB);
    ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  }
  void expect_record(SlotGroup first, GroupBoot a, GroupBoot b) {
    EXPECT_FALSE(device.boot.lost);
    EXPECT_EQ(device.boot.record.first, first);
    EXPECT_EQ(device.boot.record.of(SlotGroup::kA), a);
    EXPECT_EQ(device.boot.record.of(SlotGroup::kB), b);
  }
  client::Journal journal() { return device.updater().status()->journal; }

  RepositorySimulator repository;
  SimulatedDevice device;
};

const GroupBoot kGood = {SlotState::kGood, 0};
const GroupBoot kEmpty = {SlotState::kEmpty, 0};

// Book: DEV-58
TEST_F(LostRecord, IsMadeAnewFromWhatRunsAndTheDeviceUpdatesAgain) {
  ASSERT_TRUE(device.updater().check());
  device.reporter.warnings.clear();
  lose_and_boot();
  ASSERT_FALSE(device.updater().status());
  const auto started = device.updater().start();
  ASSERT_TRUE(started) << started.error().message;
  EXPECT_EQ(*started, StartOutcome::kSettled);
  expect_record(SlotGroup::kA, kGood, kEmpty);
  EXPECT_NE(journal().last_result.find("the boot record was lost"), std::string::npos) << journal().last_result;
  EXPECT_EQ(device.reporter.warnings, std::vector{journal().last_result});
  EXPECT_TRUE(converges(device));
}

TEST_F(LostRecord, KeepsTheGroupThatRunsWhenTheBootloaderWouldStartTheOther) {
  install_and_boot_the_trial();
  ASSERT_TRUE(device.updater().confirm()->confirmed);
  device.boot.lost = true;
  device.restart();
  ASSERT_EQ(*device.updater().start(), StartOutcome::kSettled);
  expect_record(SlotGroup::kB, kEmpty, kGood);
  EXPECT_EQ(device.power_on(), SlotGroup::kB);
}

// The bootloader starts A, whatever is in it; here the other way round.
TEST_F(LostRecord, DoesNotKeepAnImageThatHadFailed) {
  device.health.report = {.healthy = false, .reason = "broken"};
  ASSERT_TRUE(device.updater().install());  // to B
  for (int boot = 0; boot < 5 && journal().quarantine.empty(); ++boot) {
    ASSERT_TRUE(device.power_on());
    if (*device.updater().start() != StartOutcome::kTrial) continue;
    ASSERT_FALSE(device.updater().confirm()->confirmed);
  }
  ASSERT_FALSE(journal().quarantine.empty());
  device.boot.lost = true;
  device.boot.now_running.running = SlotGroup::kB;
  device.restart();
  EXPECT_EQ(*device.updater().start(), StartOutcome::kWaitsForReboot);
  expect_record(SlotGroup::kA, kGood, {SlotState::kBad, 0});
}

TEST_F(LostRecord, DoesNotKeepAnImageThatWasNeverTried) {
  ASSERT_TRUE(device.updater().install());
  lose_and_boot();
  ASSERT_EQ(*device.updater().start(), StartOutcome::kSettled);
  ASSERT_EQ(journal().state, UpdateState::kStaged);
  device.boot.lost = true;
  device.boot.now_running.running = SlotGroup::kB;
  device.restart();
  EXPECT_EQ(*device.updater().start(), StartOutcome::kWaitsForReboot);
  expect_record(SlotGroup::kA, kGood, {SlotState::kBad, 0});
}

// Nothing is wrong with the image: it is armed again, and is not fetched again.
TEST_F(LostRecord, OfAnArmedTrialIsNoFailureOfItsImage) {
  ASSERT_TRUE(device.updater().install());
  lose_and_boot();
  ASSERT_EQ(*device.updater().start(), StartOutcome::kSettled);
  expect_record(SlotGroup::kA, kGood, kEmpty);
  EXPECT_EQ(journal().state, UpdateState::kStaged);
  EXPECT_TRUE(journal().quarantine.empty());
  const auto writes = device.slots.medium(SlotGroup::kB, "rootfs").writes;
  ASSERT_TRUE(device.updater().install()->reboot_wanted);
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").writes, writes);
  EXPECT_EQ(device.power_on(), SlotGroup::kB);
}

// The record says that what runs is on trial still, with the fallback that nobody has touched.
TEST_F(LostRecord, DuringATrialConfirmsNothingWithoutHealth) {
  install_and_boot_the_trial();
  device.boot.lost = true;
  device.restart();
  ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  expect_record(SlotGroup::kB, kGood, {SlotState::kTrial, 0});
  EXPECT_EQ(device.floors().sequence.confirmed, policies::Sequence::create(1).value());
  device.health.report = {.healthy = false, .reason = "no network"};
  EXPECT_TRUE(device.updater().confirm()->reboot_wanted);
  EXPECT_EQ(device.power_on(), SlotGroup::kA);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(journal().quarantine.front().reason, "no network");
}

TEST_F(LostRecord, DuringATrialThatIsHealthyIsConfirmedByIt) {
  install_and_boot_the_trial();
  device.boot.lost = true;
  device.restart();
  ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  ASSERT_TRUE(device.updater().confirm()->confirmed);
  expect_record(SlotGroup::kB, kGood, kGood);
  EXPECT_EQ(device.floors().sequence.confirmed, policies::Sequence::create(2).value());
}

// A trial that takes both copies with it each time would otherwise be tried for ever.
// Book: DEV-52
TEST_F(LostRecord, ByATrialThatBootedIsItsFailure) {
  install_and_boot_the_trial();
  lose_and_boot();
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  expect_record(SlotGroup::kA, kGood, {SlotState::kBad, 0});
  EXPECT_EQ(journal().quarantine.size(), 1u);
  EXPECT_EQ(device.updater().install()->decision.reason, "quarantine");
}

// It is there, and somebody changed it: that is for a person to see.
TEST_F(LostRecord, IsNotMadeAnewWhenItCanOnlyNotBeUnderstood) {
  device.boot.unreadable = true;
  const auto started = device.updater().start();
  ASSERT_FALSE(started);
  EXPECT_EQ(started.error().message, "no copy of the boot record is valid");
  EXPECT_EQ(device.boot.writes, 0u);
}

TEST_F(LostRecord, IsNotMadeAnewWhenWhatRunsIsUnknown) {
  device.boot.lost = true;
  device.boot.running_unknown = true;
  ASSERT_FALSE(device.updater().start());
  EXPECT_TRUE(device.boot.lost);
}

// The power goes at each write of the repair, at every stage of an update.
// Book: DEV-01
TEST_F(LostRecord, IsRepairedWhateverCutsTheRepair) {
  int cuts = 0;
  for (const int stage : {0, 1, 2}) {
    for (std::size_t writes = 0;; ++writes) {
      SimulatedDevice fresh(repository);
      if (stage > 0) {
        ASSERT_TRUE(fresh.updater().install());
      }
      if (stage == 2) {
        ASSERT_EQ(fresh.power_on(), SlotGroup::kB);
        ASSERT_TRUE(fresh.updater().start());
      }
      fresh.boot.lost = true;
      fresh.restart();
      fresh.power.cut_after(writes);
      const bool done = fresh.updater().start().has_value();
      fresh.power.restore();
      if (done) break;
      ++cuts;
      ASSERT_TRUE(fresh.power_on()) << stage << " " << writes;
      const auto started = fresh.updater().start();
      ASSERT_TRUE(started) << started.error().message << " " << stage << " " << writes;
      EXPECT_FALSE(fresh.boot.lost);
      EXPECT_TRUE(stage == 2 || converges(fresh)) << stage << " " << writes;
    }
  }
  EXPECT_GE(cuts, 6);
}

}  // namespace
}  // namespace tenon::tests
