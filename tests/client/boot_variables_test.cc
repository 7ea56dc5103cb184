// The boot record as variables, fw_env.config and the kernel command line: all that the boot adapter parses.
#include <tenon/client/boot/boot_variables.h>
#include <tenon/client/boot/fw_env_config.h>
#include <tenon/client/boot/running_group.h>

#include <string>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

constexpr std::array kStates = {SlotState::kEmpty, SlotState::kTrial, SlotState::kGood, SlotState::kBad};

BootRecord trial_of_b() {
  return {7, SlotGroup::kB, {GroupBoot{SlotState::kGood, 0}, GroupBoot{SlotState::kTrial, 3}}};
}

void expect_hw(const Result<BootRecord>& record, const std::string& named) {
  ASSERT_FALSE(record) << named;
  EXPECT_EQ(record.error().code, ErrorCode::kHw);
  EXPECT_NE(record.error().message.find(named), std::string::npos) << record.error().message;
  EXPECT_NE(record.error().hint, "");
}

TEST(BootVariables, GiveBackEveryRecord) {
  for (const SlotGroup first : {SlotGroup::kA, SlotGroup::kB}) {
    for (const SlotState a : kStates) {
      for (const SlotState b : kStates) {
        for (const std::uint32_t left : {0u, 1u, kMaxTries}) {
          const BootRecord record{0xFFFF'FFFF'FFFF'FFFF, first, {GroupBoot{a, left}, GroupBoot{b, kMaxTries - left}}};
          const auto variables = encode_boot_record(record);
          ASSERT_TRUE(variables);
          const auto decoded = decode_boot_record(*variables);
          ASSERT_TRUE(decoded) << decoded.error().message;
          EXPECT_EQ(*decoded, record);
        }
      }
    }
  }
}

// A boot script and the step that plays it in tests read exactly these.
TEST(BootVariables, AreSpelledAsBootScriptsReadThem) {
  EXPECT_EQ(*encode_boot_record(trial_of_b()),
            (BootVariables{{"BOOT_ORDER", "B A"},
                           {"BOOT_A_STATE", "good"},
                           {"BOOT_A_LEFT", "0"},
                           {"BOOT_B_STATE", "trial"},
                           {"BOOT_B_LEFT", "3"},
                           {"BOOT_GENERATION", "7"},
                           {"BOOT_CHECK", boot_check("7", "B A", "good", "trial")}}));
  // python3 -c 'import zlib; print("%08x" % zlib.crc32(b"7 B A good trial"))'
  EXPECT_EQ(boot_check("7", "B A", "good", "trial"), "2593e335");
}

TEST(BootVariables, RefuseMoreTriesThanAScriptCanCount) {
  BootRecord record = trial_of_b();
  record.of(SlotGroup::kB).tries_left = 10;
  const auto variables = encode_boot_record(record);
  ASSERT_FALSE(variables);
  EXPECT_EQ(variables.error().code, ErrorCode::kHw);
}

TEST(BootVariables, AreGenerationZeroAsTheFactoryLeftThem) {
  const auto record = decode_boot_record(
      {{"bootcmd", "run x"}, {"BOOT_ORDER", "B A"}, {"BOOT_A_STATE", "empty"}, {"BOOT_B_STATE", "good"}});
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(*record, (BootRecord{0, SlotGroup::kB, {GroupBoot{}, GroupBoot{SlotState::kGood, 0}}}));
}

TEST(BootVariables, AreAGoodWhereTheEnvironmentHasNone) {
  const auto record = decode_boot_record({{"bootcmd", "run x"}, {"BOOT_DELAY", "3"}});
  ASSERT_TRUE(record) << record.error().message;
  EXPECT_EQ(*record, (BootRecord{0, SlotGroup::kA, {GroupBoot{SlotState::kGood, 0}, GroupBoot{}}}));
}

TEST(BootVariables, MayBeCountedDownByTheBootScript) {
  BootVariables variables = *encode_boot_record(trial_of_b());
  for (const char* left : {"2", "1", "0"}) {
    variables["BOOT_B_LEFT"] = left;
    const auto record = decode_boot_record(variables);
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(std::to_string(record->of(SlotGroup::kB).tries_left), left);
    EXPECT_EQ(record->generation, 7u);
  }
}

TEST(BootVariables, TellWhenSomebodyElseChangedOne) {
  for (const auto& [name, value] : BootVariables{{"BOOT_ORDER", "A B"},
                                                 {"BOOT_A_STATE", "bad"},
                                                 {"BOOT_B_STATE", "good"},
                                                 {"BOOT_GENERATION", "8"},
                                                 {"BOOT_CHECK", "00000000"}}) {
    BootVariables variables = *encode_boot_record(trial_of_b());
    variables[name] = value;
    expect_hw(decode_boot_record(variables), name);
  }
}

TEST(BootVariables, TellWhichOneIsMissing) {
  for (const char* name : {"BOOT_ORDER", "BOOT_A_STATE", "BOOT_B_STATE", "BOOT_GENERATION", "BOOT_CHECK"}) {
    BootVariables variables = *encode_boot_record(trial_of_b());
    variables.erase(name);
    expect_hw(decode_boot_record(variables), std::string(name) + " is missing");
  }
}

TEST(BootVariables, TellWhichOneCannotBeRead) {
  for (const auto& [name, value] : std::map<std::string, std::vector<std::string>>{
           {"BOOT_ORDER", {"", "A", "B", "A  B", "A B ", "A A", "a b"}},
           {"BOOT_A_STATE", {"", "GOOD", "good ", "3"}},
           {"BOOT_B_LEFT", {"", "-1", "+1", "10", "0x1", "01", "1 ", "99999999999999999999"}}}) {
    for (const std::string& text : value) {
      BootVariables variables = {{"BOOT_ORDER", "A B"}, {"BOOT_A_STATE", "good"}, {"BOOT_B_STATE", "empty"}};
      variables[name] = text;
      expect_hw(decode_boot_record(variables), name);
    }
  }
  for (const char* generation : {"", "-1", "07", "x", "18446744073709551616"}) {
    BootVariables variables = *encode_boot_record(trial_of_b());
    variables["BOOT_GENERATION"] = generation;
    expect_hw(decode_boot_record(variables), "BOOT_GENERATION");
  }
}

// RAUC counts every group down and has no states: its variables are no record of ours.
TEST(BootVariables, DoNotTakeThoseOfAnotherUpdaterForTheirOwn) {
  expect_hw(decode_boot_record({{"BOOT_ORDER", "A B"}, {"BOOT_A_LEFT", "3"}, {"BOOT_B_LEFT", "3"}}), "BOOT_A_STATE");
}

TEST(FwEnvConfig, NamesTwoCopies) {
  const auto copies = parse_fw_env_config(
      "# Device  offset  size  sector  sectors\n"
      "\n"
      "  /dev/mtd1\t0x0000 0x4000 0x1000 4  \n"
      "uboot.env 16384 4000\r\n");
  ASSERT_TRUE(copies) << copies.error().message;
  EXPECT_EQ((*copies)[0], (EnvironmentCopy{"/dev/mtd1", 0, 0x4000, 0x1000, 4}));
  EXPECT_EQ((*copies)[1], (EnvironmentCopy{"uboot.env", 16384, 0x4000, 0, 0}));
}

TEST(FwEnvConfig, CountsANegativeOffsetFromTheEnd) {
  const auto copies = parse_fw_env_config("/dev/mmcblk0 -0x8000 0x4000\n/dev/mmcblk0 -0x4000 0x4000");
  ASSERT_TRUE(copies) << copies.error().message;
  EXPECT_EQ((*copies)[0].offset, -0x8000);
}

// Weak point 8 of design/installing.md, section 2: a torn write of the only copy leaves none.
TEST(FwEnvConfig, RefusesASingleCopyAndSaysWhatToDo) {
  for (const char* text : {"", "# nothing\n", "/dev/mtd1 0 0x4000\n", "a 0 1\nb 0 1\nc 0 1\n"}) {
    const auto copies = parse_fw_env_config(text);
    ASSERT_FALSE(copies) << text;
    EXPECT_EQ(copies.error().code, ErrorCode::kHw);
    EXPECT_NE(copies.error().hint.find("REDUND"), std::string::npos);
  }
}

TEST(FwEnvConfig, RefusesCopiesThatOverlapOrDiffer) {
  EXPECT_FALSE(parse_fw_env_config("a 0x0 0x4000\na 0x3fff 0x4000"));
  EXPECT_FALSE(parse_fw_env_config("a 0x0 0x4000\na 0x0 0x4000"));
  EXPECT_FALSE(parse_fw_env_config("a -0x4000 0x4000\na -0x3000 0x4000"));
  EXPECT_FALSE(parse_fw_env_config("a 0x0 0x4000\nb 0x0 0x2000"));
  EXPECT_TRUE(parse_fw_env_config("a 0x0 0x4000\na 0x4000 0x4000"));
  EXPECT_TRUE(parse_fw_env_config("a 0x0 0x4000\nb 0x0 0x4000"));
}

TEST(FwEnvConfig, RefusesNumbersThatAreNone) {
  for (const char* line : {"a", "a 0", "a x 0x4000", "a 0 size", "a 0 0", "a 0 0x100001", "a --1 0x4000", "a - 0x4000",
                           "a 0x 0x4000", "a 08 0x4000", "a 0 0x4000 x", "a 0 0x4000 0 x", "a 0 -4000",
                           "a 99999999999999999999 0x4000", "a 0x7fffffffffffffff 0x4000"}) {
    EXPECT_FALSE(parse_fw_env_config(std::string(line) + "\nb 0 0x4000\n")) << line;
  }
}

TEST(RunningGroup, IsTheOneThatTheBootScriptNamed) {
  EXPECT_EQ(*parse_running_group("root=/dev/mmcblk0p3 tenon.slot=A quiet\n"), SlotGroup::kA);
  EXPECT_EQ(*parse_running_group("tenon.slot=B"), SlotGroup::kB);
}

TEST(RunningGroup, RunsAsTheLastResortOnlyWhenTheBootScriptSaysSo) {
  EXPECT_TRUE(says_last_resort("tenon.slot=A tenon.last_resort\n"));
  EXPECT_TRUE(says_last_resort("tenon.last_resort tenon.slot=A"));
  for (const char* text : {"", "tenon.slot=A", "tenon.last_resort=0", "xtenon.last_resort", "tenon.last_resorts"}) {
    EXPECT_FALSE(says_last_resort(text)) << text;
  }
  EXPECT_EQ(*parse_running_group(" tenon.last_resort  tenon.slot=B "), SlotGroup::kB);
}

TEST(RunningGroup, IsNotGuessed) {
  for (const char* text :
       {"", "quiet", "tenon.slot", "tenon.slot=", "tenon.slot=C", "tenon.slot=a", "xtenon.slot=A",
        "tenon.slot=A tenon.slot=B", "tenon.slot=A tenon.slot=A", "tenon.slot=AB", "tenon.slot=recovery"}) {
    const auto group = parse_running_group(text);
    ASSERT_FALSE(group) << text;
    EXPECT_EQ(group.error().code, ErrorCode::kHw);
    EXPECT_NE(group.error().hint, "");
  }
}

}  // namespace
}  // namespace tenon::client
