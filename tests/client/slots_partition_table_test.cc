// Partition tables as sgdisk, fdisk and sfdisk make them, damaged, and made to harm.
#include <tenon/client/slots/partition_name.h>
#include <tenon/client/slots/partition_table.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/support/scratch_folder.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kSector = 512;
constexpr std::uint64_t kMiB = 1 << 20;
constexpr std::size_t kEntryBytes = 128;

std::uint32_t crc32(ByteView bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

std::uint64_t number_at(const Bytes& disk, std::size_t at, std::size_t length) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < length; ++i) number |= std::uint64_t{disk[at + i]} << (8 * i);
  return number;
}

void put(Bytes& disk, std::size_t at, std::size_t length, std::uint64_t number) {
  for (std::size_t i = 0; i < length; ++i) disk[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
}

enum class Copy { kFirst, kSecond };

std::size_t header_of(const Bytes& disk, Copy copy) {
  return copy == Copy::kFirst ? kSector : disk.size() - kSector;
}
std::size_t entries_of(const Bytes& disk, Copy copy) {
  return number_at(disk, header_of(disk, copy) + 72, 8) * kSector;
}

// Makes both checksums right again.
void fit(Bytes& disk, Copy copy) {
  const std::size_t header = header_of(disk, copy);
  const std::size_t bytes = number_at(disk, header + 80, 4) * kEntryBytes;
  if (entries_of(disk, copy) + bytes <= disk.size()) {
    put(disk, header + 88, 4, crc32(ByteView(disk).subspan(entries_of(disk, copy), bytes)));
  }
  put(disk, header + 16, 4, 0);
  put(disk, header + 16, 4, crc32(ByteView(disk).subspan(header, number_at(disk, header + 12, 4))));
}

class PartitionTableTest : public testing::Test {
 protected:
  // A real tool makes the disk; input is what is typed into it.
  Bytes made_by(const std::string& tool, const std::string& input = "", std::uint64_t mib = 8) const {
    const fs::path file = scratch_.path() / "disk.img";
    std::ofstream(file, std::ios::trunc).close();
    fs::resize_file(file, mib * kMiB);
    std::ofstream(scratch_.path() / "input") << input;
    const std::string command = "PATH=$PATH:/usr/sbin:/sbin " + tool + " " + file.string() + " <" +
                                (scratch_.path() / "input").string() + " >" + (scratch_.path() / "said").string() +
                                " 2>&1";
    EXPECT_EQ(std::system(command.c_str()), 0) << command;
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  Bytes two_slots() const {
    return made_by("sfdisk",
                   "label: gpt\nfirst-lba: 34\n"
                   "1 : start=2048, size=2048, name=rootfs-a, uuid=11111111-2222-3333-4444-55555555AAAA\n"
                   "3 : start=4096, size=4096, name=rootfs-b, uuid=11111111-2222-3333-4444-55555555BBBB\n");
  }

  tests::ScratchFolder scratch_;
};

Result<PartitionTable> read(const Bytes& disk, std::uint32_t sector_bytes = kSector) {
  const auto read_at = [&](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    EXPECT_LE(offset + into.size(), disk.size()) << "read outside the disk";
    if (offset + into.size() > disk.size()) return Error{ErrorCode::kStorage, "outside"};
    std::ranges::copy(ByteView(disk).subspan(offset, into.size()), into.begin());
    return {};
  };
  return read_partition_table(read_at, disk.size(), sector_bytes);
}

const std::vector<TablePartition> kTwoSlots = {
    {1, 1 * kMiB, 1 * kMiB, "11111111-2222-3333-4444-55555555aaaa", "rootfs-a"},
    {3, 2 * kMiB, 2 * kMiB, "11111111-2222-3333-4444-55555555bbbb", "rootfs-b"}};

void expect_two_slots(const Bytes& disk, const std::string& remark) {
  const auto table = read(disk);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->partitions, kTwoSlots);
  EXPECT_EQ(table->remark, remark);
}

void expect_refusal(const Bytes& disk, const std::string& named) {
  const auto table = read(disk);
  ASSERT_FALSE(table) << named;
  EXPECT_EQ(table.error().code, ErrorCode::kHw);
  EXPECT_NE(table.error().message.find(named), std::string::npos) << table.error().message;
  EXPECT_NE(table.error().hint, "");
}

TEST_F(PartitionTableTest, IsReadAsSfdiskAndSgdiskMakeIt) {
  expect_two_slots(two_slots(), "");
  expect_two_slots(made_by("sgdisk -n1:2048:+1M -c1:rootfs-a -u1:11111111-2222-3333-4444-55555555AAAA -n3:4096:+2M "
                           "-c3:rootfs-b -u3:11111111-2222-3333-4444-55555555BBBB"),
                   "");
}

// Book: DEV-61
TEST_F(PartitionTableTest, IsReadOnADiskWithSectorsOf4096Bytes) {
  const Bytes disk =
      made_by("fdisk -b 4096", "g\nn\n1\n256\n+1M\nn\n4\n768\n+1M\nx\nn\n1\nrootfs-a\nn\n4\nrootfs-b\nr\nw\n");
  const auto table = read(disk, 4096);
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_EQ(table->partitions.size(), 2u);
  EXPECT_EQ(table->remark, "");
  EXPECT_EQ(table->partitions[1].number, 4u);
  EXPECT_EQ(table->partitions[1].label, "rootfs-b");
  EXPECT_EQ(table->partitions[1].offset, 3 * kMiB);
  EXPECT_EQ(table->partitions[1].size, kMiB);
  // The same disk seen with other sectors has no table that is whole.
  EXPECT_FALSE(read(disk, 512));
}

TEST_F(PartitionTableTest, OfAnMbrHasIdsAsLinuxSpellsThem) {
  const Bytes disk = made_by("sfdisk",
                             "label: dos\nlabel-id: 0x1234abcd\nstart=2048, size=2048, type=83\n"
                             "start=4096, size=4096, type=5\nstart=8192, size=2048, type=83\n");
  const auto table = read(disk);
  ASSERT_TRUE(table) << table.error().message;
  EXPECT_EQ(table->partitions, (std::vector<TablePartition>{{1, 1 * kMiB, 1 * kMiB, "1234abcd-01", ""},
                                                            {3, 4 * kMiB, 1 * kMiB, "1234abcd-03", ""}}));
}

TEST_F(PartitionTableTest, IsEmptyOnADiskWithout) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{511}, 5 * kSector, 64 * kSector}) {
    const auto table = read(Bytes(size));
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_TRUE(table->partitions.empty());
  }
  EXPECT_FALSE(read(Bytes(8192), 0));
  EXPECT_FALSE(read(Bytes(8192), 513));
}

// Crash point 35 of design/installing.md: a reset while one GPT is written leaves any part of it.
TEST_F(PartitionTableTest, IsThatOfTheWholeCopyWhenOneIsTornAnywhereAndItIsSaid) {
  const Bytes whole = two_slots();
  for (const Copy copy : {Copy::kFirst, Copy::kSecond}) {
    const std::size_t header = header_of(whole, copy);
    const std::size_t entries = entries_of(whole, copy);
    for (const std::size_t at :
         {header, header + 12, header + 16, header + 24, header + 40, header + 72, header + 91, entries, entries + 56,
          entries + 2 * kEntryBytes + 32, entries + 128 * kEntryBytes - 1}) {
      Bytes torn = whole;
      torn[at] ^= 1;
      const auto table = read(torn);
      ASSERT_TRUE(table) << table.error().message << " at " << at;
      EXPECT_EQ(table->partitions, kTwoSlots) << at;
      const std::string_view said = copy == Copy::kFirst ? "so the second is believed" : "; the first is whole";
      EXPECT_NE(table->remark.find(said), std::string::npos) << table->remark << " at " << at;
    }
    Bytes gone = whole;
    std::fill_n(gone.begin() + static_cast<std::ptrdiff_t>(header), kSector, 0);
    expect_two_slots(gone, copy == Copy::kFirst ? "its first GPT has no signature, so the second is believed"
                                                : "its second GPT has no signature; the first is whole");
  }
}

TEST_F(PartitionTableTest, IsNoneWhenNeitherCopyIsWhole) {
  Bytes disk = two_slots();
  disk[header_of(disk, Copy::kFirst)] ^= 1;
  disk[entries_of(disk, Copy::kSecond)] ^= 1;
  expect_refusal(disk, "neither GPT is whole: the first has no signature, the second has entries with a wrong CRC");
}

// The reset came between the two: both are whole, and Linux believes the first.
TEST_F(PartitionTableTest, IsTheFirstWhenBothAreWholeAndDiffer) {
  Bytes disk = two_slots();
  put(disk, entries_of(disk, Copy::kSecond) + 56, 2, 'x');
  fit(disk, Copy::kSecond);
  expect_two_slots(disk, "its two GPTs differ, and the first is believed");
}

// Book: DEV-60
TEST_F(PartitionTableTest, GivesNoPartitionThatIsNotWhollyInside) {
  const Bytes whole = two_slots();
  const std::size_t first = 32, last = 40;
  for (const auto& [at, number] : std::vector<std::pair<std::size_t, std::uint64_t>>{{last, whole.size() / kSector},
                                                                                     {last, 2047},
                                                                                     {last, ~std::uint64_t{0}},
                                                                                     {first, 33},
                                                                                     {first, 0},
                                                                                     {first, ~std::uint64_t{0}}}) {
    Bytes disk = whole;
    for (const Copy copy : {Copy::kFirst, Copy::kSecond}) {
      put(disk, entries_of(disk, copy) + at, 8, number);
      fit(disk, copy);
    }
    const auto table = read(disk);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->partitions, std::vector<TablePartition>{kTwoSlots[1]}) << at << " " << number;
  }
}

TEST_F(PartitionTableTest, IsRefusedWithPartitionsOverEachOther) {
  Bytes disk = two_slots();
  for (const Copy copy : {Copy::kFirst, Copy::kSecond}) {
    put(disk, entries_of(disk, copy) + 40, 8, 4096);  // the last sector of 1 is the first of 3
    fit(disk, copy);
  }
  expect_refusal(disk, "partitions 1 and 3 lie over each other");
}

// A header that says what cannot be, with checksums that fit.
TEST_F(PartitionTableTest, IsNotBelievedWhenItsHeaderIsMadeToHarm) {
  const Bytes whole = two_slots();
  const std::uint64_t sectors = whole.size() / kSector;
  struct Lie {
    std::size_t at, length;
    std::uint64_t number;
    std::string said;
  };
  for (const Lie& lie :
       {Lie{12, 4, 91, "odd size"}, Lie{24, 8, 2, "another place"}, Lie{40, 8, 0, "its own place"},
        Lie{40, 8, 1, "its own place"}, Lie{40, 8, 33, "its own place"}, Lie{48, 8, sectors - 1, "its own place"},
        Lie{48, 8, sectors, "larger disk"}, Lie{48, 8, ~std::uint64_t{0}, "larger disk"},
        Lie{72, 8, sectors, "outside"}, Lie{72, 8, ~std::uint64_t{0}, "outside"},
        Lie{72, 8, std::uint64_t{1} << 55, "outside"}, Lie{72, 8, 4096, "its own place"},
        Lie{80, 4, 1025, "more than 1024"}, Lie{80, 4, 0xFFFFFFFF, "more than 1024"},
        Lie{84, 4, 0, "entries of an odd size"}, Lie{84, 4, 4096, "entries of an odd size"}}) {
    Bytes disk = whole;
    put(disk, header_of(disk, Copy::kFirst) + lie.at, lie.length, lie.number);
    put(disk, kSector + 16, 4, 0);
    put(disk, kSector + 16, 4, crc32(ByteView(disk).subspan(kSector, number_at(disk, kSector + 12, 4))));
    const auto table = read(disk);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->partitions, kTwoSlots) << lie.at;
    EXPECT_NE(table->remark.find(lie.said), std::string::npos) << lie.at << ": " << table->remark;
  }
  Bytes disk = whole;
  put(disk, kSector + 12, 4, 0xFFFFFFFF);
  EXPECT_NE(read(disk)->remark.find("odd size"), std::string::npos);
}

// The disk has grown since: the second copy is where the first says.
TEST_F(PartitionTableTest, IsReadOnADiskThatHasGrown) {
  Bytes disk = two_slots();
  disk.resize(disk.size() + kMiB);
  expect_two_slots(disk, "");
  disk[kSector] = 0;
  expect_refusal(disk, "neither GPT is whole");
}

// A disk with an MBR of its own, and an old GPT behind it: Linux takes the MBR.
TEST_F(PartitionTableTest, IsTheMbrWhereNoEntryProtectsAGpt) {
  Bytes disk = two_slots();
  put(disk, 446 + 4, 1, 0x83);
  const auto table = read(disk);
  ASSERT_TRUE(table) << table.error().message;
  ASSERT_EQ(table->partitions.size(), 1u);
  EXPECT_EQ(table->partitions[0].label, "");
}

TEST_F(PartitionTableTest, HasLabelsInUtf8AndNoneForWhatIsNoText) {
  const Bytes whole = two_slots();
  struct Name {
    std::vector<std::uint16_t> units;
    std::string label;
  };
  const std::vector<std::uint16_t> longest(36, 'x');
  for (const Name& name : {Name{{0xE9, 0x20AC, 0xD83D, 0xDE00, 0}, "\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80"},
                           Name{longest, std::string(36, 'x')}, Name{{'a', 0xD800, 'b', 0}, ""},
                           Name{{'a', 0xDC00, 0}, ""}, Name{{0xD800, 0xD800, 0}, ""}, Name{{0}, ""}}) {
    Bytes disk = whole;
    for (std::size_t i = 0; i < name.units.size(); ++i) {
      for (const Copy copy : {Copy::kFirst, Copy::kSecond})
        put(disk, entries_of(disk, copy) + 56 + 2 * i, 2, name.units[i]);
    }
    for (const Copy copy : {Copy::kFirst, Copy::kSecond}) fit(disk, copy);
    const auto table = read(disk);
    ASSERT_TRUE(table) << table.error().message;
    EXPECT_EQ(table->partitions[0].label, name.label);
  }
  std::vector<std::uint16_t> half(36, 'x');
  half.back() = 0xD800;
  Bytes disk = whole;
  for (std::size_t i = 0; i < half.size(); ++i) put(disk, entries_of(disk, Copy::kFirst) + 56 + 2 * i, 2, half[i]);
  fit(disk, Copy::kFirst);
  EXPECT_EQ(read(disk)->partitions[0].label, "");
}

TEST_F(PartitionTableTest, GivesTheErrorOfADiskThatCannotBeRead) {
  const auto failing = [](std::uint64_t, std::span<std::uint8_t>) -> Result<void> {
    return Error{ErrorCode::kStorage, "Input/output error"};
  };
  const auto table = read_partition_table(failing, kMiB, kSector);
  ASSERT_FALSE(table);
  EXPECT_EQ(table.error().message, "Input/output error");
}

TEST(PartitionName, IsAPathUnlessItSaysWhatItIs) {
  for (const char* place : {"/dev/sda3", "slot.img", "/PARTLABEL=x", "partlabel=x", "LABEL=x", "UUID=x", "PARTLABEL"}) {
    const auto name = PartitionName::parse(place);
    ASSERT_TRUE(name) << place;
    EXPECT_FALSE(*name) << place;
  }
}

TEST(PartitionName, IsOfThePartitionWithThatLabelOrId) {
  const TablePartition& b = kTwoSlots[1];
  for (const char* place : {"PARTLABEL=rootfs-b", "PARTUUID=11111111-2222-3333-4444-55555555bbbb",
                            "PARTUUID=11111111-2222-3333-4444-55555555BBBB"}) {
    const auto name = PartitionName::parse(place);
    ASSERT_TRUE(name && *name) << place;
    EXPECT_TRUE((*name)->is_of(b)) << place;
    EXPECT_FALSE((*name)->is_of(kTwoSlots[0])) << place;
    EXPECT_EQ((*name)->text(), place);
  }
  EXPECT_FALSE((*PartitionName::parse("PARTLABEL=ROOTFS-B"))->is_of(b));
  // A label that looks like an id is none.
  EXPECT_FALSE((*PartitionName::parse("PARTLABEL=11111111-2222-3333-4444-55555555bbbb"))->is_of(b));
  EXPECT_TRUE((*PartitionName::parse("PARTUUID=1234ABCD-01"))->is_of({.number = 1, .id = "1234abcd-01"}));
}

TEST(PartitionName, IsRefusedWhenNoPartitionCanHaveIt) {
  for (const std::string& place :
       {std::string("PARTLABEL="), "PARTLABEL=" + std::string(109, 'x'), std::string("PARTLABEL=a\xff"),
        std::string("PARTLABEL=a\nb"), std::string("PARTUUID="), std::string("PARTUUID=rootfs-b"),
        std::string("PARTUUID=11111111-2222-3333-4444-55555555bbb"), std::string("PARTUUID=1234abcd-1"),
        std::string("PARTUUID=11111111-2222-3333-4444-55555555bbbb/PARTNROFF=1"),
        std::string("PARTUUID=\"1234abcd-01\"")}) {
    const auto name = PartitionName::parse(place);
    ASSERT_FALSE(name) << place;
    EXPECT_EQ(name.error().code, ErrorCode::kUsage);
    EXPECT_NE(name.error().hint, "");
  }
}

}  // namespace
}  // namespace tenon::client
