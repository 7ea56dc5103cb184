// GrubBootControl and the pure part of it, on plain files and beside the real grub-editenv.
#include <tenon/client/boot/grub_boot_control.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <tests/support/scratch_folder.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSectorBytes = 512;

const BootRecord kFactory = {0, SlotGroup::kA, {GroupBoot{SlotState::kGood, 0}, GroupBoot{}}};
const BootRecord kArmed = {9, SlotGroup::kB, {GroupBoot{SlotState::kGood, 0}, GroupBoot{SlotState::kTrial, 3}}};
const BootRecord kCommitted = {10, SlotGroup::kB, {GroupBoot{SlotState::kGood, 0}, GroupBoot{SlotState::kGood, 0}}};

std::string block_of(const BootRecord& record) {
  const auto block = encode_grub_block(record);
  EXPECT_TRUE(block) << block.error().message;
  return *block;
}

std::string block_with(const std::string& text) {
  std::string block = "# GRUB Environment Block\n" + text;
  block.resize(kGrubBlockBytes, '#');
  return block;
}

std::string blank() {
  return block_with("");
}

// What GRUB leaves when it has taken a try of B: the same generation, one try less.
BootRecord counted(BootRecord record, std::uint32_t left) {
  record.of(SlotGroup::kB).tries_left = left;
  return record;
}

Result<BootRecord> record_in(const std::string& first, const std::string& second) {
  TENON_TRY(const GrubBlockInForce found, find_grub_block_in_force({first, second}));
  return decode_boot_record(found.variables);
}

void expect_record(const std::string& first, const std::string& second, const BootRecord& expected) {
  for (const auto& record : {record_in(first, second), record_in(second, first)}) {
    ASSERT_TRUE(record) << record.error().message;
    EXPECT_EQ(*record, expected);
  }
}

TEST(GrubBlock, IsWhatGrubAndItsToolsRead) {
  EXPECT_EQ(block_of(kArmed), block_with("BOOT_GENERATION=9\nBOOT_ORDER=B A\nBOOT_A_STATE=good\nBOOT_A_LEFT=0\n"
                                         "BOOT_B_STATE=trial\nBOOT_B_LEFT=3\nBOOT_CHECK=" +
                                         boot_check("9", "B A", "good", "trial") + "\nBOOT_SEAL=9 B A good 0 trial 3 " +
                                         boot_check("9", "B A", "good", "trial") + "\n"));
}

TEST(GrubBlock, LiesWithinOneSectorWhateverItSays) {
  const BootRecord longest = {kMaxGrubGeneration,
                              SlotGroup::kB,
                              {GroupBoot{SlotState::kEmpty, kMaxTries}, GroupBoot{SlotState::kTrial, kMaxTries}}};
  EXPECT_LT(block_of(longest).find_first_of('#', 1), kSectorBytes);
}

TEST(GrubBlock, RefusesWhatGrubCannotCount) {
  for (const BootRecord& record :
       {BootRecord{kMaxGrubGeneration + 1, SlotGroup::kA, kArmed.groups}, counted(kArmed, kMaxTries + 1)}) {
    const auto block = encode_grub_block(record);
    ASSERT_FALSE(block);
    EXPECT_EQ(block.error().code, ErrorCode::kHw);
  }
}

TEST(GrubBlocks, AreTheFactoryWhileNothingWasWritten) {
  expect_record(blank(), blank(), kFactory);
  expect_record(block_with("saved_entry=0\nBOOT_DELAY=3\n"), blank(), kFactory);
  // The first write was cut.
  expect_record(blank(), std::string(kGrubBlockBytes, '\0'), kFactory);
}

// Numbers, not texts: 10 is later than 9.
TEST(GrubBlocks, CountByTheHigherGeneration) {
  expect_record(block_of(kArmed), block_of(kCommitted), kCommitted);
  expect_record(blank(), block_of(kArmed), kArmed);
}

// GRUB cannot add: it takes a try by writing the same generation with one less.
TEST(GrubBlocks, OfOneGenerationCountByTheFewerTries) {
  expect_record(block_of(kArmed), block_of(counted(kArmed, 2)), counted(kArmed, 2));
  expect_record(block_of(counted(kArmed, 1)), block_of(counted(kArmed, 2)), counted(kArmed, 1));
  BootRecord a = {9, SlotGroup::kA, {GroupBoot{SlotState::kTrial, 2}, GroupBoot{SlotState::kGood, 0}}};
  const std::string more = block_of(a);
  a.of(SlotGroup::kA).tries_left = 1;
  expect_record(more, block_of(a), a);
}

// Crash points 4, 15, 17 and 23 of design/installing.md: the block that is being written holds the beginning of the new
// and the end of the old, or the other way round. 512 is among the cuts.
// Book: DEV-58 DEV-59
TEST(GrubBlocks, HaveTheOldRecordOrTheNewWhenAWriteIsTornAtAnyByte) {
  struct Write {
    std::string in_force, before, after;
    BootRecord old, fresh;
  };
  for (const Write& write :
       {Write{block_of(kFactory), blank(), block_of(kArmed), kFactory, kArmed},
        Write{block_of(kArmed), block_of({8, SlotGroup::kA, kFactory.groups}), block_of(counted(kArmed, 2)), kArmed,
              counted(kArmed, 2)},
        Write{block_of(counted(kArmed, 2)), block_of(kArmed), block_of(counted(kArmed, 1)), counted(kArmed, 2),
              counted(kArmed, 1)},
        Write{block_of(kArmed), block_of({8, SlotGroup::kA, kFactory.groups}).replace(30, 5, 5, '\0'),
              block_of(kCommitted), kArmed, kCommitted},
        Write{block_of(kArmed), block_of({8, SlotGroup::kA, kFactory.groups}), block_of(kCommitted), kArmed,
              kCommitted}}) {
    for (std::size_t cut = 0; cut <= kGrubBlockBytes; ++cut) {
      for (const std::string& torn : {write.after.substr(0, cut) + write.before.substr(cut),
                                      write.before.substr(0, cut) + write.after.substr(cut),
                                      write.after.substr(0, cut) + std::string(kGrubBlockBytes - cut, '\0'),
                                      std::string(cut, '\xff') + write.after.substr(cut)}) {
        const auto record = record_in(torn, write.in_force);
        ASSERT_TRUE(record) << record.error().message << " at " << cut;
        EXPECT_TRUE(*record == write.old || *record == write.fresh) << cut;
      }
    }
  }
}

// Book: DEV-56 DEV-58
TEST(GrubBlocks, NeverSaySomethingElseForAByteThatWasDamaged) {
  const std::string old = block_of(kArmed);
  const std::string whole = block_of(kCommitted);
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (const int mask : {0x01, 0x02, 0x04, 0x08, 0x10, 0x20, 0x40, 0x80, 0xff}) {
      std::string damaged = whole;
      damaged[at] = static_cast<char>(damaged[at] ^ mask);
      const auto record = record_in(old, damaged);
      ASSERT_TRUE(record) << record.error().message << " at " << at;
      EXPECT_TRUE(*record == kArmed || *record == kCommitted) << at << " " << mask;
    }
  }
}

// Book: DEV-56
TEST(GrubBlocks, AreDamagedWhateverElseIsInThem) {
  const std::string whole = block_of(kArmed);
  std::string without_line_ends = whole;
  for (char& c : without_line_ends) c = c == '\n' ? '#' : c;
  for (const std::string& damaged :
       {std::string(), std::string(kGrubBlockBytes, '\xff'), std::string(kGrubBlockBytes, '#'), whole.substr(0, 1023),
        whole + "#", std::string(64 << 10, '#'), without_line_ends, block_with("BOOT_ORDER\n"),
        block_with("BOOT_SEAL="), block_with("BOOT_GENERATION=1\n"), block_with("BOOT_SEAL=      x\n"),
        block_with("BOOT_ORDER=A B\\"), block_with("BOOT_ORDER=A B\r\nBOOT_SEAL= A B     \r\n"),
        whole.substr(0, 25) + "=" + whole.substr(26)}) {
    const auto found = find_grub_block_in_force({damaged, damaged});
    if (found) {
      EXPECT_TRUE(found->variables.empty()) << damaged;
      continue;
    }
    EXPECT_EQ(found.error().code, ErrorCode::kHw);
    EXPECT_NE(found.error().hint, "");
    expect_record(damaged, whole, kArmed);
  }
}

// The last of two values counts, as for GRUB; what a person changed is noticed, and is not obeyed.
TEST(GrubBlocks, TellWhenSomebodyElseChangedBothTheRecordAndItsSeal) {
  const auto record = record_in(blank(), block_with("BOOT_GENERATION=9\nBOOT_ORDER=B A\nBOOT_A_STATE=bad\n"
                                                    "BOOT_B_STATE=good\nBOOT_CHECK=2593e335\n"
                                                    "BOOT_A_STATE=good\nBOOT_SEAL=9 B A good  good  2593e335\n"));
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, ErrorCode::kHw);
  EXPECT_NE(record.error().message.find("BOOT_CHECK"), std::string::npos) << record.error().message;
}

class GrubTest : public testing::Test {
 protected:
  GrubTest() {
    put("a", blank());
    put("b", blank());
    put("cmdline", "BOOT_IMAGE=/boot/vmlinuz tenon.slot=B\n");
    put("boot_id", "0d6a6f4e-7b1c-4a58-9d2e-9c1f5b8a3e21\n");
  }

  fs::path path(const std::string& name) const { return scratch_.path() / name; }
  void put(const std::string& name, const std::string& content) const {
    std::ofstream(path(name), std::ios::binary | std::ios::trunc) << content;
  }
  std::string get(const std::string& name) const {
    std::ifstream in(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Result<GrubBootControl> try_open() const {
    return GrubBootControl::open({path("a"), path("b")}, path("cmdline"), path("boot_id"));
  }
  GrubBootControl open() const {
    auto control = try_open();
    EXPECT_TRUE(control) << control.error().message;
    return *std::move(control);
  }
  void write(const BootRecord& record) const {
    const auto written = open().write(record);
    ASSERT_TRUE(written) << written.error().message;
  }
  BootRecord read() const {
    const auto record = open().read();
    EXPECT_TRUE(record) << record.error().message;
    return record ? *record : BootRecord{};
  }
  std::string editenv(const std::string& name, const std::string& words) const {
    std::string output;
    std::FILE* pipe = ::popen(("grub-editenv " + path(name).string() + " " + words + " 2>&1").c_str(), "r");
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
    EXPECT_EQ(::pclose(pipe), 0) << words << ": " << output;
    return output;
  }
  static void expect_refusal(const Result<void>& result, const std::string& named) {
    ASSERT_FALSE(result);
    EXPECT_EQ(result.error().code, ErrorCode::kHw);
    EXPECT_NE(result.error().message.find(named), std::string::npos) << result.error().message;
    EXPECT_NE(result.error().hint, "");
  }

  tests::ScratchFolder scratch_;
};

TEST_F(GrubTest, GivesBackWhatWasWritten) {
  EXPECT_EQ(read(), kFactory);
  for (const BootRecord& record : {kArmed, kCommitted}) {
    write(record);
    EXPECT_EQ(read(), record);
  }
}

TEST_F(GrubTest, AgreesWithGrubEditenvInBothDirections) {
  for (const char* name : {"a", "b"}) {
    fs::remove(path(name));
    editenv(name, "create");
  }
  EXPECT_EQ(read(), kFactory);
  write(kArmed);
  EXPECT_EQ(editenv("a", "list") + "\n" + editenv("b", "list"),
            "BOOT_GENERATION=9\nBOOT_ORDER=B A\nBOOT_A_STATE=good\nBOOT_A_LEFT=0\nBOOT_B_STATE=trial\nBOOT_B_LEFT=3\n"
            "BOOT_CHECK=" +
                boot_check("9", "B A", "good", "trial") + "\nBOOT_SEAL=9 B A good 0 trial 3 " +
                boot_check("9", "B A", "good", "trial") + "\n\n");
  // The tool writes as GRUB's save_env does: here into a block that has none of the variables, as after the first trial.
  const std::string check = boot_check("9", "B A", "good", "trial");
  editenv("b",
          "set BOOT_GENERATION=9 'BOOT_ORDER=B A' BOOT_A_STATE=good BOOT_A_LEFT=0 BOOT_B_STATE=trial BOOT_B_LEFT=2 "
          "BOOT_CHECK=" +
              check + " 'BOOT_SEAL=9 B A good 0 trial 2 " + check + "'");
  EXPECT_EQ(read(), counted(kArmed, 2));
  // And into one that has others of them.
  editenv("a", "set BOOT_B_LEFT=1 'BOOT_SEAL=9 B A good 0 trial 1 " + check + "'");
  EXPECT_EQ(read(), counted(kArmed, 1));
  write(kCommitted);
  EXPECT_EQ(read(), kCommitted);
}

// What a block says, by the tool that shares its parser with GRUB.
BootVariables listed(const std::string& lines) {
  BootVariables variables;
  std::istringstream in(lines);
  for (std::string line; std::getline(in, line);) {
    const std::size_t equals = line.find('=');
    if (equals != std::string::npos) variables[line.substr(0, equals)] = line.substr(equals + 1);
  }
  return variables;
}

// Both have to choose the same block, so both have to see the same in one, whatever is in it.
// Book: DEV-56
TEST_F(GrubTest, SeesInAnyBlockWhatGrubsOwnParserSees) {
  const std::vector<std::string> pieces = {"BOOT_ORDER=A B\n",
                                           "BOOT_ORDER=B A\n",
                                           "BOOT_A_STATE=good\n",
                                           "BOOT_A_STATE=\n",
                                           "BOOT_B_LEFT=3\n",
                                           "BOOT_CHECK=x\n",
                                           "BOOT_GENERATION=9",
                                           "BOOT_SEAL=       \n",
                                           "BOOT_A_LEFT=\\3\n",
                                           "x=\\\\\n",
                                           "=\n",
                                           "#BOOT_ORDER=C\n",
                                           "BOOT_ORDER =A\n",
                                           "note=a=b\n",
                                           "BOOT_B_STATE=a\\#b\n"};
  constexpr std::array<std::string_view, 7> kNames = {"BOOT_GENERATION", "BOOT_ORDER",  "BOOT_A_STATE", "BOOT_A_LEFT",
                                                      "BOOT_B_STATE",    "BOOT_B_LEFT", "BOOT_CHECK"};
  std::minstd_rand random(20'261'130);
  std::array<int, 3> seen = {};
  for (int round = 0; round < 120; ++round) {
    std::string text;
    for (auto count = random() % 10; count > 0; --count) text += pieces[random() % pieces.size()];
    put("a", block_with(text));
    BootVariables all = listed(editenv("a", "list"));
    std::string seal;
    BootVariables ours;
    for (const std::string_view name : kNames) {
      const std::string value = all.contains(name) ? all.find(name)->second : "";
      seal += (seal.empty() && name == kNames.front() ? "" : " ") + value;
      if (!value.empty()) ours.emplace(name, value);
    }
    if (random() % 2 == 0 && text.ends_with('\n')) {
      put("a", block_with(text + "BOOT_SEAL=" + seal + "\n"));
      all = listed(editenv("a", "list"));
    }
    const std::string found_seal = all["BOOT_SEAL"];
    const auto found = find_grub_block_in_force({get("a"), ""});
    if (ours.empty() && found_seal.empty()) {
      ++seen[0];
      EXPECT_TRUE(found && found->variables.empty()) << text;
    } else if (found_seal == seal) {
      ++seen[1];
      EXPECT_TRUE(found && found->variables == ours) << text;
    } else {
      ++seen[2];
      EXPECT_FALSE(found) << text;
    }
  }
  for (const int count : seen) EXPECT_GT(count, 5);
}

// A person who edits a value without the seal has damaged the block: the other one counts.
TEST_F(GrubTest, DoesNotObeyAValueThatWasEditedAlone) {
  write(kArmed);
  write(kCommitted);
  for (const char* name : {"a", "b"}) editenv(name, "set BOOT_A_STATE=bad");
  const auto record = open().read();
  ASSERT_FALSE(record);
  EXPECT_NE(record.error().message.find("neither block is whole"), std::string::npos) << record.error().message;
}

TEST_F(GrubTest, WritesOnlyTheBlockThatIsNotInForceAndInItsPlace) {
  struct stat before[2] = {};
  const std::array<std::string, 2> names = {"a", "b"};
  for (std::size_t i = 0; i < 2; ++i) ASSERT_EQ(::stat(path(names[i]).c_str(), &before[i]), 0);
  write({1, SlotGroup::kA, kFactory.groups});
  for (std::uint64_t generation = 2; generation < 6; ++generation) {
    const std::array<std::string, 2> old = {get("a"), get("b")};
    write({generation, SlotGroup::kA, kFactory.groups});
    EXPECT_NE(get("a") == old[0], get("b") == old[1]) << generation;
  }
  for (std::size_t i = 0; i < 2; ++i) {
    struct stat after = {};
    ASSERT_EQ(::stat(path(names[i]).c_str(), &after), 0);
    EXPECT_EQ(after.st_ino, before[i].st_ino);
    EXPECT_EQ(after.st_size, before[i].st_size);
  }
  EXPECT_EQ(scratch_.entries(), (std::set<std::string>{"a", "b", "boot_id", "cmdline"}));
}

TEST_F(GrubTest, HealsABlockThatIsDamagedWithTheNextWrite) {
  write(kArmed);
  for (const char* name : {"a", "b"}) {
    write({read().generation + 1, SlotGroup::kB, kArmed.groups});
    const BootRecord before = read();
    const std::string whole = get(name);
    put(name, std::string(kGrubBlockBytes, '\0'));
    const BootRecord without = read();
    EXPECT_TRUE(without == before || without.generation + 1 == before.generation);
    write({before.generation + 1, SlotGroup::kB, kCommitted.groups});
    EXPECT_EQ(read().generation, before.generation + 1);
    EXPECT_NE(get(name), std::string(kGrubBlockBytes, '\0'));
    EXPECT_NE(get(name), whole);
  }
}

TEST_F(GrubTest, TellsThatNeitherBlockIsWholeAndWritesNothing) {
  put("a", std::string(kGrubBlockBytes, '\0'));
  put("b", std::string(kGrubBlockBytes, '\xff'));
  const auto record = open().read();
  ASSERT_FALSE(record);
  EXPECT_EQ(record.error().code, ErrorCode::kHw);
  expect_refusal(open().write(kArmed), "neither block is whole");
  EXPECT_EQ(get("a"), std::string(kGrubBlockBytes, '\0'));
  EXPECT_EQ(get("b"), std::string(kGrubBlockBytes, '\xff'));
}

// Book: DEV-58
TEST_F(GrubTest, MakesARecordAnewOnlyWhenNeitherBlockIsWhole) {
  write(kArmed);
  expect_refusal(open().restore(kCommitted), "nothing to restore");
  EXPECT_EQ(read(), kArmed);
  put("a", blank());
  put("b", std::string(kGrubBlockBytes, '\0'));
  expect_refusal(open().restore(kCommitted), "nothing to restore");
  put("a", std::string(kGrubBlockBytes, '\xff'));
  const auto restored = open().restore(kCommitted);
  ASSERT_TRUE(restored) << restored.error().message;
  EXPECT_EQ(read(), kCommitted);
  write({kCommitted.generation + 1, SlotGroup::kB, kCommitted.groups});
  EXPECT_EQ(get("b").substr(0, 24), "# GRUB Environment Block");
}

TEST_F(GrubTest, WritesNothingThatWouldNotComeIntoForce) {
  write(kCommitted);
  const std::string a = get("a"), b = get("b");
  expect_refusal(open().write(kArmed), "generation 9");
  expect_refusal(open().write(kCommitted), "generation 10");
  expect_refusal(open().write({kMaxGrubGeneration + 1, SlotGroup::kA, {}}), "1000000000");
  EXPECT_EQ(get("a"), a);
  EXPECT_EQ(get("b"), b);
}

TEST_F(GrubTest, RefusesFilesThatAreNoTwoBlocksAndNamesThem) {
  const auto refused = [&](const std::string& name) {
    const auto control = try_open();
    ASSERT_FALSE(control);
    EXPECT_EQ(control.error().code, ErrorCode::kHw);
    EXPECT_NE(control.error().message.find(path(name).string()), std::string::npos) << control.error().message;
    EXPECT_NE(control.error().hint, "");
  };
  for (const std::size_t size : {std::size_t{0}, kGrubBlockBytes - 1, kGrubBlockBytes + 1, 4 * kGrubBlockBytes}) {
    put("b", std::string(size, '#'));
    refused("b");
  }
  fs::remove(path("b"));
  refused("b");
  fs::create_directory(path("b"));
  refused("b");
  fs::remove(path("b"));
  ASSERT_EQ(::mkfifo(path("b").c_str(), 0600), 0);
  refused("b");
  fs::remove(path("b"));
  fs::create_symlink(path("a"), path("b"));
  refused("b");
  fs::remove(path("b"));
  fs::create_hard_link(path("a"), path("b"));
  refused("b");
}

// Whoever cuts the file short while we run has the write refused, and no file grows.
TEST_F(GrubTest, DoesNotMakeAFileGrow) {
  auto control = open();
  put("a", "# GRUB Environment Block\n");
  expect_refusal(control.write(kArmed), path("a").string());
  EXPECT_EQ(get("a"), "# GRUB Environment Block\n");
}

TEST_F(GrubTest, TellsThatAWriteFailedAndKeepsTheRecord) {
  write(kArmed);
  rlimit before = {};
  ASSERT_EQ(::getrlimit(RLIMIT_FSIZE, &before), 0);
  const auto old_handler = ::signal(SIGXFSZ, SIG_IGN);
  const rlimit nothing = {0, before.rlim_max};
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &nothing), 0);
  const auto written = open().write(kCommitted);
  ASSERT_EQ(::setrlimit(RLIMIT_FSIZE, &before), 0);
  ::signal(SIGXFSZ, old_handler);
  expect_refusal(written, "cannot be written");
  EXPECT_EQ(read(), kArmed);
}

// tenon status looks while tenond writes.
TEST_F(GrubTest, IsReadWholeWhileItIsWritten) {
  write({1, SlotGroup::kA, kFactory.groups});
  std::atomic<bool> done{false};
  std::vector<std::string> failures;
  std::thread reader([&] {
    auto control = open();
    std::uint64_t last = 0;
    while (!done) {
      const auto record = control.read();
      if (!record) failures.push_back(record.error().message);
      if (record && record->generation < last) failures.push_back("went back to " + std::to_string(record->generation));
      if (record) last = record->generation;
    }
  });
  for (std::uint64_t generation = 2; generation < 200; ++generation)
    write({generation, SlotGroup::kA, kFactory.groups});
  done = true;
  reader.join();
  EXPECT_EQ(failures, std::vector<std::string>{});
}

TEST_F(GrubTest, KnowsTheRunningGroupAndTheBoot) {
  const auto boot = open().running();
  ASSERT_TRUE(boot) << boot.error().message;
  EXPECT_EQ(boot->running, SlotGroup::kB);
  EXPECT_EQ(boot->boot_id, "0d6a6f4e-7b1c-4a58-9d2e-9c1f5b8a3e21");
  put("cmdline", "quiet\n");
  EXPECT_FALSE(open().running());
}

}  // namespace
}  // namespace tenon::client
