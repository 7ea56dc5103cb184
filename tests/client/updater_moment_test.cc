// When an update happens: it is fetched and written at any time, but armed and booted in the maintenance window alone, when nobody
// wants to wait; what rests meanwhile is judged anew before it is armed. It is 12:00 on these devices.
#include <tenon/client/daemon/device_cycle.h>
#include <tenon/client/daemon/device_explanation.h>

#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;
using client::SlotState;
using client::StartOutcome;
using client::UpdateState;
using client::Wishes;
using metadata::UtcTime;
using policies::Verdict;
using std::chrono::hours;

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kDay = 24 * kHour;

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "accepted" : std::string(to_string(result.error().code));
}

class MomentOfAnUpdate : public testing::Test {
 protected:
  void have_window(const char* window) { have_window(device, window); }
  static void have_window(SimulatedDevice& one, const char* window) {
    one.device.window = *policies::MaintenanceWindow::parse(window);
    one.restart();
  }

  client::InstallOutcome install(Wishes wishes = Wishes::kHeed) {
    const auto outcome = device.updater().install(wishes);
    EXPECT_TRUE(outcome) << outcome.error().message;
    return outcome ? *outcome : client::InstallOutcome{};
  }
  void expect_waits(std::string_view reason) {
    const client::InstallOutcome outcome = install();
    EXPECT_EQ(outcome.decision.verdict, Verdict::kHold) << outcome.decision.text;
    EXPECT_EQ(outcome.decision.reason, reason);
    EXPECT_FALSE(outcome.reboot_wanted);
  }
  void expect_reboots() {
    const client::InstallOutcome outcome = install();
    EXPECT_EQ(outcome.decision.verdict, Verdict::kInstall) << outcome.decision.text;
    EXPECT_TRUE(outcome.reboot_wanted);
    EXPECT_TRUE(is_armed());
  }
  bool is_armed() const { return device.boot.record.of(SlotGroup::kB).state == SlotState::kTrial; }
  UpdateState state() { return device.updater().status()->journal.state; }
  std::uint64_t written() { return device.slots.medium(SlotGroup::kB, "rootfs").bytes_written; }

  RepositorySimulator repository;
  Bytes image = publish_release(repository, "1.1.0", 2);
  SimulatedDevice device{repository};
};

TEST_F(MomentOfAnUpdate, OutsideTheWindowIsWrittenAndNotArmed) {
  have_window("02:00-04:00");
  expect_waits("window");
  EXPECT_EQ(install().decision.until, UtcTime::parse("2026-11-02T02:00:00Z").value());
  EXPECT_FALSE(is_armed());
  EXPECT_EQ(state(), UpdateState::kStaged);
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
  EXPECT_EQ(device.power_on(), SlotGroup::kA) << "whatever reboots the device";
}

TEST_F(MomentOfAnUpdate, ComesWithTheWindow) {
  have_window("02:00-04:00");
  expect_waits("window");
  device.clock.advance_seconds(14 * kHour);
  expect_reboots();
  EXPECT_EQ(device.power_on(), SlotGroup::kB);
}

TEST_F(MomentOfAnUpdate, IsInAWindowOverMidnight) {
  have_window("23:00-01:00");
  for (const auto& [time, is_open] : std::map<std::string, bool>{{"2026-11-01T22:59:59Z", false},
                                                                 {"2026-11-01T23:00:00Z", true},
                                                                 {"2026-11-02T00:59:59Z", true},
                                                                 {"2026-11-02T01:00:00Z", false}}) {
    SimulatedDevice one(repository);
    have_window(one, "23:00-01:00");
    one.clock.time = *UtcTime::parse(time);
    EXPECT_EQ(one.updater().install()->reboot_wanted, is_open) << time;
  }
}

TEST_F(MomentOfAnUpdate, IsNeverInTheWindowOfAClockThatIsNotToBeTrusted) {
  have_window("11:00-13:00");
  device.clock.synchronised = false;
  expect_waits("window");
  EXPECT_FALSE(device.updater().status()->window->is_open);
  EXPECT_FALSE(device.updater().status()->window->opens);
  device.clock.synchronised = true;
  expect_reboots();
}

// What rests is not written, verified or fetched again and again.
// Book: RES-07
TEST_F(MomentOfAnUpdate, ThatWaitsCostsNothingMeanwhile) {
  have_window("02:00-04:00");
  expect_waits("window");
  const std::size_t writes = device.power.writes();
  repository.forget_requests();
  for (int hour = 0; hour < 10; ++hour) {
    device.clock.advance_seconds(kHour);
    expect_waits("window");
  }
  EXPECT_EQ(written(), image.size());
  EXPECT_EQ(device.power.writes(), writes);
  for (const client::FetchRequest& request : repository.requests()) EXPECT_FALSE(request.path.ends_with(".full"));
  EXPECT_EQ(device.history.events.size(), 11U);  // HistoryLog tells them once
  EXPECT_EQ(device.history.events.front().text, device.history.events.back().text);
}

TEST_F(MomentOfAnUpdate, ThatPassedWhileTheImageWasWrittenIsOver) {
  have_window("11:00-13:00");
  repository.before_request = [&](const client::FetchRequest& request) {
    if (request.path.ends_with(".full")) device.clock.advance_seconds(kHour);
  };
  expect_waits("window");
  EXPECT_FALSE(is_armed());
  EXPECT_EQ(device.history.kinds().back(), "decision policy.window");
}

TEST_F(MomentOfAnUpdate, ThatCameWhileTheImageWasWrittenIsTaken) {
  have_window("13:00-14:00");
  repository.before_request = [&](const client::FetchRequest& request) {
    if (request.path.ends_with(".full")) device.clock.advance_seconds(kHour);
  };
  expect_reboots();
}

// Crash point 13 of design/installing.md.
// Book: TIME-03
TEST_F(MomentOfAnUpdate, IsNotThereForAReleaseThatWasWithdrawnMeanwhile) {
  have_window("02:00-04:00");
  expect_waits("window");
  set_channel(repository, {.release = "1.1.0", .serial = 5, .withdrawn = {"1.1.0"}});
  repository.publish();
  device.clock.advance_seconds(14 * kHour);
  expect_waits("withdrawn");
  EXPECT_FALSE(is_armed());
  EXPECT_EQ(device.power_on(), SlotGroup::kA);
}

// Crash point 13 of design/installing.md.
// Book: TIME-03
TEST_F(MomentOfAnUpdate, IsNotThereBeforeMetadataThatExpiredMeanwhileAreFresh) {
  have_window("02:00-04:00");
  expect_waits("window");
  device.clock.advance_seconds(400 * kDay + 14 * kHour);
  EXPECT_EQ(code_of(device.updater().install()), "E_EXPIRED");
  EXPECT_FALSE(is_armed());
  const UtcTime fresh = device.clock.time.plus_seconds(kDay);
  repository.timestamp.header.expires = fresh;
  repository.snapshot.header.expires = fresh;
  for (const char* role : {"targets", "releases.camera", "rollout.camera"})
    repository.role(role).header.expires = fresh;
  repository.root.header.expires = fresh;
  repository.publish_root();
  repository.publish();
  const std::uint64_t before = written();
  expect_reboots();
  EXPECT_EQ(written(), before) << "what was written stays";
}

// Book: LOC-06
TEST_F(MomentOfAnUpdate, IsNotThereForASlotThatWasChangedMeanwhile) {
  have_window("02:00-04:00");
  expect_waits("window");
  auto& medium = device.slots.medium(SlotGroup::kB, "rootfs");
  medium.cached[3 * kTestSegmentBytes] ^= 1;
  device.clock.advance_seconds(14 * kHour);
  EXPECT_EQ(code_of(device.updater().install()), "E_STORAGE");
  EXPECT_FALSE(is_armed());
  expect_reboots();
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
}

TEST_F(MomentOfAnUpdate, GoesToANewerReleaseThatCameMeanwhile) {
  have_window("02:00-04:00");
  expect_waits("window");
  const Bytes newer = publish_release(repository, "1.2.0", 3);
  expect_waits("window");
  device.clock.advance_seconds(14 * kHour);
  expect_reboots();
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, newer));
}

TEST_F(MomentOfAnUpdate, LeavesWhatIsArmedArmedAndDoesNotRebootOutsideTheWindow) {
  have_window("12:00-13:00");
  expect_reboots();
  device.clock.advance_seconds(kHour);
  expect_waits("window");
  EXPECT_TRUE(is_armed());
  EXPECT_EQ(*device.updater().start(), StartOutcome::kWaitsForReboot);
  device.clock.advance_seconds(23 * kHour);
  expect_reboots();
}

TEST_F(MomentOfAnUpdate, DoesNotRebootOutsideTheWindowWhenNobodyAnswersEither) {
  have_window("12:00-13:00");
  expect_reboots();
  repository.fail_all(Error{ErrorCode::kNet, "no route"});
  EXPECT_TRUE(client::run_cycle(device.updater())->reboot_wanted);
  device.clock.advance_seconds(kHour);
  const auto cycle = client::run_cycle(device.updater());
  ASSERT_TRUE(cycle) << cycle.error().message;
  EXPECT_FALSE(cycle->reboot_wanted);
  EXPECT_TRUE(cycle->awaits_window);
}

TEST_F(MomentOfAnUpdate, HoldsNoTrialThatIsUnderWay) {
  have_window("12:00-13:00");
  expect_reboots();
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  device.clock.advance_seconds(kHour);
  device.health.report = {.healthy = false, .reason = "no network"};
  EXPECT_TRUE(client::run_cycle(device.updater())->reboot_wanted);
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  device.health.report.healthy = true;
  ASSERT_TRUE(client::run_cycle(device.updater()));
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kGood);
}

TEST_F(MomentOfAnUpdate, IsLeftAtOnceByATrialThatFailed) {
  expect_reboots();
  device.health.report = {.healthy = false, .reason = "no network"};
  for (int boot = 0; boot < 3; ++boot) {
    ASSERT_EQ(device.power_on(), SlotGroup::kB);
    ASSERT_TRUE(device.updater().confirm());
  }
  have_window("02:00-04:00");
  const auto cycle = client::run_cycle(device.updater());
  ASSERT_TRUE(cycle) << cycle.error().message;
  EXPECT_TRUE(cycle->reboot_wanted);
}

// Book: NET-24
TEST_F(MomentOfAnUpdate, WritesNothingOverAMeteredLink) {
  device.link.metered = true;
  expect_waits("metered");
  EXPECT_EQ(written(), 0U);
  EXPECT_EQ(device.boot.writes, 0U) << "and the fallback stays";
  device.link.metered = false;
  expect_reboots();
}

// Book: NET-24
TEST_F(MomentOfAnUpdate, ArmsWhatIsWrittenWhateverTheLinkCosts) {
  have_window("02:00-04:00");
  expect_waits("window");
  device.link.metered = true;
  expect_waits("window");
  device.clock.advance_seconds(14 * kHour);
  expect_reboots();
}

TEST_F(MomentOfAnUpdate, ArmsWhatWasBeingLookedAtOnceMoreWhenThePowerWasCut) {
  have_window("02:00-04:00");
  expect_waits("window");
  device.link.metered = true;
  device.clock.advance_seconds(14 * kHour);
  for (const std::uint64_t cut : {1, 2, 3}) {
    device.power.cut_after(cut);
    (void)device.updater().install();
    if (is_armed()) return;
    device.power_on();
    ASSERT_TRUE(device.updater().start());
  }
  expect_reboots();
}

TEST_F(MomentOfAnUpdate, IsChosenByAPersonWhateverTheWishesSay) {
  have_window("02:00-04:00");
  device.link.metered = true;
  ASSERT_TRUE(device.updater().defer(hours(72)));
  EXPECT_TRUE(install(Wishes::kPassOver).reboot_wanted);
  EXPECT_TRUE(is_armed());
  const client::Event& event = device.history.events.at(device.history.events.size() - 2);
  EXPECT_EQ(device.history.kinds().at(device.history.events.size() - 2), "asked user.now");
  EXPECT_EQ(event.version, "1.1.0");
  EXPECT_FALSE(install().reboot_wanted) << "the daemon still waits";
  EXPECT_TRUE(is_armed());
}

TEST_F(MomentOfAnUpdate, IsNotToldToBeChosenWhenThereWasNothingToPassOver) {
  EXPECT_TRUE(install(Wishes::kPassOver).reboot_wanted);
  EXPECT_EQ(device.history.kinds(), std::vector<std::string>{"armed"});
}

// Book: TGT-05, TGT-06, TGT-11, DEV-67
TEST_F(MomentOfAnUpdate, IsNoMatterOfTrust) {
  const auto reason_now = [&] { return install(Wishes::kPassOver).decision.reason; };
  set_channel(repository, {.release = "1.1.0", .serial = 5, .withdrawn = {"1.1.0"}});
  repository.publish();
  EXPECT_EQ(reason_now(), "withdrawn");
  policies::Rollout rollout;
  rollout.is_paused = true;
  set_channel(repository, {.release = "1.1.0", .serial = 6, .rollout = rollout});
  repository.publish();
  EXPECT_EQ(reason_now(), "paused");
  rollout = {.share = policies::Share::none()};
  set_channel(repository, {.release = "1.1.0", .serial = 7, .rollout = rollout});
  repository.publish();
  EXPECT_EQ(reason_now(), "share");
  device.device.hardware = label("board-z");
  device.restart();
  EXPECT_EQ(reason_now(), "hardware");
  device.clock.advance_seconds(400 * kDay);
  EXPECT_EQ(code_of(device.updater().install(Wishes::kPassOver)), "E_EXPIRED");
  EXPECT_EQ(written(), 0U);
}

TEST_F(MomentOfAnUpdate, IsPutOffByAPersonAndNoLonger) {
  EXPECT_EQ(device.updater().defer(hours(72)).value(), test_now().plus_seconds(72 * kHour));
  expect_waits("deferred");
  EXPECT_EQ(state(), UpdateState::kStaged);
  EXPECT_EQ(device.updater().status()->deferred_until, test_now().plus_seconds(72 * kHour));
  EXPECT_EQ(device.history.kinds(), (std::vector<std::string>{"asked user.deferred", "decision user.deferred"}));
  device.clock.advance_seconds(72 * kHour - 1);
  expect_waits("deferred");
  device.clock.advance_seconds(1);
  EXPECT_FALSE(device.updater().status()->deferred_until);
  expect_reboots();
}

TEST_F(MomentOfAnUpdate, IsPutOffNoLongerWhenThePersonSaysSo) {
  ASSERT_TRUE(device.updater().defer(hours(72)));
  EXPECT_FALSE(device.updater().defer(hours(0)).value());
  EXPECT_EQ(device.history.kinds().back(), "asked user.resumed");
  expect_reboots();
}

TEST_F(MomentOfAnUpdate, IsNotPutOffWhenTheReleaseIsUrgent) {
  ASSERT_TRUE(device.updater().defer(hours(72)));
  set_channel(repository,
              {.release = "1.1.0", .serial = 5, .rollout = {.urgent_below = *policies::Sequence::create(2)}});
  repository.publish();
  expect_reboots();
}

TEST_F(MomentOfAnUpdate, ThatAPersonPutsOffLeavesWhatIsArmedArmed) {
  expect_reboots();
  ASSERT_TRUE(device.updater().defer(hours(72)));
  expect_waits("deferred");
  EXPECT_TRUE(is_armed());
  EXPECT_FALSE(*device.updater().may_reboot());
  EXPECT_EQ(device.power_on(), SlotGroup::kB) << "whoever reboots it tries it";
  ASSERT_TRUE(device.updater().start());
  EXPECT_TRUE(device.updater().confirm()->confirmed);
}

// Book: TIME-05
TEST_F(MomentOfAnUpdate, IsPutOffNoLongerByAClockThatIsSetBack) {
  ASSERT_TRUE(device.updater().defer(hours(72)));
  device.clock.time = test_now().plus_seconds(-300 * kDay);
  for (int hour = 0; hour < 71; ++hour) {
    device.clock.advance_seconds(kHour);
    ASSERT_EQ(device.updater().check()->decision.reason, "deferred") << hour;
  }
  device.clock.advance_seconds(kHour);
  expect_reboots();
}

// Book: TIME-06
TEST_F(MomentOfAnUpdate, IsPutOffNoLongerByAClockThatWasAheadWhenItWasPutOff) {
  device.clock.time = test_now().plus_seconds(50LL * 365 * kDay);
  ASSERT_TRUE(device.updater().defer(hours(72)));
  device.clock.time = test_now();
  expect_waits("deferred");
  device.clock.advance_seconds(72 * kHour);
  expect_reboots();
}

// Book: TIME-04
TEST_F(MomentOfAnUpdate, IsNotPutOffForEverWhereNoClockIsToBeTrusted) {
  device.clock.synchronised = false;
  ASSERT_TRUE(device.updater().defer(hours(24)));
  int cycles = 0;
  while (device.updater().check()->decision.reason == "deferred" && cycles < 1000) {
    ++cycles;
    ASSERT_EQ(device.power_on(), SlotGroup::kA);
    device.clock.time = test_now();  // every boot begins at the same moment
    device.clock.uptime = std::chrono::minutes(10);
  }
  EXPECT_EQ(cycles, 24 * 6);
  expect_reboots();
}

TEST_F(MomentOfAnUpdate, IsNotPutOffByARecordThatIsDamaged) {
  ASSERT_TRUE(device.updater().defer(hours(72)));
  device.store.damaged[client::Record::kDeferral] = true;
  expect_reboots();
  EXPECT_FALSE(device.reporter.warnings.empty());
  EXPECT_TRUE(device.updater().defer(hours(72)));
  EXPECT_TRUE(device.updater().status()->deferred_until) << "and the record is mended";
}

TEST_F(MomentOfAnUpdate, IsNotPutOffByALengthThatNoneMayHave) {
  for (const std::int64_t length : {std::int64_t{-1}, std::int64_t{31 * kDay}, INT64_MAX, INT64_MIN}) {
    EXPECT_EQ(code_of(device.updater().defer(std::chrono::seconds(length))), "E_USAGE");
  }
  EXPECT_TRUE(device.history.events.empty());
  expect_reboots();
}

// Book: DEV-01
TEST_F(MomentOfAnUpdate, IsPutOffOrNotWhereverThePowerIsCut) {
  for (std::size_t cut = 0; cut < 3; ++cut) {
    SCOPED_TRACE(cut);
    SimulatedDevice one(repository);
    ASSERT_TRUE(one.updater().defer(hours(1)));
    one.power.cut_after(cut);
    const bool was_done = one.updater().defer(hours(72)).has_value();
    EXPECT_EQ(was_done, cut > 0) << "it is one write";
    ASSERT_EQ(one.power_on(), SlotGroup::kA);
    one.clock.uptime = std::chrono::seconds(0);
    ASSERT_TRUE(one.updater().start());
    const auto until = one.updater().status()->deferred_until;
    ASSERT_TRUE(until);
    EXPECT_EQ(*until, test_now().plus_seconds(was_done ? 72 * kHour : kHour));
    one.clock.advance_seconds(30 * kDay);
    EXPECT_TRUE(converges(one));
  }
}

// The plug is pulled at each write of an update that has to wait; then the window comes.
// Book: DEV-01
TEST_F(MomentOfAnUpdate, LeavesABootableUpdatableDeviceWhereverThePowerIsCut) {
  bool was_whole = false;
  int cuts = 0;
  for (; !was_whole && cuts < 200; ++cuts) {
    SCOPED_TRACE(cuts);
    SimulatedDevice one(repository);
    have_window(one, "02:00-04:00");
    ASSERT_TRUE(one.updater().defer(hours(4)));
    one.power.cut_after(static_cast<std::size_t>(cuts));
    was_whole = one.updater().install().has_value();
    ASSERT_EQ(one.power_on(), SlotGroup::kA);
    ASSERT_TRUE(one.updater().start());
    ASSERT_FALSE(one.updater().install()->reboot_wanted);
    ASSERT_NE(one.boot.record.of(SlotGroup::kB).state, SlotState::kTrial);
    one.clock.advance_seconds(14 * kHour);
    ASSERT_TRUE(converges(one));
    ASSERT_EQ(one.boot.record.of(SlotGroup::kB).state, SlotState::kGood);
  }
  EXPECT_TRUE(was_whole);
  EXPECT_GT(cuts, 10);
}

TEST_F(MomentOfAnUpdate, IsExplained) {
  have_window("02:00-04:00");
  ASSERT_TRUE(device.updater().defer(hours(72)));
  expect_waits("deferred");
  const client::StoredEvent decision = {.number = 1, .kind = "decision", .reason = "user.deferred", .text = "waits"};
  const json::Object told = client::explanation_json(*device.updater().status(), {decision});
  EXPECT_EQ(*told.find("text"),
            json::Value("1.1.0 is written to slot group B and not armed yet; a person wants updates to wait until "
                        "2026-11-04T12:00:00Z; the maintenance window opens 2026-11-02T02:00:00Z"));
  EXPECT_EQ(*told.find("decision")->object()->find("advice"), json::Value("wait, or tenon defer --clear"));
}

TEST_F(MomentOfAnUpdate, IsPlannedAheadOfTheWindow) {
  have_window("02:00-04:00");
  const auto plan = device.updater().plan();
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->selection.decision.reason, "window");
  EXPECT_EQ(plan->images.size(), 1U) << "it would be written now";
  expect_waits("window");
  EXPECT_TRUE(device.updater().plan()->images.empty());
}

}  // namespace
}  // namespace tenon::tests
