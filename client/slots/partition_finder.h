// PartitionFinder: the device of a partition that is known by name, out of the tables on the disks that the kernel knows.
// It needs no udev, and asks the kernel whether it has made the same of the table before it believes it.
// Thread: any.
#pragma once

#include <tenon/client/slots/partition_name.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <filesystem>
#include <string>

namespace tenon::client {

// FoundPartition is what the kernel calls it.
struct FoundPartition {
  std::filesystem::path node;  // its device: /dev/mmcblk0p3
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string remark = {};  // what is wrong with the table: "/dev/mmcblk0: its second GPT ..."
};

class PartitionFinder {
 public:
  // Where the kernel shows its disks, and where their devices are.
  explicit PartitionFinder(std::filesystem::path sys_class_block = "/sys/class/block",
                           std::filesystem::path dev = "/dev")
      : sys_class_block_(std::move(sys_class_block)), dev_(std::move(dev)) {}

  // find reads the table of every disk. A disk that cannot be read, or whose table is damaged, has no partitions.
  // Errors: E_HW when no partition has that name, naming what there is, or when two have; when the kernel does not know the
  // partition, or knows it in another place.
  Result<FoundPartition> find(const PartitionName& name) const;

 private:
  std::filesystem::path sys_class_block_;
  std::filesystem::path dev_;
};

}  // namespace tenon::client
