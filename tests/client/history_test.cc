// What a device keeps of its life: it outlives cuts, never grows without bound, and what it says is what happened.
#include <tenon/client/daemon/device_explanation.h>
#include <tenon/client/store/history_log.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <tests/support/fake_clock.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scratch_folder.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::Event;
using client::EventKind;
using client::HistoryLog;
using client::StoredEvent;

class HistoryFile : public testing::Test {
 protected:
  HistoryLog open(const std::string& boot_id = "boot-1") {
    return *HistoryLog::open(folder.path(), boot_id, clock, reporter);
  }
  std::filesystem::path path() const { return folder.path() / "history.jsonl"; }
  std::vector<StoredEvent> events() { return HistoryLog::read(folder.path())->events; }

  ScratchFolder folder;
  FakeClock clock;
  RecordingReporter reporter;
};

TEST_F(HistoryFile, KeepsEventsInTheirOrderAcrossRestarts) {
  EXPECT_TRUE(events().empty());
  open().record({.kind = EventKind::kArmed, .version = "1.1", .sequence = 2, .text = "the next boot tries it"});
  open("boot-2").record(
      {.kind = EventKind::kRolledBack, .version = "1.1", .sequence = 2, .reason = "boot.health", .text = "no"});
  const auto all = events();
  ASSERT_EQ(all.size(), 2U);
  EXPECT_EQ(all[0], (StoredEvent{.number = 1,
                                 .at = clock.now().text(),
                                 .boot_id = "boot-1",
                                 .kind = "armed",
                                 .version = "1.1",
                                 .sequence = 2,
                                 .text = "the next boot tries it"}));
  EXPECT_EQ(all[1].number, 2);
  EXPECT_EQ(all[1].boot_id, "boot-2");
  EXPECT_TRUE(reporter.warnings.empty());
}

// Book: RES-07
TEST_F(HistoryFile, TellsOnceWhatIsSaidAgainAndAgain) {
  const Event refused{
      .kind = EventKind::kDecision, .version = "2", .reason = "policy.hardware", .text = "not for this board"};
  for (int hour = 0; hour < 100; ++hour) open("boot-" + std::to_string(hour)).record(refused);
  EXPECT_EQ(events().size(), 1U);
  for (int hour = 0; hour < 100; ++hour) {
    open().record(
        {.kind = EventKind::kFailure, .reason = "tuf.expired", .text = "expired, it is " + std::to_string(hour)});
    open().record(refused);
  }
  EXPECT_EQ(events().size(), 2U);
}

TEST_F(HistoryFile, TellsWhatComesAgainAfterTheDeviceWentOn) {
  const Event failure{.kind = EventKind::kFailure, .reason = "net.failed", .text = "no network"};
  const Event armed{.kind = EventKind::kArmed, .version = "1.1", .text = "the next boot tries it"};
  const Event disarmed{.kind = EventKind::kDisarmed, .version = "1.1", .text = "taken back"};
  for (int time = 0; time < 2; ++time) {
    for (const Event& event : {failure, armed, armed, disarmed, disarmed}) open().record(event);
  }
  EXPECT_EQ(events().size(), 6U);
}

TEST_F(HistoryFile, TellsEveryBootOfATrial) {
  for (int boot = 0; boot < 3; ++boot) {
    for (int again = 0; again < 2; ++again) {
      open("boot-" + std::to_string(boot))
          .record({.kind = EventKind::kTrial, .version = "2", .text = "2 runs on trial"});
    }
  }
  EXPECT_EQ(events().size(), 3U);
}

// Book: DEV-40
TEST_F(HistoryFile, GoesOnBehindALineThatACutSpoiled) {
  open().record({.kind = EventKind::kArmed, .text = "first"});
  std::ifstream file(path());
  const std::string whole((std::istreambuf_iterator<char>(file)), {});
  for (std::size_t length = 0; length <= whole.size(); ++length) {
    std::ofstream(path(), std::ios::trunc) << whole << whole.substr(0, length);
    open().record({.kind = EventKind::kConfirmed, .text = "later " + std::to_string(length)});
    const auto all = events();
    ASSERT_GE(all.size(), 2U) << length;
    EXPECT_EQ(all.front().text, "first");
    EXPECT_EQ(all.back().text, "later " + std::to_string(length));
  }
}

// Book: RES-07
TEST_F(HistoryFile, NeverGrowsBeyondItsBoundAndKeepsTheNewest) {
  const std::string long_text(5000, 'x');
  for (int i = 0; i < 400; ++i) {
    open().record(
        {.kind = EventKind::kConfirmed, .version = std::string(900, 'v'), .text = std::to_string(i) + long_text});
    ASSERT_LE(std::filesystem::file_size(path()), HistoryLog::kMaxFileBytes) << i;
  }
  EXPECT_EQ(events().back().number, 400);
}

TEST_F(HistoryFile, IsNotReadThroughALinkAndHoldsNothingUp) {
  std::filesystem::create_symlink("/etc/passwd", path());
  open().record({.kind = EventKind::kArmed, .text = "x"});
  EXPECT_EQ(reporter.warnings.size(), 1U);
  EXPECT_FALSE(HistoryLog::read(folder.path()));
}

TEST(HistoryLines, KeepNoControlCharacters) {
  const std::string line = client::write_line({.number = 1, .text = "a\nb\x1b[2J \u202e"});
  EXPECT_EQ(line.find('\n'), line.size() - 1);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
}

class LifeOfADevice : public testing::Test {
 protected:
  std::vector<std::string> kinds() const { return device.history.kinds(); }

  RepositorySimulator repository;
  Bytes image = publish_release(repository, "1.1.0", 2);
  SimulatedDevice device{repository};
};

TEST_F(LifeOfADevice, IsToldFromArmingToConfirming) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(device.power_on());
  ASSERT_TRUE(device.updater().start());
  ASSERT_TRUE(device.updater().confirm());
  EXPECT_EQ(kinds(), (std::vector<std::string>{"armed", "trial", "confirmed"}));
  EXPECT_EQ(device.history.events.back().text, "1.1.0 confirmed");
}

// Book: DEV-67
TEST_F(LifeOfADevice, TellsWhyATrialEnded) {
  ASSERT_TRUE(device.updater().install());
  device.health.report = {.healthy = false, .reason = "network: exit status 1"};
  for (std::uint32_t boot = 0; boot <= device.device.tries; ++boot) {
    ASSERT_TRUE(device.power_on());
    const auto started = device.updater().start();
    ASSERT_TRUE(started);
    if (*started != client::StartOutcome::kTrial) continue;
    ASSERT_TRUE(device.updater().confirm());
  }
  EXPECT_EQ(kinds().back(), "rolled_back boot.health");
  EXPECT_EQ(device.history.events.back().text, "1.1.0 rolled back: network: exit status 1");
  ASSERT_TRUE(device.updater().check());
  EXPECT_EQ(kinds().back(), "decision policy.quarantine");
}

TEST_F(LifeOfADevice, IsToldAgainAfterACutBeforeItWasForgotten) {
  ASSERT_TRUE(device.updater().install());
  ASSERT_TRUE(device.power_on());
  ASSERT_TRUE(device.updater().rollback("a person wants it"));
  ASSERT_TRUE(device.power_on());
  ASSERT_TRUE(device.updater().start());
  EXPECT_EQ(kinds(), (std::vector<std::string>{"armed", "rolled_back boot.health"}));
}

TEST_F(LifeOfADevice, IsExplained) {
  ASSERT_TRUE(device.updater().install());
  const std::vector<StoredEvent> events = {{.number = 1,
                                            .kind = "rolled_back",
                                            .version = "1.0.5",
                                            .reason = "boot.attempts",
                                            .text = "1.0.5 rolled back: no boot"},
                                           {.number = 2,
                                            .kind = "decision",
                                            .version = "2.0",
                                            .reason = "policy.hardware",
                                            .text = "2.0 is not for hardware x"},
                                           {.number = 3, .kind = "trial", .version = "1.1.0"}};
  const json::Object told = client::explanation_json(*device.updater().status(), events);
  EXPECT_EQ(*told.find("text"), json::Value("1.1.0 is armed in slot group B: the next boot tries it, 3 times at most"));
  EXPECT_EQ(*told.find("result")->object()->find("number"), json::Value(1));
  EXPECT_EQ(*told.find("decision")->object()->find("explanation"),
            json::Value("an image for another board does not boot, or harms it"));
  EXPECT_TRUE(told.find("failure")->is_null());
  std::vector<StoredEvent> later = events;
  later.push_back({.number = 4, .kind = "armed", .version = "2.0"});
  EXPECT_TRUE(client::explanation_json(*device.updater().status(), later).find("decision")->is_null())
      << "what was refused then is written now";
}

}  // namespace
}  // namespace tenon::tests
