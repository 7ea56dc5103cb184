// InMemorySlots: the slots of both groups, in memory, with what a medium does: what was not flushed is lost by
// lose_cache().
// Thread: one.
#pragma once

#include <tenon/client/ports/slots.h>

#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <tests/support/power.h>

namespace tenon::tests {

class InMemorySlots final : public client::Slots {
 public:
  struct Medium {
    Bytes cached;   // what reads see
    Bytes durable;  // what a cut leaves
    std::size_t writes = 0;
    std::size_t flushes = 0;
    std::size_t bytes_written = 0;
    std::size_t bytes_punched = 0;
    bool punches = true;                               // whether it can
    std::optional<std::size_t> fail_write_after = {};  // so many writes succeed, then E_STORAGE
    std::optional<std::size_t> fail_flush =
        {};                               // the flush of that number, from 1, is E_STORAGE, and its data are lost
    bool lost = false;                    // by it, and not yet seen by readers
    std::function<void()> on_flush = {};  // called after each flush: what a failing medium does to its content
    std::optional<std::uint64_t> bad_byte = {};         // cannot be read until it is written
    std::optional<std::uint64_t> unreadable_from = {};  // reads that reach this offset are E_STORAGE
  };

  InMemorySlots() = default;
  // Caller must keep the power alive. Each write_at and each flush spends one write of it.
  explicit InMemorySlots(Power& power) : power_(&power) {}

  // add makes a slot of that size in both groups, filled with zero.
  void add(std::string_view slot_class, std::size_t size);
  // Pre: the slot was added.
  Medium& medium(client::SlotGroup group, std::string_view slot_class);
  void fill(client::SlotGroup group, std::string_view slot_class, ByteView content);
  // lose_cache forgets what was not flushed, in all slots: the plug was pulled.
  void lose_cache();
  // lose_some_of_cache does it as media do: of the sectors of so many bytes that were not flushed some survive, some do
  // not, and some are torn in the middle. The same seed gives the same.
  void lose_some_of_cache(std::uint32_t seed, std::size_t sector);

  std::set<std::string, std::less<>> classes(client::SlotGroup group) const override;
  Result<std::unique_ptr<client::Slot>> open_for_reading(client::SlotGroup group, std::string_view slot_class) override;
  Result<std::unique_ptr<client::Slot>> open_for_writing(client::SlotGroup group, std::string_view slot_class,
                                                         client::SlotGroup running) override;

 private:
  Result<std::unique_ptr<client::Slot>> open(client::SlotGroup group, std::string_view slot_class, bool writable);

  std::mutex mutex_;  // held while a slot of ours is in use
  Power own_power_;
  Power* power_ = &own_power_;
  std::map<std::pair<client::SlotGroup, std::string>, Medium> media_;
};

}  // namespace tenon::tests
