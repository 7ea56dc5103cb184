// The application's data in the life of an update: they are settled before the programs start, a trial that cannot have them ends, and
// none is kept whose programs found others.
#include <tenon/client/updater/updater.h>

#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::AppDataOwner;
using client::SlotGroup;
using client::SlotState;
using client::StartOutcome;

class FakeAppData final : public client::AppData {
 public:
  Result<std::string> settle(const AppDataOwner& owner) override {
    asked.push_back(owner);
    if (failure) return *failure;
    const bool is_new = settled != owner.sequence;
    settled = owner.sequence;
    return is_new ? "made for " + std::to_string(owner.sequence) : std::string();
  }
  Result<bool> is_settled(const AppDataOwner& owner) override { return settled == owner.sequence; }

  std::vector<AppDataOwner> asked;
  std::int64_t settled = 1;
  std::optional<Error> failure;
};

class UpdaterDataTest : public testing::Test {
 protected:
  UpdaterDataTest() : device(repository) {
    publish_release(repository, "1.1.0", 2);
    device.app_data = &data;
    device.restart();
  }

  // boot powers on and does what comes before the programs.
  Result<client::DataOutcome> boot() {
    EXPECT_TRUE(device.power_on());
    EXPECT_TRUE(device.updater().start());
    return device.updater().settle_data();
  }

  RepositorySimulator repository;
  SimulatedDevice device;
  FakeAppData data;
};

TEST_F(UpdaterDataTest, ATrialGetsItsDataBeforeItIsConfirmed) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_FALSE(boot()->reboot_wanted);
  EXPECT_EQ(data.asked, (std::vector<AppDataOwner>{{.sequence = 2, .confirmed = 1, .has_fallback = true}}));
  EXPECT_EQ(device.history.events.back().text, "made for 2");
  EXPECT_TRUE(device.updater().confirm()->confirmed);
}

TEST_F(UpdaterDataTest, ATrialRemovesNothingAlsoWhenItsFallbackIsNoneButTheLastResort) {
  ASSERT_TRUE(device.updater().install());
  device.boot.record.of(SlotGroup::kA).state = SlotState::kBad;
  ASSERT_FALSE(boot()->reboot_wanted);
  EXPECT_TRUE(data.asked.back().has_fallback);
}

TEST_F(UpdaterDataTest, ATrialAfterAReleaseThatWasLeftCopiesWhatItsFallbackWorksWith) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_FALSE(boot()->reboot_wanted);
  ASSERT_TRUE(device.updater().confirm()->confirmed);
  ASSERT_TRUE(device.updater().mark_bad("the till does not open"));
  device.device.running_image.sequence = *policies::Sequence::create(1);
  ASSERT_FALSE(boot()->reboot_wanted);
  EXPECT_EQ(data.asked.back(), (AppDataOwner{.sequence = 1, .left = 2, .has_fallback = false}));

  publish_release(repository, "1.2.0", 3);
  ASSERT_TRUE(device.updater().install());
  ASSERT_FALSE(boot()->reboot_wanted);
  EXPECT_EQ(data.asked.back(), (AppDataOwner{.sequence = 3, .confirmed = 1, .has_fallback = true}));
}

TEST_F(UpdaterDataTest, ATrialWhoseDataCannotBeHadEndsAtOnceAndSaysWhy) {
  ASSERT_TRUE(device.updater().install());
  data.failure = Error{ErrorCode::kHw, "migrate: exit status 3: no room"};
  const auto outcome = boot();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->reboot_wanted);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kBad);
  EXPECT_EQ(device.history.events.back().reason, "boot.data");
  data.failure.reset();
  ASSERT_EQ(device.power_on(), SlotGroup::kA);
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  EXPECT_EQ(device.updater().status()->journal.quarantine.front().reason,
            "application data: migrate: exit status 3: no room");
  EXPECT_EQ(device.updater().install()->decision.reason, "quarantine");
}

TEST_F(UpdaterDataTest, TheReleaseFromBeforeGetsItsDataBack) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(boot());
  ASSERT_TRUE(device.updater().rollback("asked for"));
  ASSERT_TRUE(boot());
  EXPECT_EQ(device.boot.now_running.running, SlotGroup::kA);
  EXPECT_EQ(data.asked.back(), (AppDataOwner{.sequence = 1, .has_fallback = false}));
  EXPECT_EQ(data.settled, 1);
}

TEST_F(UpdaterDataTest, AConfirmedReleaseKeepsTheDataOfItsFallback) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(boot());
  ASSERT_TRUE(device.updater().confirm());
  ASSERT_TRUE(boot());
  EXPECT_EQ(data.asked.back(), (AppDataOwner{.sequence = 2, .has_fallback = true}));
}

TEST_F(UpdaterDataTest, KeepsNoTrialWhoseProgramsFoundOtherData) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(device.power_on());
  ASSERT_TRUE(device.updater().start());  // nobody ran what comes before the programs
  const auto outcome = device.updater().confirm();
  ASSERT_TRUE(outcome);
  EXPECT_FALSE(outcome->confirmed);
  EXPECT_NE(outcome->reason.find("--before-services"), std::string::npos) << outcome->reason;
  EXPECT_EQ(device.health.checks, 0u);
}

TEST_F(UpdaterDataTest, AFailureOnAConfirmedReleaseIsAnErrorAndNoReboot) {
  data.failure = Error{ErrorCode::kStorage, "read-only"};
  const auto outcome = boot();
  ASSERT_FALSE(outcome);
  EXPECT_EQ(outcome.error().message, "read-only");
  EXPECT_EQ(device.boot.record.of(SlotGroup::kA).state, SlotState::kGood);
  EXPECT_TRUE(device.updater().install());  // what mends it may come by an update
}

TEST_F(UpdaterDataTest, GivesNoDataToAnImageThatIsNotWhatWasInstalled) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(device.power_on());
  device.device.running_image.sequence = policies::Sequence::create(7).value();
  client::Updater other_image(device.ports(), device.device);
  ASSERT_TRUE(other_image.start());
  EXPECT_TRUE(other_image.settle_data()->reboot_wanted);
  EXPECT_TRUE(data.asked.empty());
}

TEST_F(UpdaterDataTest, AnImageWithoutASequenceHasNoDataAndIsNotKept) {
  ASSERT_TRUE(device.updater().install());
  device.has_release_file = false;
  const auto outcome = boot();
  ASSERT_TRUE(outcome);
  EXPECT_TRUE(outcome->reboot_wanted);
  EXPECT_TRUE(data.asked.empty());
}

// The power fails at each write of the end of a trial: the way back is found, and with it the data.
TEST_F(UpdaterDataTest, ACutWhileATrialEndsLeadsBackToTheOldData) {
  for (std::size_t cut = 0; cut < 8; ++cut) {
    SimulatedDevice one(repository);
    FakeAppData its;
    one.app_data = &its;
    one.restart();
    ASSERT_TRUE(one.updater().install());
    ASSERT_TRUE(one.power_on());
    its.failure = Error{ErrorCode::kHw, "no"};
    one.power.cut_after(cut);
    if (one.updater().start()) (void)one.updater().settle_data();
    while (one.power_on() == SlotGroup::kB) {
      ASSERT_TRUE(one.updater().start());
      ASSERT_TRUE(one.updater().settle_data()->reboot_wanted) << cut;
    }
    its.failure.reset();
    ASSERT_EQ(*one.updater().start(), StartOutcome::kRolledBack) << cut;
    ASSERT_TRUE(one.updater().settle_data());
    EXPECT_EQ(its.settled, 1) << cut;
  }
}

}  // namespace
}  // namespace tenon::tests
