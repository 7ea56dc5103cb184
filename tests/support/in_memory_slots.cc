#include <algorithm>
#include <random>

#include <tests/support/in_memory_slots.h>

namespace tenon::tests {

using client::Slot;
using client::SlotGroup;

namespace {

class InMemorySlot final : public Slot {
 public:
  InMemorySlot(InMemorySlots::Medium& medium, std::mutex& mutex, Power& power, bool writable)
      : medium_(medium), mutex_(mutex), power_(power), writable_(writable) {}

  std::uint64_t size() const override { return medium_.cached.size(); }

  Result<void> read_at(std::uint64_t offset, std::span<std::uint8_t> into) override {
    const std::lock_guard lock(mutex_);
    TENON_TRY_VOID(power_.check(ErrorCode::kStorage));
    if (!inside(offset, into.size())) return Error{ErrorCode::kStorage, "read past the end of the slot"};
    if (medium_.unreadable_from && offset + into.size() > *medium_.unreadable_from) {
      return Error{ErrorCode::kStorage, "the medium cannot be read there"};
    }
    if (medium_.bad_byte && *medium_.bad_byte - offset < into.size()) {
      return Error{ErrorCode::kStorage, "a sector of the medium cannot be read"};
    }
    std::copy_n(medium_.cached.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
    return {};
  }

  Result<void> write_at(std::uint64_t offset, ByteView data) override {
    const std::lock_guard lock(mutex_);
    if (!writable_) return Error{ErrorCode::kStorage, "the slot was opened for reading"};
    if (!inside(offset, data.size())) return Error{ErrorCode::kStorage, "write past the end of the slot"};
    if (medium_.fail_write_after && medium_.writes >= *medium_.fail_write_after) {
      return Error{ErrorCode::kStorage, "the medium does not take it"};
    }
    TENON_TRY_VOID(power_.spend(ErrorCode::kStorage));
    std::ranges::copy(data, medium_.cached.begin() + static_cast<std::ptrdiff_t>(offset));
    if (medium_.bad_byte && *medium_.bad_byte - offset < data.size()) medium_.bad_byte.reset();
    ++medium_.writes;
    medium_.bytes_written += data.size();
    return {};
  }

  Result<bool> punch(std::uint64_t offset, std::uint64_t length) override {
    if (!medium_.punches) return false;
    TENON_TRY_VOID(write_at(offset, Bytes(length)));
    const std::lock_guard lock(mutex_);
    medium_.bytes_written -= length;
    medium_.bytes_punched += length;
    return true;
  }

  Result<void> flush() override {
    const std::lock_guard lock(mutex_);
    TENON_TRY_VOID(power_.spend(ErrorCode::kStorage));
    ++medium_.flushes;
    if (medium_.fail_flush == medium_.flushes) {
      // As Linux does it: the data are gone, the cache still shows them, and the next flush finds nothing to do.
      medium_.lost = true;
      return Error{ErrorCode::kStorage, "the medium does not take what was written"};
    }
    if (!medium_.lost) medium_.durable = medium_.cached;
    if (medium_.on_flush) medium_.on_flush();
    return {};
  }

  void forget_cache() override {
    const std::lock_guard lock(mutex_);
    if (medium_.lost) medium_.cached = medium_.durable;
    medium_.lost = false;
  }

 private:
  bool inside(std::uint64_t offset, std::size_t length) const {
    return offset <= medium_.cached.size() && length <= medium_.cached.size() - offset;
  }

  InMemorySlots::Medium& medium_;
  std::mutex& mutex_;  // guards the medium
  Power& power_;
  bool writable_;
};

}  // namespace

void InMemorySlots::add(std::string_view slot_class, std::size_t size) {
  for (SlotGroup group : {SlotGroup::kA, SlotGroup::kB}) {
    media_[{group, std::string(slot_class)}] = Medium{.cached = Bytes(size), .durable = Bytes(size)};
  }
}

InMemorySlots::Medium& InMemorySlots::medium(SlotGroup group, std::string_view slot_class) {
  return media_.at({group, std::string(slot_class)});
}

void InMemorySlots::fill(SlotGroup group, std::string_view slot_class, ByteView content) {
  Medium& slot = medium(group, slot_class);
  TENON_CHECK(content.size() <= slot.cached.size());
  std::ranges::copy(content, slot.cached.begin());
  slot.durable = slot.cached;
}

void InMemorySlots::lose_cache() {
  for (auto& [place, slot] : media_) slot.cached = slot.durable;
}

void InMemorySlots::lose_some_of_cache(std::uint32_t seed, std::size_t sector) {
  std::minstd_rand random(seed);
  for (auto& [place, slot] : media_) {
    for (std::size_t at = 0; at < slot.cached.size(); at += sector) {
      const std::size_t whole = std::min(sector, slot.cached.size() - at);
      const std::size_t fates[] = {0, whole / 2, whole};
      const auto from = slot.cached.begin() + static_cast<std::ptrdiff_t>(at);
      std::copy_n(from, fates[random() % 3], slot.durable.begin() + static_cast<std::ptrdiff_t>(at));
    }
  }
  lose_cache();
}

Result<std::unique_ptr<Slot>> InMemorySlots::open(SlotGroup group, std::string_view slot_class, bool writable) {
  TENON_TRY_VOID(power_->check(ErrorCode::kStorage));
  const auto at = media_.find({group, std::string(slot_class)});
  if (at == media_.end()) return Error{ErrorCode::kHw, "no slot of class " + std::string(slot_class)};
  return std::unique_ptr<Slot>(std::make_unique<InMemorySlot>(at->second, mutex_, *power_, writable));
}

std::set<std::string, std::less<>> InMemorySlots::classes(SlotGroup group) const {
  std::set<std::string, std::less<>> names;
  for (const auto& [slot, medium] : media_) {
    if (slot.first == group) names.insert(slot.second);
  }
  return names;
}

Result<std::unique_ptr<Slot>> InMemorySlots::open_for_reading(SlotGroup group, std::string_view slot_class) {
  return open(group, slot_class, false);
}

Result<std::unique_ptr<Slot>> InMemorySlots::open_for_writing(SlotGroup group, std::string_view slot_class,
                                                              SlotGroup running) {
  if (group == running) return Error{ErrorCode::kPolicy, "the slot belongs to the group that runs"};
  return open(group, slot_class, true);
}

}  // namespace tenon::tests
