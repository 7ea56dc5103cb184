#include <tenon/client/slots/partition_table.h>
#include <tenon/metadata/crc32.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string_view>
#include <utility>

namespace tenon::client {
namespace {

constexpr std::uint32_t kMinSectorBytes = 512;
constexpr std::uint32_t kMaxSectorBytes = 65536;
constexpr std::uint64_t kMinSectors = 6;  // an MBR, two headers, two tables, and something between

constexpr std::size_t kMbrDiskIdAt = 440;
constexpr std::size_t kMbrEntriesAt = 446;
constexpr std::size_t kMbrEntryBytes = 16;
constexpr std::size_t kMbrEntries = 4;
constexpr std::size_t kMbrMarkAt = 510;
constexpr std::uint8_t kProtectsGpt = 0xEE;
constexpr std::array<std::uint8_t, 3> kExtended = {0x05, 0x0F, 0x85};

constexpr std::string_view kGptSignature = "EFI PART";
constexpr std::size_t kMinHeaderBytes = 92;
constexpr std::size_t kGptEntryBytes = 128;  // Linux knows no other
constexpr std::uint32_t kMaxGptEntries = 1024;
constexpr std::size_t kGptNameAt = 56;
constexpr std::size_t kGptNameUnits = 36;

template <class Number>
Number get(ByteView bytes, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) number |= static_cast<Number>(Number{bytes[at + i]} << (8 * i));
  return number;
}

std::string hex(std::uint64_t number, int digits) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (int shift = 4 * (digits - 1); shift >= 0; shift -= 4) text += kDigits[(number >> shift) & 15];
  return text;
}

// The first three groups are little endian, the others are bytes in their order.
std::string guid(ByteView bytes) {
  std::string text = hex(get<std::uint32_t>(bytes, 0), 8) + "-" + hex(get<std::uint16_t>(bytes, 4), 4) + "-" +
                     hex(get<std::uint16_t>(bytes, 6), 4) + "-";
  for (std::size_t i = 8; i < 16; ++i) text += (i == 10 ? "-" : "") + hex(bytes[i], 2);
  return text;
}

void append_utf8(std::string& text, std::uint32_t point) {
  const auto tail = [&](int shift) { text += static_cast<char>(0x80 | ((point >> shift) & 0x3F)); };
  if (point < 0x80) {
    text += static_cast<char>(point);
  } else if (point < 0x800) {
    text += static_cast<char>(0xC0 | (point >> 6));
    tail(0);
  } else if (point < 0x10000) {
    text += static_cast<char>(0xE0 | (point >> 12));
    tail(6), tail(0);
  } else {
    text += static_cast<char>(0xF0 | (point >> 18));
    tail(12), tail(6), tail(0);
  }
}

// UTF-16, little endian, up to a zero. Half of a pair makes the whole name no text.
std::string label_of(ByteView entry) {
  std::string text;
  for (std::size_t i = 0; i < kGptNameUnits; ++i) {
    const auto unit = get<std::uint16_t>(entry, kGptNameAt + 2 * i);
    if (unit == 0) break;
    if (unit < 0xD800 || unit > 0xDFFF) {
      append_utf8(text, unit);
      continue;
    }
    if (unit > 0xDBFF || ++i == kGptNameUnits) return {};
    const auto low = get<std::uint16_t>(entry, kGptNameAt + 2 * i);
    if (low < 0xDC00 || low > 0xDFFF) return {};
    append_utf8(text, 0x10000u + ((unit - 0xD800u) << 10) + (low - 0xDC00u));
  }
  return text;
}

Error refusal(const std::string& message) {
  return Error{ErrorCode::kHw, message, "look at it with sgdisk --verify, and repair it before the next update"};
}

struct Disk {
  const DiskRead& read;
  std::uint64_t sectors;
  std::uint32_t sector_bytes;

  Result<Bytes> read_sector(std::uint64_t number) const {
    Bytes bytes(sector_bytes);
    TENON_TRY_VOID(read(number * sector_bytes, bytes));
    return bytes;
  }
};

// Gpt is one of the two copies: whole, or why it is not.
struct Gpt {
  std::string fault = {};
  std::uint64_t alternate = 0;  // the sector of the other copy's header
  std::uint64_t first_usable = 0;
  std::uint64_t last_usable = 0;
  Bytes entries = {};

  bool is_whole() const { return fault.empty(); }
  bool is_usable(std::uint64_t first, std::uint64_t count) const {
    return first <= last_usable && first + count > first_usable;
  }
  bool says_the_same_as(const Gpt& other) const {
    return first_usable == other.first_usable && last_usable == other.last_usable && entries == other.entries;
  }
};

// The CRC is of the header with the CRC's own place zero.
bool header_crc_fits(ByteView header) {
  constexpr std::size_t kCrcAt = 16;
  constexpr std::array<std::uint8_t, 4> kZeros = {};
  const std::uint32_t before = crc32(kZeros, crc32(header.first(kCrcAt)));
  return crc32(header.subspan(kCrcAt + kZeros.size()), before) == get<std::uint32_t>(header, kCrcAt);
}

Result<Gpt> read_gpt(const Disk& disk, std::uint64_t place) {
  const auto faulty = [](std::string_view fault) { return Gpt{.fault = std::string(fault)}; };
  TENON_TRY(const Bytes sector, disk.read_sector(place));
  if (as_text(ByteView(sector).first(kGptSignature.size())) != kGptSignature) return faulty("has no signature");
  const auto header_bytes = get<std::uint32_t>(sector, 12);
  if (header_bytes < kMinHeaderBytes || header_bytes > sector.size()) return faulty("has a header of an odd size");
  if (!header_crc_fits(ByteView(sector).first(header_bytes))) return faulty("has a header with a wrong CRC");
  if (get<std::uint64_t>(sector, 24) != place) return faulty("was made for another place");

  Gpt gpt{.alternate = get<std::uint64_t>(sector, 32),
          .first_usable = get<std::uint64_t>(sector, 40),
          .last_usable = get<std::uint64_t>(sector, 48)};
  const auto table = get<std::uint64_t>(sector, 72);
  const auto count = get<std::uint32_t>(sector, 80);
  if (get<std::uint32_t>(sector, 84) != kGptEntryBytes) return faulty("has entries of an odd size");
  if (count > kMaxGptEntries) return faulty("has more than 1024 entries");
  const std::uint64_t table_sectors = (count * kGptEntryBytes + disk.sector_bytes - 1) / disk.sector_bytes;
  if (gpt.last_usable >= disk.sectors) return faulty("is of a larger disk");
  if (table >= disk.sectors || table_sectors > disk.sectors - table) return faulty("has entries outside the disk");
  if (gpt.first_usable < 2 || gpt.is_usable(place, 1) || gpt.is_usable(gpt.alternate, 1) ||
      gpt.is_usable(table, table_sectors)) {
    return faulty("gives its own place to partitions");
  }
  gpt.entries.resize(count * kGptEntryBytes);
  TENON_TRY_VOID(disk.read(table * disk.sector_bytes, gpt.entries));
  if (crc32(gpt.entries) != get<std::uint32_t>(sector, 88)) return faulty("has entries with a wrong CRC");
  return gpt;
}

std::vector<TablePartition> partitions_of(const Gpt& gpt, std::uint32_t sector_bytes) {
  std::vector<TablePartition> partitions;
  const ByteView entries = gpt.entries;
  for (std::size_t at = 0; at < entries.size(); at += kGptEntryBytes) {
    const ByteView entry = entries.subspan(at, kGptEntryBytes);
    const ByteView type = entry.first(16);
    if (std::ranges::all_of(type, [](std::uint8_t byte) { return byte == 0; })) continue;
    const auto first = get<std::uint64_t>(entry, 32);
    const auto last = get<std::uint64_t>(entry, 40);
    if (first > last || first < gpt.first_usable || last > gpt.last_usable) continue;
    partitions.push_back({.number = static_cast<std::uint32_t>(at / kGptEntryBytes + 1),
                          .offset = first * sector_bytes,
                          .size = (last - first + 1) * sector_bytes,
                          .id = guid(entry.subspan(16, 16)),
                          .label = label_of(entry)});
  }
  return partitions;
}

Result<PartitionTable> choose_gpt(const Disk& disk) {
  TENON_TRY(const Gpt first, read_gpt(disk, 1));
  const std::uint64_t last_sector = disk.sectors - 1;
  const bool knows_second = first.is_whole() && first.alternate > 1 && first.alternate <= last_sector;
  TENON_TRY(const Gpt second, read_gpt(disk, knows_second ? first.alternate : last_sector));
  PartitionTable table;
  if (!first.is_whole()) {
    if (!second.is_whole()) {
      return refusal("neither GPT is whole: the first " + first.fault + ", the second " + second.fault);
    }
    table.remark = "its first GPT " + first.fault + ", so the second is believed";
  } else if (!second.is_whole()) {
    table.remark = "its second GPT " + second.fault + "; the first is whole";
  } else if (!second.says_the_same_as(first)) {
    table.remark = "its two GPTs differ, and the first is believed";
  }
  table.partitions = partitions_of(first.is_whole() ? first : second, disk.sector_bytes);
  return table;
}

PartitionTable mbr_table(ByteView mbr, const Disk& disk) {
  PartitionTable table;
  const auto disk_id = get<std::uint32_t>(mbr, kMbrDiskIdAt);
  for (std::size_t i = 0; i < kMbrEntries; ++i) {
    const ByteView entry = mbr.subspan(kMbrEntriesAt + i * kMbrEntryBytes, kMbrEntryBytes);
    const std::uint64_t first = get<std::uint32_t>(entry, 8);
    const std::uint64_t count = get<std::uint32_t>(entry, 12);
    const bool is_extended = std::ranges::find(kExtended, entry[4]) != kExtended.end();
    if (entry[4] == 0 || is_extended || first == 0 || count == 0 || first + count > disk.sectors) continue;
    table.partitions.push_back({.number = static_cast<std::uint32_t>(i + 1),
                                .offset = first * disk.sector_bytes,
                                .size = count * disk.sector_bytes,
                                .id = disk_id == 0 ? "" : hex(disk_id, 8) + "-" + hex(i + 1, 2)});
  }
  return table;
}

Result<void> check_apart(std::vector<TablePartition> partitions) {
  std::ranges::sort(partitions, {}, &TablePartition::offset);
  for (std::size_t i = 1; i < partitions.size(); ++i) {
    const TablePartition& before = partitions[i - 1];
    if (partitions[i].offset - before.offset >= before.size) continue;
    return refusal("partitions " + std::to_string(before.number) + " and " + std::to_string(partitions[i].number) +
                   " lie over each other");
  }
  return {};
}

}  // namespace

Result<PartitionTable> read_partition_table(const DiskRead& read, std::uint64_t disk_bytes,
                                            std::uint32_t sector_bytes) {
  if (!std::has_single_bit(sector_bytes) || sector_bytes < kMinSectorBytes || sector_bytes > kMaxSectorBytes) {
    return refusal("its sectors have " + std::to_string(sector_bytes) + " bytes");
  }
  const Disk disk{read, disk_bytes / sector_bytes, sector_bytes};
  if (disk.sectors < kMinSectors) return PartitionTable{};
  TENON_TRY(const Bytes mbr, disk.read_sector(0));
  if (mbr[kMbrMarkAt] != 0x55 || mbr[kMbrMarkAt + 1] != 0xAA) return PartitionTable{};
  bool is_gpt = false;
  for (std::size_t i = 0; i < kMbrEntries; ++i) is_gpt |= mbr[kMbrEntriesAt + i * kMbrEntryBytes + 4] == kProtectsGpt;
  PartitionTable table = mbr_table(mbr, disk);
  if (is_gpt) {
    TENON_TRY(table, choose_gpt(disk));
  }
  TENON_TRY_VOID(check_apart(table.partitions));
  return table;
}

}  // namespace tenon::client
