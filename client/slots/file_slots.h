// FileSlots: slots that are block devices or plain files, by the paths of the configuration. Paths and links are only a
// way to find them: what a slot is, the kernel's numbers of the device or file say, and those decide what may be
// written.
// Thread: FileSlots any; one Slot one thread at a time.
#pragma once

#include <tenon/client/ports/slots.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <string_view>

namespace tenon::client {

// SlotPaths names every slot of the device: by group, and in it by slot class ("rootfs").
using SlotPaths = std::map<SlotGroup, std::map<std::string, std::filesystem::path, std::less<>>>;

class FileSlots final : public Slots {
 public:
  // mountinfo is where the kernel tells what is mounted.
  explicit FileSlots(SlotPaths paths, std::filesystem::path mountinfo = "/proc/self/mountinfo");

  std::set<std::string, std::less<>> classes(SlotGroup group) const override;
  Result<std::unique_ptr<Slot>> open_for_reading(SlotGroup group, std::string_view slot_class) override;

  // open_for_writing looks at the device or file before it opens it for writing, and opens exactly what it looked at.
  // It also refuses (E_STORAGE) when another slot of the configuration cannot be looked at, since that could be the
  // same.
  Result<std::unique_ptr<Slot>> open_for_writing(SlotGroup group, std::string_view slot_class,
                                                 SlotGroup running) override;

 private:
  SlotPaths paths_;
  std::filesystem::path mountinfo_;
};

}  // namespace tenon::client
