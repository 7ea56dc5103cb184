// FileSlots: slots that are block devices or plain files, by the paths of the configuration, or partitions by their names
// (partition_name.h). Paths, links and names are only a way to find them: what a slot is, the kernel's numbers of the device
// or file say, and those decide what may be written.
// Thread: FileSlots any; one Slot one thread at a time.
#pragma once

#include <tenon/client/ports/reporter.h>
#include <tenon/client/ports/slots.h>
#include <tenon/client/slots/partition_finder.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace tenon::client {

// SlotPaths names every slot of the device: by group, and in it by slot class ("rootfs"). PARTLABEL= and PARTUUID= are names
// of partitions, and no paths.
using SlotPaths = std::map<SlotGroup, std::map<std::string, std::filesystem::path, std::less<>>>;

// KeptPaths names places that are no slots, and that nothing is ever written to: those of a recovery system, by slot class.
using KeptPaths = std::map<std::string, std::filesystem::path, std::less<>>;

class FileSlots final : public Slots {
 public:
  // Caller must keep the reporter alive: it is told of a disk whose table is half damaged. mountinfo is where the kernel
  // tells what is mounted.
  FileSlots(SlotPaths paths, Reporter& reporter, std::filesystem::path mountinfo = "/proc/self/mountinfo",
            PartitionFinder partitions = PartitionFinder(), KeptPaths kept = {});

  std::set<std::string, std::less<>> classes(SlotGroup group) const override;
  Result<std::unique_ptr<Slot>> open_for_reading(SlotGroup group, std::string_view slot_class) override;

  // size_of looks at a slot without opening it for writing, and refuses what open_for_writing would refuse.
  // Units: bytes. Errors: E_POLICY, E_HW, E_STORAGE
  Result<std::uint64_t> size_of(SlotGroup group, std::string_view slot_class, SlotGroup running);

  // open_for_writing looks at the device or file before it opens it for writing, and opens exactly what it looked at.
  // It refuses what is one of the kept places too. It also refuses (E_STORAGE) when another slot of the configuration, or a
  // kept place, cannot be looked at, since that could be the same.
  Result<std::unique_ptr<Slot>> open_for_writing(SlotGroup group, std::string_view slot_class,
                                                 SlotGroup running) override;

 private:
  SlotPaths paths_;
  Reporter* reporter_;
  std::filesystem::path mountinfo_;
  PartitionFinder partitions_;
  KeptPaths kept_;
  std::set<std::string, std::less<>> told_ = {};  // remarks: once each
};

}  // namespace tenon::client
