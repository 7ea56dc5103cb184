// UbootBootControl on plain files with the real libubootenv, beside the real fw_printenv and fw_setenv.
#include <tenon/client/boot/uboot_boot_control.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <gtest/gtest.h>
#include <unistd.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kCopyBytes = 0x4000;

const BootRecord kArmed = {1, SlotGroup::kB, {GroupBoot{SlotState::kGood, 0}, GroupBoot{SlotState::kTrial, 3}}};
const BootRecord kCommitted = {2, SlotGroup::kB, {GroupBoot{SlotState::kGood, 0}, GroupBoot{SlotState::kGood, 0}}};

class UbootTest : public testing::Test {
 protected:
  UbootTest()
      : path_(fs::path(testing::TempDir()) / ("tenon_uboot_" + std::to_string(::getpid()) + "_" +
                                              testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(path_);
    fs::create_directories(path_);
    put("uboot.env", std::string(2 * kCopyBytes, '\xFF'));
    put("fw_env.config", "uboot.env 0x0 0x4000\nuboot.env 0x4000 0x4000\n");
    put("tools.config", env() + " 0x0 0x4000\n" + env() + " 0x4000 0x4000\n");
    put("default.env", "bootcmd=run tenon_boot\nserial=4711\n");
    put("cmdline", "console=ttyS0 tenon.slot=A quiet\n");
    put("boot_id", "0d6a6f4e-7b1c-4a58-9d2e-9c1f5b8a3e21\n");
    // What a factory does; the first write of the tool goes to the second copy, so both are made.
    run("fw_setenv -c " + tools() + " -f " + (path_ / "default.env").string() + " filled yes");
    run("fw_setenv -c " + tools() + " filled");
  }
  ~UbootTest() override { fs::remove_all(path_); }

  std::string env() const { return (path_ / "uboot.env").string(); }
  std::string tools() const { return (path_ / "tools.config").string(); }
  void put(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
  }
  std::string get(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static std::string run(const std::string& command) {
    std::string output;
    std::FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
    EXPECT_NE(pipe, nullptr);
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
    EXPECT_EQ(::pclose(pipe), 0) << command << ": " << output;
    return output;
  }
  std::string printed(const std::string& name) const { return run("fw_printenv -c " + tools() + " -n " + name); }
  void set(const std::string& name, const std::string& value) const {
    run("fw_setenv -c " + tools() + " " + name + " '" + value + "'");
  }

  UbootBootControl open() const {
    auto control = UbootBootControl::open(path_ / "fw_env.config", path_ / "cmdline", path_ / "boot_id");
    EXPECT_TRUE(control) << control.error().message;
    return *std::move(control);
  }
  void write(const BootRecord& record) const {
    const auto written = open().write(record);
    ASSERT_TRUE(written) << written.error().message;
  }
  BootRecord read() const {
    auto record = open().read();
    EXPECT_TRUE(record) << record.error().message;
    return record ? *record : BootRecord{};
  }

  fs::path path_;
};

TEST_F(UbootTest, ReadsWhatAFactoryLeft) {
  EXPECT_EQ(read(), (BootRecord{0, SlotGroup::kA, {GroupBoot{SlotState::kGood, 0}, GroupBoot{}}}));
}

TEST_F(UbootTest, GivesBackWhatWasWritten) {
  write(kArmed);
  EXPECT_EQ(read(), kArmed);
  write(kCommitted);
  EXPECT_EQ(read(), kCommitted);
}

TEST_F(UbootTest, AgreesWithFwPrintenvAndKeepsOtherVariables) {
  write(kArmed);
  EXPECT_EQ(printed("BOOT_ORDER"), "B A\n");
  EXPECT_EQ(printed("BOOT_B_STATE"), "trial\n");
  EXPECT_EQ(printed("BOOT_B_LEFT"), "3\n");
  EXPECT_EQ(printed("BOOT_GENERATION"), "1\n");
  EXPECT_EQ(printed("bootcmd"), "run tenon_boot\n");
  EXPECT_EQ(printed("serial"), "4711\n");
}

TEST_F(UbootTest, ReadsAnEnvironmentThatFwSetenvWrote) {
  set("BOOT_ORDER", "B A");
  set("BOOT_A_STATE", "bad");
  set("BOOT_B_STATE", "good");
  EXPECT_EQ(read(), (BootRecord{0, SlotGroup::kB, {GroupBoot{SlotState::kBad, 0}, GroupBoot{SlotState::kGood, 0}}}));
}

TEST_F(UbootTest, AcceptsTriesThatTheBootScriptCountedDown) {
  write(kArmed);
  set("BOOT_B_LEFT", "2");
  BootRecord expected = kArmed;
  expected.of(SlotGroup::kB).tries_left = 2;
  EXPECT_EQ(read(), expected);
}

TEST_F(UbootTest, NoticesWhatSomebodyElseChanged) {
  write(kArmed);
  set("BOOT_ORDER", "A B");
  const auto record = open().read();
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, ErrorCode::kHw);
  EXPECT_NE(record.error().message.find("BOOT_ORDER"), std::string::npos);
  // A record written afresh is whole again.
  write(kCommitted);
  EXPECT_EQ(read(), kCommitted);
}

// Crash points 4, 15 and 23 of design/installing.md.
TEST_F(UbootTest, HasTheOldRecordOrTheNewWhenAWriteIsCutAtAnySector) {
  constexpr std::size_t kSectorBytes = 512;
  write(kArmed);
  const std::string before = get("uboot.env");
  write(kCommitted);
  const std::string after = get("uboot.env");
  // The copies end in zeros: cuts behind the last changed sector change nothing.
  for (std::size_t sectors = 0; sectors <= before.size() / kSectorBytes; ++sectors) {
    put("uboot.env", after.substr(0, sectors * kSectorBytes) + before.substr(sectors * kSectorBytes));
    const BootRecord found = read();
    EXPECT_TRUE(found == kArmed || found == kCommitted) << sectors;
  }
}

TEST_F(UbootTest, UsesTheOtherCopyWhenOneIsZeroedOrHalf) {
  write(kArmed);
  write(kCommitted);
  const std::string whole = get("uboot.env");
  for (const std::size_t copy : {std::size_t{0}, std::size_t{1}}) {
    for (const std::size_t damaged : {kCopyBytes, kCopyBytes / 2, std::size_t{512}}) {
      std::string torn = whole;
      torn.replace(copy * kCopyBytes, damaged, damaged, '\0');
      put("uboot.env", torn);
      const BootRecord found = read();
      EXPECT_TRUE(found == kArmed || found == kCommitted) << copy << " " << damaged;
      write({3, SlotGroup::kA, kCommitted.groups});
      EXPECT_EQ(read().generation, 3u);
    }
  }
}

TEST_F(UbootTest, TellsThatNeitherCopyIsWholeAndWritesNothing) {
  put("uboot.env", std::string(2 * kCopyBytes, '\0'));
  const std::string before = get("uboot.env");
  const auto record = open().read();
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, ErrorCode::kHw);
  EXPECT_NE(record.error().message.find("neither copy is whole"), std::string::npos) << record.error().message;
  EXPECT_NE(record.error().hint.find("mkenvimage -r"), std::string::npos) << record.error().hint;
  const auto written = open().write(kArmed);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kHw);
  EXPECT_FALSE(open().restore(kArmed));
  EXPECT_EQ(get("uboot.env"), before);
}

TEST_F(UbootTest, TellsThatTheEnvironmentIsShorterThanConfigured) {
  put("uboot.env", std::string(kCopyBytes, '\0'));
  EXPECT_FALSE(open().read());
}

TEST_F(UbootTest, WritesOnlyTheCopyThatIsNotInForce) {
  write(kArmed);
  std::string before = get("uboot.env");
  for (std::uint64_t generation = 2; generation < 6; ++generation) {
    BootRecord record = kArmed;
    record.generation = generation;
    write(record);
    const std::string after = get("uboot.env");
    const bool first_changed = before.substr(0, kCopyBytes) != after.substr(0, kCopyBytes);
    const bool second_changed = before.substr(kCopyBytes) != after.substr(kCopyBytes);
    EXPECT_NE(first_changed, second_changed) << generation;
    before = after;
  }
}

TEST_F(UbootTest, SurvivesTheWrapOfTheCounterThatOrdersTheCopies) {
  for (std::uint64_t generation = 1; generation < 300; ++generation) {
    BootRecord record = kArmed;
    record.generation = generation;
    write(record);
    ASSERT_EQ(read().generation, generation);
  }
}

TEST_F(UbootTest, TellsAVariableThatMayNotBeWritten) {
  set("BOOT_ORDER", "A B");
  set(".flags", "BOOT_ORDER:sr");
  const auto written = open().write(kArmed);
  ASSERT_FALSE(written);
  EXPECT_EQ(written.error().code, ErrorCode::kHw);
  EXPECT_NE(written.error().message.find("BOOT_ORDER"), std::string::npos);
}

TEST_F(UbootTest, RefusesAConfigurationWithOneCopyOrWithoutItsFile) {
  put("fw_env.config", "uboot.env 0x0 0x4000\n");
  for (const char* name : {"fw_env.config", "missing.config"}) {
    const auto control = UbootBootControl::open(path_ / name);
    ASSERT_FALSE(control);
    EXPECT_EQ(control.error().code, ErrorCode::kHw);
    EXPECT_NE(control.error().message.find(name), std::string::npos) << control.error().message;
  }
  put("fw_env.config", "gone.env 0x0 0x4000\ngone.env 0x4000 0x4000\n");
  EXPECT_FALSE(UbootBootControl::open(path_ / "fw_env.config"));
}

TEST_F(UbootTest, KnowsTheRunningGroupAndTheBoot) {
  const auto boot = open().running();
  ASSERT_TRUE(boot) << boot.error().message;
  EXPECT_EQ(boot->running, SlotGroup::kA);
  EXPECT_EQ(boot->boot_id, "0d6a6f4e-7b1c-4a58-9d2e-9c1f5b8a3e21");
}

TEST_F(UbootTest, DoesNotGuessTheRunningGroup) {
  put("cmdline", "quiet\n");
  const auto unnamed = open().running();
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().code, ErrorCode::kHw);
  put("cmdline", "tenon.slot=A\n");
  put("boot_id", "\n");
  EXPECT_FALSE(open().running());
}

}  // namespace
}  // namespace tenon::client
