// FileSlots: never a byte outside a slot, and never a slot that is in use, whatever paths and links say.
#include <tenon/client/slots/file_slots.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <limits>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <tests/support/recording_reporter.h>
#include <unistd.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;

class FileSlotsTest : public testing::Test {
 protected:
  FileSlotsTest()
      : path_(fs::path(testing::TempDir()) / ("tenon_slots_" + std::to_string(::getpid()) + "_" +
                                              testing::UnitTest::GetInstance()->current_test_info()->name())) {
    fs::remove_all(path_);
    fs::create_directories(path_);
    make("mountinfo", "37 35 0:1 / / ro - tmpfs tmpfs ro\n");
  }
  ~FileSlotsTest() override { fs::remove_all(path_); }

  fs::path make(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return path_ / name;
  }
  std::string content(const std::string& name) const {
    std::ifstream in(path_ / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  FileSlots slots(const fs::path& a, const fs::path& b) {
    return FileSlots({{SlotGroup::kA, {{"rootfs", a}}}, {SlotGroup::kB, {{"rootfs", b}}}}, reporter_,
                     path_ / "mountinfo");
  }
  FileSlots plain() { return slots(make("a", std::string(1000, 'a')), make("b", std::string(1000, 'b'))); }

  fs::path path_;
  tests::RecordingReporter reporter_;
};

void expect_error(const Result<std::unique_ptr<Slot>>& slot, ErrorCode code) {
  ASSERT_FALSE(slot);
  EXPECT_EQ(slot.error().code, code) << slot.error().message;
  EXPECT_NE(slot.error().hint, "") << slot.error().message;
}

// A recovery system is what is left when all else failed: an update never writes there, whatever the configuration says.
// Book: DEV-62
TEST_F(FileSlotsTest, RefusesAPlaceOfTheRecoverySystem) {
  const fs::path a = make("a", std::string(1000, 'a'));
  const fs::path b = make("b", std::string(1000, 'b'));
  fs::create_symlink(b, path_ / "link");
  for (const fs::path& recovery : {b, path_ / "link"}) {
    FileSlots slots({{SlotGroup::kA, {{"rootfs", a}}}, {SlotGroup::kB, {{"rootfs", b}}}}, reporter_,
                    path_ / "mountinfo", PartitionFinder(), {{"rootfs", recovery}});
    const auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
    expect_error(slot, ErrorCode::kPolicy);
    EXPECT_NE(slot.error().message.find("as recovery rootfs"), std::string::npos) << slot.error().message;
    EXPECT_FALSE(slots.size_of(SlotGroup::kB, "rootfs", SlotGroup::kA));
  }
  FileSlots apart({{SlotGroup::kA, {{"rootfs", a}}}, {SlotGroup::kB, {{"rootfs", b}}}}, reporter_, path_ / "mountinfo",
                  PartitionFinder(), {{"rootfs", make("r", "r")}});
  EXPECT_TRUE(apart.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA));
  EXPECT_EQ(*apart.size_of(SlotGroup::kB, "rootfs", SlotGroup::kA), 1000U);
}

TEST_F(FileSlotsTest, WritesAndReadsTheOtherGroup) {
  auto slots = plain();
  auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  ASSERT_TRUE(slot) << slot.error().message;
  EXPECT_EQ((*slot)->size(), 1000u);
  ASSERT_TRUE((*slot)->write_at(995, as_bytes("hello")));
  ASSERT_TRUE((*slot)->flush());
  (*slot)->forget_cache();
  Bytes read(6);
  ASSERT_TRUE((*slot)->read_at(994, read));
  EXPECT_EQ(as_text(read), "bhello");
  EXPECT_EQ(content("b").size(), 1000u);
  EXPECT_EQ(content("a"), std::string(1000, 'a'));
}

// Memory that is aligned as a slot wants it, so that bytes go past the page cache, or off by one.
class Memory {
 public:
  Memory(std::size_t size, std::size_t off) : bytes_(size + 2 * Slot::kAlignment), size_(size) {
    void* at = bytes_.data();
    std::size_t room = bytes_.size();
    begin_ = static_cast<std::uint8_t*>(std::align(Slot::kAlignment, size, at, room)) + off;
  }
  std::span<std::uint8_t> all() const { return {begin_, size_}; }

 private:
  Bytes bytes_;
  std::size_t size_;
  std::uint8_t* begin_;
};

// Writes and reads all of a slot in two pieces, from memory of either kind.
void expect_to_keep(Slot& slot, std::size_t cut) {
  const auto size = static_cast<std::size_t>(slot.size());
  for (const std::size_t off : {0, 1}) {
    const Memory memory(size, off);
    std::minstd_rand random(static_cast<std::uint32_t>(size + off));
    std::ranges::generate(memory.all(), [&] { return static_cast<std::uint8_t>(random()); });
    ASSERT_TRUE(slot.write_at(0, memory.all().first(cut)));
    const Memory rest(size - cut, off);
    std::ranges::copy(memory.all().subspan(cut), rest.all().begin());
    ASSERT_TRUE(slot.write_at(cut, rest.all()));
    ASSERT_TRUE(slot.flush());
    slot.forget_cache();
    for (const std::size_t read_off : {0, 1}) {
      const Memory back(size, read_off);
      ASSERT_TRUE(slot.read_at(0, back.all()));
      EXPECT_TRUE(std::ranges::equal(back.all(), memory.all()));
    }
  }
}

// Book: DEV-03
TEST_F(FileSlotsTest, KeepsEveryByteOfASlotOfAnySizeFromMemoryOfAnyPlace) {
  for (const std::size_t size : {1, 511, 4095, 4096, 4097, 12288, 16895, 16896, 131'071, 131'072, 131'073}) {
    SCOPED_TRACE(size);
    auto slots = this->slots(make("a", "a"), make("b", std::string(size, 'b')));
    auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
    ASSERT_TRUE(slot);
    for (const std::size_t cut : {size / 2, size / 2 / 4096 * 4096}) expect_to_keep(**slot, cut);
    EXPECT_EQ(content("b").size(), size);
  }
}

TEST_F(FileSlotsTest, PunchesARangeThatReadsAsZerosAndNothingBesideIt) {
  auto slots = this->slots(make("a", "a"), make("b", std::string(3u << 20, 'b')));
  auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  ASSERT_TRUE(slot);
  const auto punched = (*slot)->punch(1u << 20, 1u << 20);
  ASSERT_TRUE(punched);
  if (!*punched) GTEST_SKIP() << "the file system of the tests cannot punch";
  const std::string expected = std::string(1u << 20, 'b') + std::string(1u << 20, '\0') + std::string(1u << 20, 'b');
  EXPECT_TRUE(content("b") == expected);
  EXPECT_FALSE((*slot)->punch(1, 3u << 20));
  EXPECT_FALSE((*slot)->punch(std::numeric_limits<std::uint64_t>::max(), 2));
  EXPECT_TRUE(content("b") == expected);
}

// Book: DEV-60
TEST_F(FileSlotsTest, WritesNothingOfARangeThatIsNotWhollyInside) {
  auto slots = plain();
  auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  ASSERT_TRUE(slot);
  constexpr auto kMax = std::numeric_limits<std::uint64_t>::max();
  Bytes data(10, 'x');
  for (const std::uint64_t offset : {std::uint64_t{991}, std::uint64_t{1000}, std::uint64_t{1001}, kMax, kMax - 9,
                                     kMax - 8, std::uint64_t{1} << 63}) {
    const auto written = (*slot)->write_at(offset, data);
    ASSERT_FALSE(written) << offset;
    EXPECT_EQ(written.error().code, ErrorCode::kStorage);
    const auto read = (*slot)->read_at(offset, data);
    ASSERT_FALSE(read) << offset;
    EXPECT_EQ(read.error().code, ErrorCode::kStorage);
  }
  EXPECT_TRUE((*slot)->write_at(1000, {}));
  EXPECT_FALSE((*slot)->write_at(0, Bytes(1001)));
  EXPECT_EQ(content("b"), std::string(1000, 'b'));
  EXPECT_TRUE((*slot)->write_at(0, Bytes(1000, 'c')));
  EXPECT_EQ(content("b"), std::string(1000, 'c'));
}

// Book: DEV-61
TEST_F(FileSlotsTest, KnowsSizesAndOffsetsAboveFourGiB) {
  auto slots = plain();
  const std::uint64_t size = (std::uint64_t{5} << 30) + 7;
  fs::resize_file(path_ / "b", size);
  auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  ASSERT_TRUE(slot);
  EXPECT_EQ((*slot)->size(), size);
  ASSERT_TRUE((*slot)->write_at(size - 4, as_bytes("last")));
  Bytes read(4);
  ASSERT_TRUE((*slot)->read_at(size - 4, read));
  EXPECT_EQ(as_text(read), "last");
  EXPECT_EQ(fs::file_size(path_ / "b"), size);
}

TEST_F(FileSlotsTest, GivesNoWritingToAReader) {
  auto slots = plain();
  auto slot = slots.open_for_reading(SlotGroup::kA, "rootfs");
  ASSERT_TRUE(slot);
  EXPECT_FALSE((*slot)->write_at(0, as_bytes("x")));
  EXPECT_EQ(content("a"), std::string(1000, 'a'));
}

TEST_F(FileSlotsTest, NoticesThatAFileBecameShorter) {
  auto slots = plain();
  auto slot = slots.open_for_reading(SlotGroup::kA, "rootfs");
  ASSERT_TRUE(slot);
  fs::resize_file(path_ / "a", 10);
  Bytes read(100);
  EXPECT_FALSE((*slot)->read_at(0, read));
}

// Book: DEV-62
TEST_F(FileSlotsTest, RefusesTheRunningGroup) {
  auto slots = plain();
  expect_error(slots.open_for_writing(SlotGroup::kA, "rootfs", SlotGroup::kA), ErrorCode::kPolicy);
  expect_error(slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kB), ErrorCode::kPolicy);
}

// Book: DEV-62
TEST_F(FileSlotsTest, RefusesAnotherSlotUnderAnotherNameAndNamesBoth) {
  const fs::path a = make("a", "a");
  fs::create_symlink(a, path_ / "symbolic");
  fs::create_symlink("symbolic", path_ / "symbolic2");
  fs::create_hard_link(a, path_ / "hard");
  for (const char* name : {"a", "symbolic", "symbolic2", "hard", "./a"}) {
    auto slot = slots(a, path_ / name).open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
    expect_error(slot, ErrorCode::kPolicy);
    EXPECT_NE(slot.error().message.find(a.string()), std::string::npos);
    EXPECT_NE(slot.error().message.find((path_ / name).string()), std::string::npos);
  }
}

TEST_F(FileSlotsTest, RefusesAFileThatTwoClassesOfTheSameGroupShare) {
  FileSlots shared({{SlotGroup::kA, {{"rootfs", make("a", "a")}}},
                    {SlotGroup::kB, {{"boot", make("b", "b")}, {"rootfs", path_ / "b"}}}},
                   reporter_, path_ / "mountinfo");
  expect_error(shared.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA), ErrorCode::kPolicy);
}

// RandomMaps draws slot maps over a few files and many names for them: the files, links, links to links, hard links.
class RandomMaps : public FileSlotsTest {
 protected:
  RandomMaps() {
    for (int file = 0; file < 16; ++file) names_.push_back(make("file" + std::to_string(file), "x"));
    for (int link = 0; link < 48; ++link) {
      const fs::path target = names_[random_() % names_.size()];
      const fs::path name = path_ / ("link" + std::to_string(link));
      if (link % 2 == 0) {
        fs::create_symlink(target, name);
      } else {
        fs::create_hard_link(fs::canonical(target), name);
      }
      names_.push_back(name);
    }
  }
  SlotPaths draw() {
    SlotPaths paths;
    for (const SlotGroup group : {SlotGroup::kA, SlotGroup::kB}) {
      for (const char* slot_class : {"boot", "rootfs", "verity"}) {
        paths[group][slot_class] = names_[random_() % names_.size()];
      }
    }
    return paths;
  }
  static int uses(const SlotPaths& paths, const fs::path& wanted) {
    int count = 0;
    for (const auto& [group, classes] : paths) {
      for (const auto& [slot_class, path] : classes) count += fs::equivalent(path, wanted) ? 1 : 0;
    }
    return count;
  }

  std::mt19937 random_{20'260'801};
  std::vector<fs::path> names_;
};

// Book: DEV-62
TEST_F(RandomMaps, NeverLeadAWriterToTheRunningSlotNorToASharedOne) {
  int opened = 0;
  for (int round = 0; round < 1000; ++round) {
    const SlotPaths paths = draw();
    const SlotGroup running = random_() % 2 == 0 ? SlotGroup::kA : SlotGroup::kB;
    FileSlots slots(paths, reporter_, path_ / "mountinfo");
    for (const auto& [group, classes] : paths) {
      for (const auto& [slot_class, path] : classes) {
        const auto slot = slots.open_for_writing(group, slot_class, running);
        const bool allowed = group != running && uses(paths, path) == 1;
        ASSERT_EQ(slot.has_value(), allowed) << "round " << round << " " << path;
        if (allowed) {
          ++opened;
        } else {
          ASSERT_EQ(slot.error().code, ErrorCode::kPolicy) << slot.error().message;
        }
      }
    }
  }
  EXPECT_GT(opened, 1000);
}

TEST_F(FileSlotsTest, RefusesWhenAnotherSlotCannotBeLookedAt) {
  expect_error(slots(path_ / "missing", make("b", "b")).open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA),
               ErrorCode::kStorage);
}

TEST_F(FileSlotsTest, TellsASlotThatIsMissingInTheSystemFromOneThatIsMissingInTheConfiguration) {
  auto slots = plain();
  fs::remove(path_ / "b");
  expect_error(slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA), ErrorCode::kStorage);
  expect_error(slots.open_for_reading(SlotGroup::kB, "rootfs"), ErrorCode::kStorage);
  expect_error(slots.open_for_writing(SlotGroup::kB, "firmware", SlotGroup::kA), ErrorCode::kHw);
  expect_error(slots.open_for_reading(SlotGroup::kA, ""), ErrorCode::kHw);
}

TEST_F(FileSlotsTest, RefusesWhatIsNeitherADeviceNorAFile) {
  fs::create_directory(path_ / "folder");
  ASSERT_EQ(::mkfifo((path_ / "pipe").c_str(), 0600), 0);
  for (const fs::path& path : {path_ / "folder", path_ / "pipe", fs::path("/dev/null")}) {
    auto slots = this->slots(make("a", "a"), path);
    expect_error(slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA), ErrorCode::kStorage);
    expect_error(slots.open_for_reading(SlotGroup::kB, "rootfs"), ErrorCode::kStorage);
  }
}

// The tests below need a node of a block device, but no device behind it: what is refused is never opened.
class FileSlotsDeviceTest : public FileSlotsTest {
 protected:
  static constexpr unsigned kMajor = 240;  // reserved for local use
  void SetUp() override {
    if (!make_node("device", 1)) GTEST_SKIP() << "making a device node needs root";
  }
  bool make_node(const char* name, unsigned minor_number) const {
    return ::mknod((path_ / name).c_str(), S_IFBLK | 0600, makedev(kMajor, minor_number)) == 0;
  }
};

// Book: DEV-62
TEST_F(FileSlotsDeviceTest, RefusesTheSameDeviceUnderAnotherNode) {
  ASSERT_TRUE(make_node("same", 1));
  expect_error(slots(path_ / "same", path_ / "device").open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA),
               ErrorCode::kPolicy);
}

// Book: DEV-63
TEST_F(FileSlotsDeviceTest, RefusesADeviceThatIsMounted) {
  make("mountinfo", "37 35 240:1 / /mnt/old ro - ext4 /dev/root ro\n");
  auto slot = slots(make("a", "a"), path_ / "device").open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  expect_error(slot, ErrorCode::kPolicy);
  EXPECT_NE(slot.error().message.find("/mnt/old"), std::string::npos);
}

// Book: DEV-63
TEST_F(FileSlotsDeviceTest, RefusesADeviceThatIsMountedUnderANumberOfTheFileSystem) {
  make("mountinfo", "37 35 0:44 / /mnt/old ro - btrfs " + (path_ / "device").string() + " ro\n");
  expect_error(slots(make("a", "a"), path_ / "device").open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA),
               ErrorCode::kPolicy);
}

TEST_F(FileSlotsDeviceTest, RefusesEveryDeviceWhileWhatIsMountedIsNotKnown) {
  fs::remove(path_ / "mountinfo");
  expect_error(slots(make("a", "a"), path_ / "device").open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA),
               ErrorCode::kStorage);
}

// A real block device: a loop device over a file.
class FileSlotsLoopTest : public FileSlotsTest {
 protected:
  void SetUp() override {
    make("image", "");
    fs::resize_file(path_ / "image", 1u << 20);
    device_ = run("losetup --find --show " + (path_ / "image").string());
    if (!device_.starts_with("/dev/loop")) {
      device_.clear();
      GTEST_SKIP() << "loop devices need root and a kernel that has them";
    }
  }
  void TearDown() override {
    if (!device_.empty()) run("losetup --detach " + device_);
  }
  static std::string run(const std::string& command) {
    std::string output;
    std::FILE* pipe = ::popen((command + " 2>/dev/null").c_str(), "r");
    for (int c = std::fgetc(pipe); c != EOF && c != '\n'; c = std::fgetc(pipe)) output += static_cast<char>(c);
    ::pclose(pipe);
    return output;
  }

  std::string device_;
};

// Book: DEV-60
TEST_F(FileSlotsLoopTest, WritesADeviceToItsLastByteAndNoFurther) {
  auto slots = this->slots(make("a", "a"), device_);
  auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  ASSERT_TRUE(slot) << slot.error().message;
  EXPECT_EQ((*slot)->size(), 1u << 20);
  EXPECT_TRUE((*slot)->write_at((1u << 20) - 4, as_bytes("last")));
  EXPECT_FALSE((*slot)->write_at((1u << 20) - 3, as_bytes("last")));
  EXPECT_TRUE((*slot)->flush());
  (*slot)->forget_cache();
  Bytes read(4);
  EXPECT_TRUE((*slot)->read_at((1u << 20) - 4, read));
  EXPECT_EQ(as_text(read), "last");
}

// Book: DEV-03
TEST_F(FileSlotsLoopTest, KeepsEveryByteOfADevice) {
  auto slots = this->slots(make("a", "a"), device_);
  auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  ASSERT_TRUE(slot) << slot.error().message;
  for (const std::size_t cut : {std::size_t{1u << 19}, std::size_t{777}}) expect_to_keep(**slot, cut);
}

// A device may punch, and then reads as zeros, or say that it cannot; what no sector divides it leaves to be written.
TEST_F(FileSlotsLoopTest, PunchesADeviceOrLeavesItAsItIs) {
  auto slots = this->slots(make("a", "a"), device_);
  auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  ASSERT_TRUE(slot) << slot.error().message;
  ASSERT_TRUE((*slot)->write_at(0, Bytes(1u << 20, 'x')));
  for (const auto& [offset, length] : {std::pair(8192U, 65536U), std::pair(131'072U, 777U)}) {
    const auto punched = (*slot)->punch(offset, length);
    ASSERT_TRUE(punched) << punched.error().message;
    Bytes read(length);
    ASSERT_TRUE((*slot)->read_at(offset, read));
    EXPECT_EQ(read, Bytes(length, *punched ? '\0' : 'x'));
    Bytes beside(512);
    ASSERT_TRUE((*slot)->read_at(offset + (1u << 17), beside));
    EXPECT_EQ(beside, Bytes(512, 'x'));
  }
}

// Book: DEV-63
TEST_F(FileSlotsLoopTest, RefusesADeviceThatTheKernelOrAnotherWriterHolds) {
  auto slots = this->slots(make("a", "a"), device_);
  const auto first = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
  ASSERT_TRUE(first) << first.error().message;
  expect_error(slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA), ErrorCode::kPolicy);
  EXPECT_TRUE(slots.open_for_reading(SlotGroup::kB, "rootfs"));
}

}  // namespace
}  // namespace tenon::client
