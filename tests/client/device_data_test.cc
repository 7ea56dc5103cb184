// DeviceData: which edition of the application's data a release finds, and what becomes of a migration that cannot be done.
#include <tenon/client/daemon/device_data.h>

#include <chrono>
#include <fstream>
#include <iterator>
#include <map>

#include <gtest/gtest.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scratch_folder.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class DeviceDataTest : public testing::Test {
 protected:
  DeviceDataTest() : folder(scratch.make_folder("data")) {}

  // settle runs as a release whose image has this command ("": none).
  Result<std::string> settle(const AppDataOwner& owner, const std::string& script = "",
                             milliseconds timeout = milliseconds(20'000)) {
    AppDataConfig config{.folder = folder.string(), .timeout = timeout};
    if (!script.empty()) config.migrate = {"/bin/sh", "-c", script};
    last = std::make_unique<DeviceData>(config, reporter);
    return last->settle(owner);
  }
  std::string error_of(const Result<std::string>& result) {
    EXPECT_FALSE(result);
    return result ? "" : result.error().message;
  }
  std::string current(const std::string& name = "form") const {
    std::ifstream file(folder / "current" / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  std::set<std::string> names() const {
    std::set<std::string> all;
    for (const auto& entry : fs::directory_iterator(folder)) all.insert(entry.path().filename());
    return all;
  }

  // A device whose release 7 was confirmed, with data.
  void run_seven() {
    ASSERT_TRUE(settle({.sequence = 7}, "echo seven > $TENON_DATA/form"));
    ASSERT_EQ(current(), "seven\n");
  }
  static AppDataOwner trial(std::int64_t sequence, std::int64_t confirmed = 7) {
    return {.sequence = sequence, .confirmed = confirmed, .has_fallback = true};
  }
  const std::string to_nine = "echo nine >> $TENON_DATA/form";

  tests::ScratchFolder scratch;
  fs::path folder;
  tests::RecordingReporter reporter;
  std::unique_ptr<DeviceData> last;
};

TEST_F(DeviceDataTest, BeginsWithAnEmptyEdition) {
  const Result<std::string> made = settle({.sequence = 7});
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(*made, "edition 7 of the application's data was made");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
  EXPECT_TRUE(*last->is_settled({.sequence = 7}));
}

TEST_F(DeviceDataTest, NeverMakesTheFolderItself) {
  fs::remove(folder);
  EXPECT_NE(error_of(settle({.sequence = 7})).find("cannot be opened"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder));
}

TEST_F(DeviceDataTest, MigratesACopyAndKeepsWhatTheFallbackLeft) {
  run_seven();
  EXPECT_EQ(*settle(trial(9), to_nine), "edition 9 of the application's data was made of 7");
  EXPECT_EQ(current(), "seven\nnine\n");
  ASSERT_TRUE(settle({.sequence = 7}));  // rolled back
  EXPECT_EQ(current(), "seven\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
}

TEST_F(DeviceDataTest, TellsTheCommandWhatItMakesOfWhat) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), "echo \"$TENON_SEQUENCE of $TENON_DATA_FROM\" > $TENON_DATA/told"));
  EXPECT_EQ(current("told"), "9 of 7\n");
}

TEST_F(DeviceDataTest, DoesNothingWhenItIsAskedAgain) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));
  std::ofstream(folder / "current/written-on-trial") << "x";
  EXPECT_EQ(*settle(trial(9), to_nine), "");
  EXPECT_EQ(current(), "seven\nnine\n");
  EXPECT_EQ(current("written-on-trial"), "x");
}

TEST_F(DeviceDataTest, AReleaseWithoutAMigrationSharesWhatIsThere) {
  run_seven();
  EXPECT_EQ(*settle(trial(8)), "");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
  EXPECT_EQ(*settle({.sequence = 8, .has_fallback = true}), "");
  EXPECT_TRUE(*last->is_settled({.sequence = 8}));
}

TEST_F(DeviceDataTest, KeepsTheOldEditionAsLongAsTheOldGroupCanStart) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));
  ASSERT_TRUE(settle({.sequence = 9, .has_fallback = true}, to_nine));
  EXPECT_EQ(names(), (std::set<std::string>{"7", "9", "current"}));
  ASSERT_TRUE(settle({.sequence = 9, .has_fallback = false}, to_nine));
  EXPECT_EQ(names(), (std::set<std::string>{"9", "current"}));
}

TEST_F(DeviceDataTest, TwiceInARowNeverHoldsMoreThanTwo) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));
  ASSERT_TRUE(settle({.sequence = 9, .has_fallback = true}, to_nine));
  ASSERT_TRUE(
      settle(trial(12, 9), "ls \"$(dirname $TENON_DATA)\" > $TENON_DATA/seen; echo twelve >> $TENON_DATA/form"));
  EXPECT_EQ(current(), "seven\nnine\ntwelve\n");
  EXPECT_EQ(current("seen"), "9\ncurrent\n");
  EXPECT_EQ(names(), (std::set<std::string>{"9", "12", "current"}));
}

TEST_F(DeviceDataTest, AFallBackLongAfterTheCommitFindsTheOldData) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));
  ASSERT_TRUE(settle({.sequence = 9, .has_fallback = true}, to_nine));
  ASSERT_TRUE(settle({.sequence = 7, .has_fallback = false}));  // the other group is BAD by now
  EXPECT_EQ(current(), "seven\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
}

TEST_F(DeviceDataTest, ReleaseThatWasLeftKeepsItsDataUntilTheNextNeedsTheRoom) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));
  ASSERT_TRUE(settle({.sequence = 7, .left = 9}));
  EXPECT_EQ(current(), "seven\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "9", "current"}));
  ASSERT_TRUE(settle(trial(12), "echo twelve >> $TENON_DATA/form"));
  EXPECT_EQ(current(), "seven\ntwelve\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "12", "current"}));
}

TEST_F(DeviceDataTest, ALinkToWhatAnotherTrialLeftNeverLeadsNowhere) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));
  EXPECT_FALSE(settle(trial(12), "exit 3"));
  EXPECT_EQ(current(), "seven\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
}

TEST_F(DeviceDataTest, NoTrialCopiesWhatAnotherTrialLeft) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));  // it failed, and the release from before knew nothing of these data
  ASSERT_TRUE(settle(trial(12), "echo twelve >> $TENON_DATA/form"));
  EXPECT_EQ(current(), "seven\ntwelve\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "12", "current"}));
}

TEST_F(DeviceDataTest, ACommandThatFailsLeavesEverythingAsItWas) {
  run_seven();
  const std::string error = error_of(settle(trial(9), "echo half > $TENON_DATA/form; echo no room >&2; exit 3"));
  EXPECT_EQ(error, "/bin/sh: exit status 3: no room");
  EXPECT_EQ(current(), "seven\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
  EXPECT_FALSE(*last->is_settled(trial(9)));
}

// Book: UPT-08
TEST_F(DeviceDataTest, ACommandThatHangsOrPrintsGarbageIsEndedAndQuotedSafely) {
  run_seven();
  EXPECT_EQ(error_of(settle(trial(9), "echo waiting; sleep 1000 & wait", milliseconds(300))),
            "/bin/sh: did not end within 300 ms: waiting");
  const std::string megabyte = "head -c 1048576 /dev/zero | tr '\\0' '\\377'; exit 1";
  const std::string error = error_of(settle(trial(9), megabyte));
  EXPECT_LT(error.size(), 2000u);
  EXPECT_NE(error.find("exit status 1: \\xff\\xff"), std::string::npos) << error.substr(0, 100);
  EXPECT_NE(
      error_of(settle(trial(9), "printf '<< image\\033[2J\\r\\000'; kill -SEGV $$")).find("<< image\\x1b[2J\\x0d"),
      std::string::npos);
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
}

TEST_F(DeviceDataTest, ACommandThatRemovesTheCopyMakesNoEdition) {
  run_seven();
  EXPECT_NE(error_of(settle(trial(9), "rm -rf $TENON_DATA")), "");
  EXPECT_NE(error_of(settle(trial(9), "rm -rf $TENON_DATA; touch $TENON_DATA")), "");
  EXPECT_EQ(current(), "seven\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
}

TEST_F(DeviceDataTest, RemovesWhatACutLeftUnfinished) {
  run_seven();
  scratch.make_folder("data/.unfinished/half");
  ASSERT_TRUE(settle({.sequence = 7, .has_fallback = true}));
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
  scratch.make_folder("data/.unfinished/half");
  ASSERT_TRUE(settle(trial(9), to_nine));
  EXPECT_FALSE(fs::exists(folder / "current/half"));
}

TEST_F(DeviceDataTest, ALinkThatIsMissingOrLeadsElsewhereIsMadeAnew) {
  run_seven();
  for (const char* elsewhere : {"", "9", "../outside", "/etc"}) {
    fs::remove(folder / "current");
    if (*elsewhere != '\0') fs::create_directory_symlink(elsewhere, folder / "current");
    EXPECT_FALSE(*last->is_settled({.sequence = 7}));
    ASSERT_TRUE(settle({.sequence = 7}));
    EXPECT_EQ(fs::read_symlink(folder / "current"), "7");
  }
}

TEST_F(DeviceDataTest, AnEditionThatSomebodyRemovedIsMadeAgainOfTheOneBefore) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));
  fs::remove_all(folder / "9");
  ASSERT_TRUE(settle({.sequence = 9, .has_fallback = true}, to_nine));
  EXPECT_EQ(current(), "seven\nnine\n");
}

TEST_F(DeviceDataTest, DataOfALaterReleaseAloneAreKeptAndReported) {
  ASSERT_TRUE(settle({.sequence = 9}, to_nine));
  const std::string error = error_of(settle({.sequence = 8}));
  EXPECT_NE(error.find("the oldest data are of sequence 9, and 8 runs"), std::string::npos) << error;
  EXPECT_EQ(names(), (std::set<std::string>{"9", "current"}));
}

TEST_F(DeviceDataTest, WhatATrialNestedDeeplyIsRemovedAndKeepsNobodyFromHisData) {
  run_seven();
  ASSERT_TRUE(settle(trial(9), to_nine));
  fs::path inner = folder / "9";
  for (int depth = 0; depth < 210; ++depth) fs::create_directory(inner /= "d");
  ASSERT_TRUE(settle({.sequence = 7}));
  EXPECT_EQ(current(), "seven\n");
  EXPECT_EQ(names(), (std::set<std::string>{"7", "current"}));
  EXPECT_EQ(reporter.warnings.size(), 0u);
}

}  // namespace
}  // namespace tenon::client
