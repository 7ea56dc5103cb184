#include <tests/support/fake_boot_control.h>

namespace tenon::tests {

using client::SlotGroup;
using client::SlotState;

std::optional<SlotGroup> FakeBootControl::boot() {
  if (lost) {
    now_running = {.running = SlotGroup::kA, .boot_id = "boot-" + std::to_string(++boots_)};
    return SlotGroup::kA;
  }
  for (SlotGroup group : {record.first, other(record.first)}) {
    client::GroupBoot& candidate = record.of(group);
    const bool on_trial = candidate.state == SlotState::kTrial && candidate.tries_left > 0;
    if (candidate.state != SlotState::kGood && !on_trial) continue;
    if (on_trial) --candidate.tries_left;
    if (broken.contains(group)) continue;
    now_running = {.running = group, .boot_id = "boot-" + std::to_string(++boots_)};
    return group;
  }
  if (!has_last_resort) return std::nullopt;
  for (const SlotState state : {SlotState::kBad, SlotState::kTrial}) {
    for (SlotGroup group : {record.first, other(record.first)}) {
      if (record.of(group).state != state || broken.contains(group)) continue;
      now_running = {.running = group, .boot_id = "boot-" + std::to_string(++boots_), .is_last_resort = true};
      return group;
    }
  }
  return std::nullopt;
}

Result<client::Boot> FakeBootControl::running() {
  TENON_TRY_VOID(power_->check(ErrorCode::kHw));
  if (running_unknown) return Error{ErrorCode::kHw, "the running slot cannot be told"};
  return now_running;
}

Result<client::BootRecord> FakeBootControl::read() {
  TENON_TRY_VOID(power_->check(ErrorCode::kHw));
  if (unreadable || lost) return Error{ErrorCode::kHw, "no copy of the boot record is valid"};
  return record;
}

Result<void> FakeBootControl::write(const client::BootRecord& new_record) {
  if (fail_write_after && writes >= *fail_write_after)
    return Error{ErrorCode::kHw, "the boot record cannot be written"};
  TENON_TRY_VOID(power_->spend(ErrorCode::kHw));
  record = new_record;
  ++writes;
  return {};
}

Result<void> FakeBootControl::restore(const client::BootRecord& new_record) {
  if (!lost) return Error{ErrorCode::kHw, "the boot record is not lost"};
  TENON_TRY_VOID(write(new_record));
  lost = false;
  return {};
}

}  // namespace tenon::tests
