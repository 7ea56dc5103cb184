// A release that was confirmed and is bad after all: the device goes back to the one before it, as long as that may boot.
#include <tenon/client/updater/updater.h>

#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::EventKind;
using client::GroupBoot;
using client::SlotGroup;
using client::SlotState;
using client::StartOutcome;
using client::UpdateState;
using policies::Verdict;

constexpr std::string_view kReason = "the till does not open";

void install_and_confirm(SimulatedDevice& device) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(device.power_on());
  ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  ASSERT_TRUE(device.updater().confirm()->confirmed);
}

class BadRelease : public testing::Test {
 protected:
  BadRelease() : device(repository) { publish_release(repository, "1.1.0", 2); }

  // 1.1.0 runs in B and is confirmed; 1.0.0 is in A.
  void take_the_bad_one() { install_and_confirm(device); }
  void mark_bad_and_boot() {
    const auto marked = device.updater().mark_bad(kReason);
    ASSERT_TRUE(marked) << marked.error().message;
    ASSERT_EQ(device.power_on(), SlotGroup::kA);
    ASSERT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  }
  // Nothing changes, and what to do next is said.
  void refuses(ErrorCode code, std::string_view why) {
    const client::BootRecord record = device.boot.record;
    const auto records = device.store.records;
    const auto marked = device.updater().mark_bad(kReason);
    ASSERT_FALSE(marked);
    EXPECT_EQ(marked.error().code, code);
    EXPECT_NE(marked.error().message.find(why), std::string::npos) << marked.error().message;
    EXPECT_FALSE(marked.error().hint.empty());
    EXPECT_EQ(device.boot.record, record);
    EXPECT_EQ(device.store.records, records);
  }
  std::int64_t confirmed_floor() { return device.floors().sequence.confirmed->value(); }

  RepositorySimulator repository;
  SimulatedDevice device;
};

TEST_F(BadRelease, IsLeftForTheOneBeforeIt) {
  take_the_bad_one();
  ASSERT_TRUE(device.updater().mark_bad(kReason));
  EXPECT_EQ(device.boot.record.first, SlotGroup::kA);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kA), (GroupBoot{SlotState::kGood, 0}));
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB), (GroupBoot{SlotState::kBad, 0}));
  EXPECT_EQ(*device.updater().start(), StartOutcome::kWaitsForReboot);
  ASSERT_EQ(device.power_on(), SlotGroup::kA);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kSettled);
}

// Book: DEV-67
TEST_F(BadRelease, IsNotTakenAgainButANewerOneIs) {
  take_the_bad_one();
  mark_bad_and_boot();
  const auto held = device.updater().install();
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_EQ(held->decision.verdict, Verdict::kHold);
  EXPECT_EQ(held->decision.reason, "quarantine");
  const Bytes newer = publish_release(repository, "1.2.0", 3);
  install_and_confirm(device);
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, newer));
}

// Crash point 25: no floor falls, and an older release that somebody signed is still none for this device.
TEST_F(BadRelease, LeavesEveryFloorWhereItIs) {
  take_the_bad_one();
  const client::Floors before = device.floors();
  mark_bad_and_boot();
  EXPECT_EQ(device.floors(), before);
  EXPECT_EQ(confirmed_floor(), 2);
}

TEST_F(BadRelease, IsRememberedWithItsReason) {
  take_the_bad_one();
  mark_bad_and_boot();
  const auto status = device.updater().status();
  ASSERT_EQ(status->journal.quarantine.size(), 1U);
  EXPECT_EQ(status->journal.quarantine[0].version, "1.1.0");
  EXPECT_EQ(status->journal.quarantine[0].reason, kReason);
  const auto& events = device.history.events;
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events[events.size() - 2].kind, EventKind::kUnhealthy);
  EXPECT_EQ(events.back().kind, EventKind::kRolledBack);
  EXPECT_EQ(events.back().reason, "user.bad");
  EXPECT_NE(events.back().text.find(kReason), std::string::npos);
}

TEST_F(BadRelease, StaysWhenNothingElseMayBoot) {
  refuses(ErrorCode::kPolicy, "slot group B is empty");  // a factory's
  take_the_bad_one();
  mark_bad_and_boot();
  refuses(ErrorCode::kPolicy, "slot group B is bad");
}

TEST_F(BadRelease, StaysWhileTheOtherGroupIsWritten) {
  take_the_bad_one();
  publish_release(repository, "1.2.0", 3);
  device.slots.medium(SlotGroup::kA, "rootfs").fail_write_after = 2;
  ASSERT_FALSE(device.updater().install());
  refuses(ErrorCode::kPolicy, "slot group A is empty");
}

TEST_F(BadRelease, StaysAsTheFallbackOfATrialThatIsArmed) {
  take_the_bad_one();
  publish_release(repository, "1.2.0", 3);
  ASSERT_TRUE(device.updater().install()->reboot_wanted);
  refuses(ErrorCode::kPolicy, "slot group A is armed");
}

TEST_F(BadRelease, StaysWhenTheOneBeforeItIsBelowTheSignedFloor) {
  publish_release(repository, "1.2.0", 3, 2);
  take_the_bad_one();
  refuses(ErrorCode::kPolicy, "1.0.0 in slot group A has sequence 1, below the signed floor 2");
}

TEST_F(BadRelease, IsLeftForOneThatIsJustNotBelowTheSignedFloor) {
  publish_release(repository, "1.2.0", 3, 1);
  take_the_bad_one();
  mark_bad_and_boot();
  EXPECT_EQ(confirmed_floor(), 3);
}

// The release that a device was made with has a sequence too, which its stamp keeps.
TEST_F(BadRelease, IsLeftForTheOneFromTheFactoryWhenThatIsNotBelowTheSignedFloor) {
  device.slots.fill(SlotGroup::kA, "rootfs", to_bytes("1.0.9 2"));
  device.restart();
  publish_release(repository, "1.2.0", 3, 2);
  take_the_bad_one();
  mark_bad_and_boot();
}

// What cannot be read is not zero: whether the floor allows the other group is not known then.
// Book: DEV-23
TEST_F(BadRelease, StaysWhenTheFloorsAreDamaged) {
  take_the_bad_one();
  device.store.damaged[client::Record::kFloors] = true;
  refuses(ErrorCode::kPolicy, "the floor of the release that runs is not known");
}

// Without stamps the other group may hold the lowest sequence there is.
TEST_F(BadRelease, IsLeftWithoutStampsUnlessAFloorWasSigned) {
  take_the_bad_one();
  device.store.records.erase(client::Record::kStamps);
  mark_bad_and_boot();
  EXPECT_TRUE(device.updater().status()->journal.quarantine.empty());  // whose images are unknown

  RepositorySimulator strict;
  publish_release(strict, "1.2.0", 3, 2);
  SimulatedDevice other(strict);
  install_and_confirm(other);
  other.store.records.erase(client::Record::kStamps);
  const auto marked = other.updater().mark_bad(kReason);
  ASSERT_FALSE(marked);
  EXPECT_NE(marked.error().message.find("below the signed floor 2"), std::string::npos) << marked.error().message;
}

TEST_F(BadRelease, OnATrialIsRolledBack) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  mark_bad_and_boot();
  EXPECT_EQ(confirmed_floor(), 1);
  EXPECT_EQ(device.updater().install()->decision.reason, "quarantine");
}

TEST_F(BadRelease, IsMarkedOnce) {
  take_the_bad_one();
  ASSERT_TRUE(device.updater().mark_bad(kReason));
  refuses(ErrorCode::kBusy, "slot group B has failed");
}

TEST_F(BadRelease, IsLeftAfterARecordThatCouldNotBeWrittenIsWritten) {
  take_the_bad_one();
  device.boot.fail_write_after = device.boot.writes;
  EXPECT_EQ(device.updater().mark_bad(kReason).error().code, ErrorCode::kHw);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kGood);
  EXPECT_FALSE(device.updater().start());
  device.boot.fail_write_after.reset();
  EXPECT_EQ(*device.updater().start(), StartOutcome::kWaitsForReboot);
  EXPECT_EQ(device.power_on(), SlotGroup::kA);
}

// The record is lost before it says that B is left, or after: the script starts A then.
TEST_F(BadRelease, IsLeftThoughTheBootRecordIsLostMeanwhile) {
  for (const bool is_written : {false, true}) {
    SCOPED_TRACE(is_written);
    SimulatedDevice one(repository);
    install_and_confirm(one);
    if (!is_written) one.boot.fail_write_after = one.boot.writes;
    EXPECT_EQ(one.updater().mark_bad(kReason).has_value(), is_written);
    one.boot.fail_write_after.reset();
    one.boot.lost = true;
    one.restart();
    EXPECT_EQ(*one.updater().start(), StartOutcome::kWaitsForReboot);  // B still runs
    EXPECT_EQ(one.boot.record.of(SlotGroup::kB).state, SlotState::kBad);
    one.boot.lost = true;
    ASSERT_EQ(one.power_on(), SlotGroup::kA);
    EXPECT_EQ(*one.updater().start(), StartOutcome::kRolledBack);
    EXPECT_EQ(one.updater().install()->decision.reason, "quarantine");
  }
}

// Each durable write from the mark to the settled start is the last one before a cut, and so is each one of the recovery.
// Whenever it is: one of the two releases boots, the device settles, and takes the next one; no floor falls.
// Book: DEV-01 DEV-02
TEST_F(BadRelease, LeavesABootableUpdatableDeviceWhereverThePowerIsCut) {
  bool ran_through = false;
  std::size_t cuts = 0;
  for (std::size_t cut = 0; !ran_through; ++cut) {
    bool recovered = false;
    for (std::size_t second = 0; !recovered; ++second, ++cuts) {
      SCOPED_TRACE(testing::Message() << "cut after write " << cut << ", then after write " << second);
      RepositorySimulator releases;
      publish_release(releases, "1.1.0", 2);
      SimulatedDevice one(releases);
      install_and_confirm(one);
      one.power.cut_after(cut);
      ran_through = one.updater().mark_bad(kReason).has_value() && one.boot.boot();
      if (ran_through) one.restart();
      ran_through = ran_through && one.updater().start();
      ASSERT_TRUE(one.power_on());
      one.power.cut_after(second);
      recovered = one.updater().start().has_value();
      ASSERT_TRUE(one.power_on());
      ASSERT_TRUE(one.updater().start());
      ASSERT_TRUE(one.power_on());
      ASSERT_TRUE(one.updater().start());
      const bool is_left = one.boot.now_running.running == SlotGroup::kA;
      EXPECT_EQ(is_left, cut > 0) << "what the journal says is done";
      EXPECT_EQ(one.updater().status()->journal.quarantine.size(), is_left ? 1U : 0U);
      EXPECT_EQ(one.floors().sequence.confirmed->value(), 2);
      publish_release(releases, "1.2.0", 3);
      ASSERT_TRUE(converges(one));
      EXPECT_EQ(one.floors().sequence.confirmed->value(), 3);
    }
  }
  EXPECT_GE(cuts, 6U);
}

}  // namespace
}  // namespace tenon::tests
