// No slot group might boot, and the boot script started one that had failed: the device stays up and takes the next release.
// Crash point 28 of design/installing.md.
#include <tenon/client/updater/updater.h>

#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::GroupBoot;
using client::SlotGroup;
using client::SlotState;
using client::StartOutcome;

const GroupBoot kBad = {SlotState::kBad, 0};

class LastResort : public testing::Test {
 protected:
  LastResort() : device(repository) {
    publish_release(repository, "1.1.0", 2);
    device.boot.has_last_resort = true;
  }

  // 1.1.0 ran on trial in B until its last try, and failed; the fallback in A cannot be loaded.
  void fail_without_a_fallback() {
    device.health.report = {.healthy = false, .reason = "broken"};
    ASSERT_TRUE(device.updater().install());
    for (std::uint32_t boot = 0; boot < device.device.tries; ++boot) {
      ASSERT_EQ(device.power_on(), SlotGroup::kB);
      ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
      ASSERT_FALSE(device.updater().confirm()->confirmed);
    }
    ASSERT_EQ(device.boot.record.of(SlotGroup::kB), kBad);
    device.health.report = {.healthy = true};
    device.boot.broken = {SlotGroup::kA};
    ASSERT_EQ(device.power_on(), SlotGroup::kB);
  }

  RepositorySimulator repository;
  SimulatedDevice device;
};

// Book: DEV-65
TEST_F(LastResort, NeitherConfirmsWhatFailedNorRebootsForEver) {
  fail_without_a_fallback();
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kSettled);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB), kBad);
  EXPECT_EQ(device.floors().sequence.confirmed->value(), 1);
  EXPECT_EQ(device.updater().status()->journal.quarantine.size(), 1U);
  EXPECT_FALSE(device.updater().confirm());
  EXPECT_EQ(device.updater().mark_bad("again").error().code, ErrorCode::kPolicy);
  EXPECT_NE(device.updater().install()->decision.verdict, policies::Verdict::kInstall);
}

// Book: DEV-65 DEV-67
TEST_F(LastResort, TakesTheNextRelease) {
  fail_without_a_fallback();
  ASSERT_TRUE(device.updater().start());
  const Bytes newer = publish_release(repository, "1.2.0", 3);
  device.boot.broken.clear();  // a kernel is written there
  ASSERT_TRUE(device.updater().install()->reboot_wanted);
  ASSERT_EQ(device.power_on(), SlotGroup::kA);
  ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  ASSERT_TRUE(device.updater().confirm()->confirmed);
  EXPECT_TRUE(device.slot_holds(SlotGroup::kA, newer));
  EXPECT_EQ(device.floors().sequence.confirmed->value(), 3);
}

// Book: DEV-65
TEST_F(LastResort, ComesBackWhenTheNextReleaseFailsToo) {
  fail_without_a_fallback();
  ASSERT_TRUE(device.updater().start());
  publish_release(repository, "1.2.0", 3);
  device.boot.broken.clear();
  ASSERT_TRUE(device.updater().install()->reboot_wanted);
  for (std::uint32_t boot = 0; boot < device.device.tries; ++boot) ASSERT_EQ(device.power_on(), SlotGroup::kA);
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(device.boot.record.first, SlotGroup::kB);
  EXPECT_EQ(device.updater().status()->journal.quarantine.size(), 2U);
  publish_release(repository, "1.3.0", 4);
  EXPECT_TRUE(device.updater().install()->reboot_wanted);
}

// A trial that used up its tries gets one more chance, when there is nothing else: it is healthy, and stays.
// Book: DEV-65
TEST_F(LastResort, ConfirmsATrialWhoseTriesAreGone) {
  ASSERT_TRUE(device.updater().install());
  for (std::uint32_t boot = 0; boot < device.device.tries; ++boot) ASSERT_EQ(device.power_on(), SlotGroup::kB);
  device.boot.broken = {SlotGroup::kA};
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  EXPECT_TRUE(device.updater().confirm()->confirmed);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kGood);
}

// The release before cannot be loaded after all: what was left runs on, as bad as it is.
TEST_F(LastResort, IsWhatWasMarkedBadWhenTheOneBeforeItIsBroken) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  ASSERT_TRUE(device.updater().start());
  ASSERT_TRUE(device.updater().confirm()->confirmed);
  ASSERT_TRUE(device.updater().mark_bad("slow"));
  device.boot.broken = {SlotGroup::kA};
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kSettled);
  EXPECT_EQ(device.updater().status()->journal.quarantine.size(), 1U);
  publish_release(repository, "1.2.0", 3);
  EXPECT_TRUE(device.updater().install()->reboot_wanted);
}

// Whichever of both is started, of two that are BAD by somebody's hand, or by what nobody thought of.
// Book: DEV-65
TEST_F(LastResort, OfTwoBadGroupsUpdatesTheOther) {
  device.boot.record.of(SlotGroup::kA) = kBad;
  device.boot.record.of(SlotGroup::kB) = kBad;
  ASSERT_EQ(device.power_on(), SlotGroup::kA);
  EXPECT_TRUE(converges(device));
  EXPECT_EQ(device.boot.now_running.running, SlotGroup::kB);
}

// Book: DEV-01 DEV-65
TEST_F(LastResort, LeavesABootableUpdatableDeviceWhereverThePowerIsCut) {
  publish_release(repository, "1.2.0", 3);
  bool ran_through = false;
  for (std::uint32_t cut = 0; !ran_through; ++cut) {
    SCOPED_TRACE(testing::Message() << "cut after write " << cut);
    SimulatedDevice one(repository);
    one.boot.has_last_resort = true;
    one.boot.record.of(SlotGroup::kA) = kBad;
    ASSERT_EQ(one.power_on(), SlotGroup::kA);
    one.power.cut_after(cut);
    ran_through = one.updater().start() && one.updater().install() && one.boot.boot() == SlotGroup::kB;
    if (ran_through) one.restart();
    ran_through = ran_through && one.updater().start() && one.updater().confirm();
    ASSERT_TRUE(converges(one));
    EXPECT_EQ(one.floors().sequence.confirmed->value(), 3);
  }
}

}  // namespace
}  // namespace tenon::tests
