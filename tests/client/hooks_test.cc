// Hooks: commands that fail, hang or shout, what they are told, and what becomes of an update around them.
#include <tenon/client/health/command_hooks.h>
#include <tenon/client/updater/updater.h>

#include <chrono>

#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::CommandHooks;
using client::HookCommand;
using client::HookFacts;
using client::HookMoment;
using client::SlotGroup;
using client::SlotState;
using client::StartOutcome;
using std::chrono::milliseconds;

Result<bool> run_shell(const std::string& script, const HookFacts& facts = {},
                       milliseconds timeout = milliseconds(20'000)) {
  return CommandHooks({{HookMoment::kStaged, {"/bin/sh", "-c", script}, timeout}}).run(HookMoment::kStaged, facts);
}

std::string failure_of(const Result<bool>& run) {
  EXPECT_FALSE(run);
  return run ? "" : run.error().message;
}

TEST(CommandHooks, RunsTheCommandsOfTheMomentAndStopsAtTheFirstThatFails) {
  const std::vector<HookCommand> commands = {{HookMoment::kConfirmed, {"/bin/false"}},
                                             {HookMoment::kStaged, {"/bin/true"}},
                                             {HookMoment::kStaged, {"/bin/sh", "-c", "echo not now; exit 2"}},
                                             {HookMoment::kStaged, {"/no/such/program"}}};
  EXPECT_EQ(failure_of(CommandHooks(commands).run(HookMoment::kStaged, {})),
            "the hook \"staged\", /bin/sh: exit status 2: not now");
  EXPECT_EQ(*CommandHooks(commands).run(HookMoment::kRolledBack, {}), false);
  EXPECT_EQ(*run_shell("exit 0"), true);
}

// Book: TGT-14
TEST(CommandHooks, TellsFactsInTheEnvironmentAndNothingElse) {
  const std::string told =
      failure_of(run_shell("/usr/bin/env | sort; exit 1",
                           {.version = "1.2.0", .sequence = 7, .group = SlotGroup::kB, .reason = "no network"}));
  EXPECT_NE(
      told.find("TENON_HOOK=staged TENON_REASON=no network TENON_SEQUENCE=7 TENON_SLOT_GROUP=B TENON_VERSION=1.2.0"),
      std::string::npos)
      << told;
  EXPECT_EQ(told.find("HOME"), std::string::npos) << told;
}

// Book: TGT-14
TEST(CommandHooks, NoFactIsACommandOrASecondVariable) {
  const HookFacts facts{.version = std::string("1\nPATH=/tmp\0LD_PRELOAD=x", 24),
                        .reason = "$(touch /tmp/x)`id`\r\x1b[2J"};
  const std::string told =
      failure_of(run_shell("/usr/bin/env | grep -c =; echo \"$TENON_VERSION\" \"$TENON_REASON\"; exit 1", facts));
  EXPECT_NE(told.find("exit status 1: 7 1\\x0aPATH=/tmp\\x00LD_PRELOAD=x $(touch /tmp/x)`id`\\x0d\\x1b[2J"),
            std::string::npos)
      << told;  // PATH, PWD, and five of ours
}

// Book: UPT-08
TEST(CommandHooks, EndsOneThatHangsAndQuotesGarbageSafely) {
  EXPECT_EQ(failure_of(run_shell("echo waiting; sleep 1000 & wait", {}, milliseconds(300))),
            "the hook \"staged\", /bin/sh: did not end within 300 ms: waiting");
  for (const char* script : {"head -c 1048576 /dev/zero; exit 1", "head -c 1048576 /dev/urandom; exit 1",
                             "printf '<< image\\nstatus'; exit 1", "kill -SEGV $$"}) {
    const std::string told = failure_of(run_shell(script));
    EXPECT_LT(told.size(), 2000u) << script;
    for (const char byte : told) EXPECT_TRUE(byte >= ' ' || byte < 0) << script;
  }
  EXPECT_EQ(*run_shell("head -c 1048576 /dev/urandom"), true);
}

// RecordingHooks has one thing done at each moment. With a plug, what it does takes one write of its power.
class RecordingHooks final : public client::Hooks {
 public:
  Result<bool> run(HookMoment moment, const HookFacts& facts) override {
    if (power != nullptr) TENON_TRY_VOID(power->spend(ErrorCode::kPolicy));
    ran.emplace_back(moment, facts);
    if (during) during(moment);
    if (failure) return *failure;
    return true;
  }

  std::vector<std::pair<HookMoment, HookFacts>> ran;
  std::function<void(HookMoment)> during;
  std::optional<Error> failure;
  Power* power = nullptr;
};

class UpdaterHooksTest : public testing::Test {
 protected:
  UpdaterHooksTest() : image(publish_release(repository, "1.1.0", 2)), device(repository) { attach(device, hooks); }

  static void attach(SimulatedDevice& to, RecordingHooks& which) {
    to.hooks = &which;
    to.restart();
  }
  void fail_trial() {
    device.health.report = {.healthy = false, .reason = "no network"};
    while (device.power_on() == SlotGroup::kB) ASSERT_TRUE(device.updater().confirm());
  }
  bool is_armed() { return device.boot.record.of(SlotGroup::kB).state == SlotState::kTrial; }

  RepositorySimulator repository;
  Bytes image;
  SimulatedDevice device;
  RecordingHooks hooks;
  const HookFacts facts{.version = "1.1.0", .sequence = 2, .group = SlotGroup::kB};
};

TEST_F(UpdaterHooksTest, RunsWhenTheImageIsWrittenAndNotArmedAndWhenItIsConfirmed) {
  hooks.during = [&](HookMoment moment) {
    EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
    EXPECT_EQ(is_armed(),
              moment != HookMoment::kStaged && device.boot.record.of(SlotGroup::kB).state != SlotState::kGood);
  };
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(device.power_on());
  ASSERT_TRUE(device.updater().confirm());
  EXPECT_EQ(hooks.ran, (std::vector<std::pair<HookMoment, HookFacts>>{{HookMoment::kStaged, facts},
                                                                      {HookMoment::kConfirmed, facts}}));
}

TEST_F(UpdaterHooksTest, AStagedHookThatFailsKeepsTheReleaseFromBeingArmedUntilItPasses) {
  hooks.failure = Error{ErrorCode::kPolicy, "not now"};
  const auto refused = device.updater().install();
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPolicy);
  EXPECT_FALSE(is_armed());
  hooks.failure.reset();
  const std::size_t written = device.slots.medium(SlotGroup::kB, "rootfs").bytes_written;
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(is_armed());
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, written);
  EXPECT_EQ(hooks.ran[0], hooks.ran[1]);
}

TEST_F(UpdaterHooksTest, WhatAHookChangesInTheSlotIsNotArmed) {
  hooks.during = [&](HookMoment) {
    auto& medium = device.slots.medium(SlotGroup::kB, "rootfs");
    medium.cached[1000] ^= 1;
    medium.durable[1000] ^= 1;
  };
  const auto outcome = device.updater().install();
  ASSERT_FALSE(outcome);
  EXPECT_NE(outcome.error().message.find("after the hook"), std::string::npos) << outcome.error().message;
  EXPECT_FALSE(is_armed());
  hooks.during = nullptr;
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(is_armed());
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
}

TEST_F(UpdaterHooksTest, TellsWhyAReleaseWasRolledBack) {
  ASSERT_TRUE(device.updater().install());
  fail_trial();
  EXPECT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
  HookFacts told = facts;
  told.reason = "no network";
  EXPECT_EQ(hooks.ran.back(), (std::pair{HookMoment::kRolledBack, told}));
}

TEST_F(UpdaterHooksTest, OneThatFailsAfterTheDecisionChangesNothingAndIsTold) {
  ASSERT_TRUE(device.updater().install());
  hooks.failure = Error{ErrorCode::kPolicy, "the hook failed"};
  ASSERT_TRUE(device.power_on());
  ASSERT_TRUE(device.updater().confirm()->confirmed);
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kGood);
  EXPECT_EQ(device.floors().sequence.confirmed, policies::Sequence::create(2).value());
  EXPECT_EQ(device.history.events.back().reason, "inst.hook");
  EXPECT_EQ(device.updater().status()->journal.state, client::UpdateState::kIdle);
}

// Crash point 11: hooks are run again, are told the same, and what is armed is the image.
TEST_F(UpdaterHooksTest, AfterACutAtAnyWriteHooksAreToldTheSameAgain) {
  for (const bool in_install : {true, false}) {
    for (std::size_t cut = 0;; ++cut) {
      SimulatedDevice one(repository);
      RecordingHooks its;
      its.power = &one.power;
      attach(one, its);
      if (in_install) one.power.cut_after(cut);
      const bool installed = bool(one.updater().install());
      if (!in_install) {
        ASSERT_TRUE(installed && one.power_on());
        one.power.cut_after(cut);
        EXPECT_TRUE(one.updater().confirm() || one.power.is_off());
      }
      const bool is_whole = !one.power.is_off();
      ASSERT_TRUE(converges(one)) << cut;
      EXPECT_TRUE(one.slot_holds(SlotGroup::kB, image)) << cut;
      std::set<HookMoment> moments;
      for (const auto& [moment, told] : its.ran) {
        EXPECT_EQ(told, facts) << cut;
        moments.insert(moment);
      }
      EXPECT_EQ(moments, (std::set{HookMoment::kStaged, HookMoment::kConfirmed})) << cut;
      if (is_whole) break;
    }
  }
}

}  // namespace
}  // namespace tenon::tests
