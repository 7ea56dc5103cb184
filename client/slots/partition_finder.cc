#include <tenon/client/slots/file_slot.h>
#include <tenon/client/slots/partition_finder.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <sstream>
#include <string_view>
#include <utility>
#include <vector>

#include <fcntl.h>
#include <unistd.h>

namespace tenon::client {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kSysfsSectorBytes = 512;  // of size and start, whatever the disk's sectors
constexpr std::size_t kMostShown = 16;            // partitions in a message

struct Disk {
  std::string name;  // of the kernel
  fs::path node = {};
  PartitionTable table = {};
  std::string fault = {};  // why it has no table
};

struct Match {
  const Disk& disk;
  const TablePartition& partition;
  std::string shown() const { return "partition " + std::to_string(partition.number) + " of " + disk.node.string(); }
};

std::string text_in(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  std::ostringstream content;
  content << in.rdbuf();  // which, unlike an iterator, throws nothing when the disk has just been pulled
  std::string text = content.str();
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

template <class Number>
std::optional<Number> read_number(std::string_view text) {
  Number number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

// The kernel writes "!" where the name of a device has "/".
fs::path node_of(const fs::path& dev, std::string name) {
  std::ranges::replace(name, '!', '/');
  return dev / name;
}

Result<void> read_at(const SlotDescriptor& file, std::uint64_t offset, std::span<std::uint8_t> into) {
  while (!into.empty()) {
    const ssize_t count = ::pread(file.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return Error{ErrorCode::kHw, count < 0 ? std::strerror(errno) : "it ends too early"};
    into = into.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<PartitionTable> read_table(const fs::path& node, std::uint64_t bytes, std::uint32_t sector_bytes) {
  const SlotDescriptor file(::open(node.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!file) return Error{ErrorCode::kHw, std::strerror(errno)};
  const auto read = [&](std::uint64_t offset, std::span<std::uint8_t> into) { return read_at(file, offset, into); };
  return read_partition_table(read, bytes, sector_bytes);
}

std::vector<Disk> read_disks(const fs::path& sys_class_block, const fs::path& dev) {
  std::vector<Disk> disks;
  std::error_code error;
  for (fs::directory_iterator at(sys_class_block, error); !error && at != fs::directory_iterator();
       at.increment(error)) {
    const fs::directory_entry& entry = *at;
    if (fs::exists(entry.path() / "partition", error)) continue;
    const auto sectors = read_number<std::uint64_t>(text_in(entry.path() / "size"));
    const auto sector_bytes = read_number<std::uint32_t>(text_in(entry.path() / "queue/logical_block_size"));
    if (sectors.value_or(0) == 0 || !sector_bytes) continue;
    Disk disk{.name = entry.path().filename().string()};
    disk.node = node_of(dev, disk.name);
    if (auto table = read_table(disk.node, *sectors * kSysfsSectorBytes, *sector_bytes)) {
      disk.table = *std::move(table);
    } else {
      disk.fault = table.error().message;
    }
    disks.push_back(std::move(disk));
  }
  std::ranges::sort(disks, {}, &Disk::name);
  return disks;
}

std::string what_there_is(const std::vector<Disk>& disks) {
  std::string partitions;
  std::string faults;
  std::size_t shown = 0;
  for (const Disk& disk : disks) {
    if (!disk.fault.empty()) faults += "; " + disk.node.string() + ": " + disk.fault;
    for (const TablePartition& partition : disk.table.partitions) {
      if (++shown > kMostShown) continue;
      partitions += (shown == 1 ? "" : ", ") + disk.name + " " + std::to_string(partition.number) + " \"" +
                    printable(partition.label, 64) + "\" " + partition.id;
    }
  }
  if (shown > kMostShown) partitions += ", and " + std::to_string(shown - kMostShown) + " more";
  return (shown == 0 ? "no disk has partitions" : "there are " + partitions) + faults;
}

// The folder of the partition in sysfs, below that of its disk.
std::optional<fs::path> kernel_partition(const fs::path& disk, std::uint32_t number) {
  std::error_code error;
  for (fs::directory_iterator at(disk, error); !error && at != fs::directory_iterator(); at.increment(error)) {
    const fs::directory_entry& entry = *at;
    if (read_number<std::uint32_t>(text_in(entry.path() / "partition")) == number) return entry.path();
  }
  return std::nullopt;
}

bool is_at(const fs::path& kernel, const TablePartition& partition) {
  const auto start = read_number<std::uint64_t>(text_in(kernel / "start"));
  const auto size = read_number<std::uint64_t>(text_in(kernel / "size"));
  return start && size && partition.offset % kSysfsSectorBytes == 0 && *start == partition.offset / kSysfsSectorBytes &&
         *size == partition.size / kSysfsSectorBytes;
}

}  // namespace

Result<FoundPartition> PartitionFinder::find(const PartitionName& name) const {
  const std::vector<Disk> disks = read_disks(sys_class_block_, dev_);
  std::vector<Match> matches;
  for (const Disk& disk : disks) {
    for (const TablePartition& partition : disk.table.partitions) {
      if (name.is_of(partition)) matches.push_back({disk, partition});
    }
  }
  if (matches.empty()) {
    return Error{ErrorCode::kHw, "no partition is " + printable(name.text(), 128) + ": " + what_there_is(disks),
                 "check the slot in the configuration, and that its disk is there"};
  }
  const Match& match = matches.front();
  if (matches.size() > 1) {
    return Error{ErrorCode::kHw,
                 printable(name.text(), 128) + " is " + match.shown() + ", and " + matches[1].shown() + " too",
                 "give each partition a name of its own, or take away the disk that is not the device's"};
  }
  const std::string& table_remark = match.disk.table.remark;
  const std::string remark = table_remark.empty() ? "" : match.disk.node.string() + ": " + table_remark;
  const auto kernel = kernel_partition(sys_class_block_ / match.disk.name, match.partition.number);
  if (!kernel) {
    return Error{
        ErrorCode::kHw, "the kernel does not know " + match.shown() + (remark.empty() ? "" : "; " + remark),
        "with a damaged first GPT the kernel looks at the second only with `gpt` on its command line; sgdisk or "
        "gdisk repairs it"};
  }
  if (!is_at(*kernel, match.partition)) {
    return Error{ErrorCode::kHw, "the kernel has " + match.shown() + " in another place than the table on the disk",
                 "the table was changed since: restart the device"};
  }
  const std::string numbers = text_in(*kernel / "dev");
  const std::size_t colon = numbers.find(':');
  const auto device_major = read_number<std::uint32_t>(std::string_view(numbers).substr(0, colon));
  const auto device_minor =
      read_number<std::uint32_t>(std::string_view(numbers).substr(std::min(colon + 1, numbers.size())));
  if (colon == std::string::npos || !device_major || !device_minor) {
    return Error{ErrorCode::kHw, kernel->string() + "/dev cannot be read", "mount /sys"};
  }
  return FoundPartition{node_of(dev_, kernel->filename().string()), *device_major, *device_minor, remark};
}

}  // namespace tenon::client
