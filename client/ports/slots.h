// Slots: the places that images fill, in two groups that boot as one.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>

namespace tenon::client {

enum class SlotGroup { kA, kB };
constexpr SlotGroup other(SlotGroup group) {
  return group == SlotGroup::kA ? SlotGroup::kB : SlotGroup::kA;
}
constexpr std::string_view to_string(SlotGroup group) {
  return group == SlotGroup::kA ? "A" : "B";
}

// Slot is one opened place. Its descriptor is held from the first byte to the last check.
// Thread: one at a time, but for read_at: it may be called from several, and while another part of the slot is written.
class Slot {
 public:
  // kAlignment: where place, length and memory are multiples of it, bytes go between memory and medium past the page
  // cache of the system, if that can be done there at all. Units: bytes.
  static constexpr std::size_t kAlignment = 4096;

  virtual ~Slot() = default;

  virtual std::uint64_t size() const = 0;  // bytes
  // read_at fills the whole span. Errors: E_STORAGE, past the end too.
  virtual Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) = 0;
  // write_at Errors: E_STORAGE; a range that is not wholly inside the slot writes nothing.
  virtual Result<void> write_at(std::uint64_t offset, ByteView data) = 0;
  // punch makes a range read as zeros without writing them, and gives its space back where there is something to give.
  // False when this slot cannot, and the zeros have to be written. Errors: E_STORAGE for a range not wholly inside.
  virtual Result<bool> punch(std::uint64_t offset, std::uint64_t length) = 0;
  // flush returns when everything written is on the medium. After an error what was written since the last flush is
  // lost.
  virtual Result<void> flush() = 0;
  // forget_cache lets later reads come from the medium, as far as the system allows.
  virtual void forget_cache() = 0;
};

class Slots {
 public:
  virtual ~Slots() = default;

  // classes names the slot classes of a group: an update fills all of them.
  virtual std::set<std::string, std::less<>> classes(SlotGroup group) const = 0;

  // open_for_reading Errors: E_HW when the group has no slot of that class; E_STORAGE.
  virtual Result<std::unique_ptr<Slot>> open_for_reading(SlotGroup group, std::string_view slot_class) = 0;

  // open_for_writing refuses, whatever paths and links say, a slot of the running group, one that is the same device or
  // file as another slot, and one that is mounted.
  // Errors: E_POLICY, E_HW, E_STORAGE
  virtual Result<std::unique_ptr<Slot>> open_for_writing(SlotGroup group, std::string_view slot_class,
                                                         SlotGroup running) = 0;
};

}  // namespace tenon::client
