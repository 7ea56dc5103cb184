// The partitions that a disk's own table names: a GPT (UEFI specification 2.10, 5.3), or the four entries of an MBR. What
// the kernel makes of the table, it decides as Linux does: the first GPT is believed if it is whole, else the second.
// Pure. Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

namespace tenon::client {

// TablePartition is one entry. Units: bytes of the disk.
struct TablePartition {
  std::uint32_t number = 0;  // as Linux counts them, from 1
  std::uint64_t offset = 0;
  std::uint64_t size = 0;
  std::string id = {};     // as Linux spells PARTUUID, in lower case; empty if the disk has none
  std::string label = {};  // UTF-8; empty in an MBR, and for what is no text
  bool operator==(const TablePartition&) const = default;
};

struct PartitionTable {
  std::vector<TablePartition> partitions = {};  // by number; inside the disk, and none over another
  std::string remark = {};                      // what is wrong with one of the two GPTs
};

// DiskRead reads bytes of the disk from an offset on.
using DiskRead = std::function<Result<void>(std::uint64_t offset, std::span<std::uint8_t> into)>;

// read_partition_table asks for the first sector, both GPTs and nothing else, at most half a MiB of a disk of disk_bytes.
// Returns: no partitions for a disk without a table, and none that reach over its end.
// Errors: E_HW when neither GPT is whole, or partitions lie over each other; those of read.
Result<PartitionTable> read_partition_table(const DiskRead& read, std::uint64_t disk_bytes, std::uint32_t sector_bytes);

}  // namespace tenon::client
