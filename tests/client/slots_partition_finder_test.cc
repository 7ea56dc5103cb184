// A slot that is known by its partition's name: found without udev, never the wrong one, and with all the refusals that a path
// has. Disks are files beside a made-up /sys; the last tests have real ones, where this machine allows loop devices.
#include <tenon/client/slots/file_slots.h>
#include <tenon/client/slots/partition_finder.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scratch_folder.h>
#include <unistd.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::string_view kIdB = "11111111-2222-3333-4444-55555555bbbb";

std::string run(const std::string& command, bool may_fail = false) {
  std::string output;
  std::FILE* pipe = ::popen(("PATH=$PATH:/usr/sbin:/sbin; " + command + " 2>&1").c_str(), "r");
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) output += static_cast<char>(c);
  const int status = ::pclose(pipe);
  EXPECT_TRUE(status == 0 || may_fail) << command << ": " << output;
  while (output.ends_with('\n')) output.pop_back();
  return status == 0 ? output : "";
}

void make_gpt(const fs::path& disk, const std::string& partitions) {
  run("printf 'label: gpt\n" + partitions + "' | sfdisk --wipe never " + disk.string());
}

PartitionName name_of(const std::string& place) {
  const auto name = PartitionName::parse(place);
  EXPECT_TRUE(name && *name) << place;
  return **name;
}

class PartitionFinderTest : public testing::Test {
 protected:
  fs::path sys() const { return scratch_.make_folder("sys"); }
  fs::path dev() const { return scratch_.make_folder("dev"); }
  PartitionFinder finder() const { return PartitionFinder(sys(), dev()); }

  static void put(const fs::path& file, const std::string& content) {
    fs::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary | std::ios::trunc) << content;
  }

  // A disk that the kernel knows, with partitions 1 and 3.
  fs::path add_disk(const std::string& name, const std::string& infix, const std::string& label_1,
                    const std::string& label_3, int minor) const {
    const fs::path disk = dev() / name;
    std::ofstream(disk).close();
    fs::resize_file(disk, 8 * kMiB);
    make_gpt(disk, "1 : start=2048, size=2048, name=" + label_1 + "\n3 : start=4096, size=4096, name=" + label_3 +
                       (label_3 == "rootfs-b" ? ", uuid=" + std::string(kIdB) : "") + "\n");
    put(sys() / name / "size", std::to_string(8 * kMiB / 512) + "\n");
    put(sys() / name / "queue/logical_block_size", "512\n");
    put(sys() / name / "dev", "8:" + std::to_string(minor) + "\n");
    add_partition(name, name + infix + "1", 1, 2048, 2048, minor + 1);
    add_partition(name, name + infix + "3", 3, 4096, 4096, minor + 3);
    return disk;
  }
  void add_partition(const std::string& disk, const std::string& name, int number, int start, int size,
                     int minor) const {
    // In the kernel both are links to the same folder.
    for (const fs::path& folder : {sys() / disk / name, sys() / name}) {
      put(folder / "partition", std::to_string(number) + "\n");
      put(folder / "start", std::to_string(start) + "\n");
      put(folder / "size", std::to_string(size) + "\n");
      put(folder / "dev", "8:" + std::to_string(minor) + "\n");
    }
  }
  fs::path add_usual_disk() const { return add_disk("mmcblk0", "p", "rootfs-a", "rootfs-b", 0); }
  void expect_refusal(const std::string& place, const std::vector<std::string>& said) const {
    const auto found = finder().find(name_of(place));
    ASSERT_FALSE(found) << place;
    EXPECT_EQ(found.error().code, ErrorCode::kHw);
    EXPECT_NE(found.error().hint, "");
    for (const std::string& part : said) {
      EXPECT_NE(found.error().message.find(part), std::string::npos) << found.error().message << "\nlacks " << part;
    }
  }

  tests::ScratchFolder scratch_;
  tests::RecordingReporter reporter_;
};

TEST_F(PartitionFinderTest, FindsTheDeviceByLabelAndById) {
  add_usual_disk();
  add_disk("sda", "", "data", "other", 16);
  for (const std::string& place : {std::string("PARTLABEL=rootfs-b"), "PARTUUID=" + std::string(kIdB)}) {
    const auto found = finder().find(name_of(place));
    ASSERT_TRUE(found) << found.error().message;
    EXPECT_EQ(found->node, dev() / "mmcblk0p3");
    EXPECT_EQ(found->device_major, 8u);
    EXPECT_EQ(found->device_minor, 3u);
    EXPECT_EQ(found->remark, "");
  }
  EXPECT_EQ(finder().find(name_of("PARTLABEL=data"))->node, dev() / "sda1");
}

TEST_F(PartitionFinderTest, FindsDevicesInFoldersOfDev) {
  fs::create_directories(dev() / "cciss");
  add_disk("c0d0", "p", "rootfs-a", "rootfs-b", 0);
  fs::rename(dev() / "c0d0", dev() / "cciss/c0d0");
  fs::rename(sys() / "c0d0", sys() / "cciss!c0d0");
  fs::rename(sys() / "cciss!c0d0/c0d0p3", sys() / "cciss!c0d0/cciss!c0d0p3");
  const auto found = finder().find(name_of("PARTLABEL=rootfs-b"));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->node, dev() / "cciss/c0d0p3");
}

// Book: DEV-62
TEST_F(PartitionFinderTest, RefusesANameThatTwoPartitionsHaveAndNamesBoth) {
  add_usual_disk();
  const fs::path stick = add_disk("sdb", "", "rootfs-b", "other", 16);
  expect_refusal("PARTLABEL=rootfs-b",
                 {"partition 3 of " + (dev() / "mmcblk0").string(), "partition 1 of " + stick.string()});
  EXPECT_TRUE(finder().find(name_of("PARTUUID=" + std::string(kIdB))));
  add_disk("sdc", "", "x", "x", 32);
  expect_refusal("PARTLABEL=x", {"partition 1 of " + (dev() / "sdc").string(), "partition 3 of "});
}

TEST_F(PartitionFinderTest, SaysWhatThereIsWhenThereIsNoSuchPartition) {
  expect_refusal("PARTLABEL=rootfs-b", {"no disk has partitions"});
  add_usual_disk();
  put(dev() / "sda", std::string(8 * kMiB, '\0'));
  expect_refusal("PARTLABEL=rootfs-c",
                 {"PARTLABEL=rootfs-c", "mmcblk0 1 \"rootfs-a\"", "mmcblk0 3 \"rootfs-b\" " + std::string(kIdB)});
  // Disks that cannot be used are told as well, and keep nobody from the others.
  add_disk("sda", "", "data", "other", 16);
  fs::remove(dev() / "sda");
  add_disk("sdb", "", "more", "other", 32);
  fs::resize_file(dev() / "sdb", kMiB / 2);
  expect_refusal("PARTLABEL=rootfs-c", {"rootfs-b", "sda: No such file", "sdb: it ends too early"});
  EXPECT_TRUE(finder().find(name_of("PARTLABEL=rootfs-b")));
}

// Book: DEV-62
TEST_F(PartitionFinderTest, RefusesAPartitionThatTheKernelHasElsewhere) {
  add_usual_disk();
  for (const auto& [start, size] : {std::pair{4097, 4096}, std::pair{4096, 4097}, std::pair{2048, 2048}}) {
    add_partition("mmcblk0", "mmcblk0p3", 3, start, size, 3);
    expect_refusal("PARTLABEL=rootfs-b", {"partition 3 of " + (dev() / "mmcblk0").string(), "in another place"});
  }
  fs::remove(sys() / "mmcblk0/mmcblk0p3/size");
  expect_refusal("PARTLABEL=rootfs-b", {"in another place"});
}

// Crash point 35: the kernel of a device with a torn first GPT has no partitions, unless it was told to look for the second.
TEST_F(PartitionFinderTest, SaysThatTheFirstTableIsTornAndTakesTheSecondWhereTheKernelDoes) {
  const fs::path disk = add_usual_disk();
  run("dd if=/dev/zero of=" + disk.string() + " bs=512 seek=1 count=1 conv=notrunc");
  const std::string remark = disk.string() + ": its first GPT has no signature, so the second is believed";
  const auto found = finder().find(name_of("PARTLABEL=rootfs-b"));
  ASSERT_TRUE(found) << found.error().message;
  EXPECT_EQ(found->node, dev() / "mmcblk0p3");
  EXPECT_EQ(found->remark, remark);
  fs::remove_all(sys() / "mmcblk0/mmcblk0p3");
  expect_refusal("PARTLABEL=rootfs-b", {"the kernel does not know partition 3", remark});
}

// Book: DEV-62
TEST_F(PartitionFinderTest, GivesNoSlotWhoseDeviceIsNotTheKernels) {
  add_usual_disk();
  put(dev() / "mmcblk0p1", std::string(kMiB, 'a'));
  put(dev() / "mmcblk0p3", std::string(2 * kMiB, 'b'));
  put(scratch_.path() / "mountinfo", "37 35 0:1 / / ro - tmpfs tmpfs ro\n");
  FileSlots slots(
      {{SlotGroup::kA, {{"rootfs", "PARTLABEL=rootfs-a"}}}, {SlotGroup::kB, {{"rootfs", "PARTLABEL=rootfs-b"}}}},
      reporter_, scratch_.path() / "mountinfo", finder());
  for (const auto& slot : {slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA).error(),
                           slots.open_for_reading(SlotGroup::kB, "rootfs").error()}) {
    EXPECT_EQ(slot.code, ErrorCode::kHw);
    EXPECT_NE(slot.message.find("slot B rootfs (PARTLABEL=rootfs-b, " + (dev() / "mmcblk0p3").string() + ")"),
              std::string::npos)
        << slot.message;
  }
}

// LoopDisk is a file that the kernel has as a disk with partitions, which takes root.
class LoopDisk {
 public:
  LoopDisk(const fs::path& file, const std::string& partitions, int sector_bytes = 512) {
    std::ofstream(file).close();
    fs::resize_file(file, 16 * kMiB);
    node_ = run("losetup --find --show --sector-size " + std::to_string(sector_bytes) + " " + file.string(), true);
    if (node_.empty()) return;
    make_gpt(node_, partitions);
    // What the kernel does by itself where it is built to know GPTs.
    run("partx --update " + node_, true);
  }
  ~LoopDisk() {
    if (!node_.empty()) run("partx --delete " + node_ + "; losetup --detach " + node_, true);
  }
  LoopDisk(const LoopDisk&) = delete;

  const std::string& node() const { return node_; }
  bool has_partitions() const { return fs::exists(node_ + "p2"); }

 private:
  std::string node_;
};

class RealPartitionTest : public PartitionFinderTest {
 protected:
  std::string label(const std::string& group) const { return "tenon-" + std::to_string(::getpid()) + "-" + group; }
  std::string layout() const {
    return "size=2MiB, name=" + label("a") + "\nsize=3MiB, name=" + label("b") + "\nsize=1MiB, name=" + label("c") +
           "\n";
  }
  FileSlots slots() {
    return FileSlots({{SlotGroup::kA, {{"rootfs", "PARTLABEL=" + label("a")}}},
                      {SlotGroup::kB, {{"rootfs", "PARTLABEL=" + label("b")}}}},
                     reporter_);
  }
};

TEST_F(RealPartitionTest, IsWrittenToItsEndAndNotBeyond) {
  for (const int sector_bytes : {512, 4096}) {
    const LoopDisk disk(scratch_.path() / "disk.img", layout(), sector_bytes);
    if (!disk.has_partitions()) GTEST_SKIP() << "loop devices with partitions need root";
    FileSlots slots = this->slots();
    auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
    ASSERT_TRUE(slot) << slot.error().message;
    EXPECT_EQ((*slot)->size(), 3 * kMiB);
    const Bytes content(3 * kMiB, 0xAB);
    ASSERT_TRUE((*slot)->write_at(0, content));
    EXPECT_FALSE((*slot)->write_at(1, content));
    EXPECT_FALSE((*slot)->write_at(3 * kMiB, ByteView(content).first(1)));
    ASSERT_TRUE((*slot)->flush());
    slot->reset();
    // All of it is there, and nothing of it elsewhere.
    EXPECT_EQ(run("tr -dc '\\253' <" + disk.node() + "p2 | wc -c"), std::to_string(3 * kMiB));
    EXPECT_EQ(run("tr -dc '\\253' <" + disk.node() + "p1 | wc -c"), "0");
    EXPECT_EQ(run("tr -dc '\\253' <" + disk.node() + "p3 | wc -c"), "0");
    EXPECT_NE(run("sfdisk --verify " + disk.node()).find("No errors detected"), std::string::npos);
  }
}

// Book: DEV-62 DEV-63
TEST_F(RealPartitionTest, IsRefusedWhenItIsTheRunningOneMountedOrTwice) {
  const LoopDisk disk(scratch_.path() / "disk.img", layout());
  if (!disk.has_partitions()) GTEST_SKIP() << "loop devices with partitions need root";
  const auto expect_policy = [](FileSlots slots, SlotGroup group, SlotGroup running) {
    const auto slot = slots.open_for_writing(group, "rootfs", running);
    ASSERT_FALSE(slot);
    EXPECT_EQ(slot.error().code, ErrorCode::kPolicy) << slot.error().message;
  };
  expect_policy(slots(), SlotGroup::kB, SlotGroup::kB);
  // One by its name, the other by its path.
  expect_policy(FileSlots({{SlotGroup::kA, {{"rootfs", disk.node() + "p2"}}},
                           {SlotGroup::kB, {{"rootfs", "PARTLABEL=" + label("b")}}}},
                          reporter_),
                SlotGroup::kB, SlotGroup::kA);
  struct stat status = {};
  ASSERT_EQ(::stat((disk.node() + "p2").c_str(), &status), 0);
  put(scratch_.path() / "mountinfo", "37 35 " + std::to_string(major(status.st_rdev)) + ":" +
                                         std::to_string(minor(status.st_rdev)) + " / /mnt rw - ext4 x rw\n");
  expect_policy(FileSlots({{SlotGroup::kA, {{"rootfs", "PARTLABEL=" + label("a")}}},
                           {SlotGroup::kB, {{"rootfs", "PARTLABEL=" + label("b")}}}},
                          reporter_, scratch_.path() / "mountinfo"),
                SlotGroup::kB, SlotGroup::kA);
  const int holder = ::open((disk.node() + "p2").c_str(), O_RDONLY | O_EXCL | O_CLOEXEC);
  ASSERT_GE(holder, 0);
  expect_policy(slots(), SlotGroup::kB, SlotGroup::kA);
  ::close(holder);
  FileSlots free = slots();
  EXPECT_TRUE(free.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA));
}

// A copy of the whole disk on a stick.
// Book: DEV-62
TEST_F(RealPartitionTest, IsRefusedWhileACopyOfItsDiskIsThere) {
  const LoopDisk disk(scratch_.path() / "disk.img", layout());
  if (!disk.has_partitions()) GTEST_SKIP() << "loop devices with partitions need root";
  FileSlots slots = this->slots();
  {
    const LoopDisk copy(scratch_.path() / "copy.img", layout());
    const auto slot = slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
    ASSERT_FALSE(slot);
    EXPECT_EQ(slot.error().code, ErrorCode::kHw);
    EXPECT_NE(slot.error().message.find(copy.node()), std::string::npos) << slot.error().message;
    EXPECT_NE(slot.error().message.find(disk.node()), std::string::npos) << slot.error().message;
  }
  EXPECT_TRUE(slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA));
}

TEST_F(RealPartitionTest, WarnsOnceOfAHalfDamagedTable) {
  const LoopDisk disk(scratch_.path() / "disk.img", layout());
  if (!disk.has_partitions()) GTEST_SKIP() << "loop devices with partitions need root";
  run("dd if=/dev/zero of=" + disk.node() + " bs=512 seek=1 count=1 conv=notrunc,fsync");
  FileSlots slots = this->slots();
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(slots.open_for_reading(SlotGroup::kB, "rootfs"));
  EXPECT_EQ(reporter_.warnings,
            std::vector<std::string>{disk.node() + ": its first GPT has no signature, so the second is believed"});
}

}  // namespace
}  // namespace tenon::client
