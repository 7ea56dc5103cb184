// Partition tables: whatever is on a disk, nothing outside it is read, and each partition that comes out lies inside the
// disk, behind its first sector, and over no other.
//
// Input: a byte for the sector size, whether CRCs are made to fit and which of the two GPTs is zeroed; one for how many
// sectors the disk is longer than the rest of the input, which is its beginning. The second GPT's header is the last sector
// of the input, at the end of the disk.
#include <tenon/client/slots/partition_table.h>
#include <tenon/metadata/check.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

using tenon::Bytes;
using tenon::ErrorCode;
using tenon::Result;
using tenon::client::PartitionTable;
using tenon::client::TablePartition;

namespace {

constexpr std::size_t kMostRead = 512 << 10;

std::uint32_t crc32(std::span<const std::uint8_t> bytes) {
  std::uint32_t crc = 0xFFFFFFFF;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xEDB88320 : 0);
  }
  return ~crc;
}

std::uint64_t get(const Bytes& disk, std::size_t at, std::size_t length) {
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < length; ++i) number |= std::uint64_t{disk[at + i]} << (8 * i);
  return number;
}

void put32(Bytes& disk, std::size_t at, std::uint32_t number) {
  for (std::size_t i = 0; i < 4; ++i) disk[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
}

// Lets what is behind the checksums be reached too.
void fit_crcs(Bytes& disk, std::size_t header, std::size_t sector_bytes) {
  const std::uint64_t entries = get(disk, header + 72, 8);
  const std::uint64_t bytes = get(disk, header + 80, 4) * 128;
  if (entries <= disk.size() / sector_bytes && bytes <= disk.size() - entries * sector_bytes) {
    put32(disk, header + 88, crc32(std::span(disk).subspan(entries * sector_bytes, bytes)));
  }
  const std::uint64_t header_bytes = std::min<std::uint64_t>(get(disk, header + 12, 4), sector_bytes);
  put32(disk, header + 16, 0);
  put32(disk, header + 16, crc32(std::span(disk).subspan(header, header_bytes)));
}

void check(const PartitionTable& table, std::size_t disk_bytes, std::size_t sector_bytes) {
  std::uint32_t number = 0;
  for (const TablePartition& partition : table.partitions) {
    TENON_CHECK(partition.number > number && partition.number <= 1024);
    number = partition.number;
    TENON_CHECK(partition.size > 0 && partition.size % sector_bytes == 0 && partition.offset % sector_bytes == 0);
    TENON_CHECK(partition.offset <= disk_bytes && partition.size <= disk_bytes - partition.offset);
    TENON_CHECK(tenon::is_utf8(partition.label) && partition.label.find('\0') == std::string::npos);
    TENON_CHECK(partition.id.empty() || partition.id.size() == 36 || partition.id.size() == 11);
    for (const TablePartition& other : table.partitions) {
      if (&other == &partition) continue;
      TENON_CHECK(other.offset >= partition.offset + partition.size || partition.offset >= other.offset + other.size);
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 3) return 0;
  const std::size_t sector_bytes = (data[0] & 1) != 0 ? 4096 : 512;
  Bytes disk(data + 2, data + size);
  disk.resize(((disk.size() + sector_bytes - 1) / sector_bytes + data[1]) * sector_bytes);
  const std::size_t last = disk.size() - sector_bytes;
  if (size > 2 + sector_bytes)
    std::copy(data + size - sector_bytes, data + size, disk.begin() + static_cast<std::ptrdiff_t>(last));
  if (disk.size() > 2 * sector_bytes && (data[0] & 2) != 0) {
    fit_crcs(disk, sector_bytes, sector_bytes);
    fit_crcs(disk, last, sector_bytes);
  }
  if (disk.size() > 2 * sector_bytes && (data[0] & 4) != 0) disk[sector_bytes] = 0;
  if ((data[0] & 8) != 0) disk[last] = 0;

  std::size_t read_bytes = 0;
  const auto read = [&](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    TENON_CHECK(offset <= disk.size() && into.size() <= disk.size() - offset);
    read_bytes += into.size();
    std::ranges::copy(std::span(disk).subspan(offset, into.size()), into.begin());
    return {};
  };
  const auto table = tenon::client::read_partition_table(read, disk.size(), static_cast<std::uint32_t>(sector_bytes));
  TENON_CHECK(read_bytes <= kMostRead);
  if (table) {
    check(*table, disk.size(), sector_bytes);
  } else {
    TENON_CHECK(table.error().code == ErrorCode::kHw);
  }
  return 0;
}
