// BootControl: the one record by which the bootloader chooses a slot group, with the same meaning for every bootloader.
// A GOOD group boots and is never counted down; a TRIAL group boots while it has tries left, and every boot takes one;
// EMPTY and BAD do not boot. The first group of the order that may boot, boots.
#pragma once

#include <tenon/client/ports/slots.h>

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::client {

enum class SlotState { kEmpty, kTrial, kGood, kBad };
constexpr std::string_view to_string(SlotState state) {
  switch (state) {
    case SlotState::kEmpty: return "empty";
    case SlotState::kTrial: return "trial";
    case SlotState::kGood: return "good";
    case SlotState::kBad: return "bad";
  }
  return "";
}

struct GroupBoot {
  SlotState state = SlotState::kEmpty;
  std::uint32_t tries_left = 0;
  bool operator==(const GroupBoot&) const = default;
};

struct BootRecord {
  std::uint64_t generation = 0;  // rises with every write
  SlotGroup first = SlotGroup::kA;
  std::array<GroupBoot, 2> groups = {};

  GroupBoot& of(SlotGroup group) { return groups[static_cast<std::size_t>(group)]; }
  const GroupBoot& of(SlotGroup group) const { return groups[static_cast<std::size_t>(group)]; }
  bool operator==(const BootRecord&) const = default;
};

// Boot says which group this system was started from, and tells one boot from another.
struct Boot {
  SlotGroup running = SlotGroup::kA;
  std::string boot_id;
  bool is_last_resort = false;  // no group might boot, and the boot script started this one all the same
};

// runs_as_last_resort tells that what runs has failed, and stays: nothing else could be started.
inline bool runs_as_last_resort(const Boot& boot, const BootRecord& record) {
  return boot.is_last_resort && record.of(boot.running).state == SlotState::kBad;
}

class BootControl {
 public:
  virtual ~BootControl() = default;

  // running Errors: E_HW when it cannot be told: then nothing may be written.
  virtual Result<Boot> running() = 0;

  // read Errors: E_HW when no copy of the record is valid, or somebody else changed a part of it.
  virtual Result<BootRecord> read() = 0;

  // spoiled_copy tells people which copy of the record is not whole, while the other one is in force; empty: none.
  // Errors: E_HW
  virtual Result<std::string> spoiled_copy() = 0;

  // write replaces the record in one atomic step, reads it back and compares.
  // Errors: E_HW; then the old record or the new one is in force, and read() tells which.
  virtual Result<void> write(const BootRecord& record) = 0;

  // restore makes a first record where no copy of one is valid any more, if that is sure to harm nobody else.
  // Errors: E_HW, when a copy is valid too: then nothing is changed.
  virtual Result<void> restore(const BootRecord& record) = 0;
};

}  // namespace tenon::client
