// FakeBootControl: a boot record in memory and a bootloader that obeys it.
// Thread: one.
#pragma once

#include <tenon/client/ports/boot_control.h>

#include <optional>
#include <set>

#include <tests/support/power.h>

namespace tenon::tests {

class FakeBootControl final : public client::BootControl {
 public:
  // A runs and is good; B is empty.
  FakeBootControl() = default;
  // Caller must keep the power alive. Each write spends one write of it.
  explicit FakeBootControl(Power& power) : power_(&power) {}

  // boot does what a boot script does: of the groups in order, takes the first that is good, or on trial with a try
  // left, which it takes away; a trial without tries is passed over and stays as it is. Gives nothing, and changes
  // nothing, when no group may boot.
  std::optional<client::SlotGroup> boot();

  Result<client::Boot> running() override;
  Result<client::BootRecord> read() override;
  Result<std::string> spoiled_copy() override { return std::string(); }
  Result<void> write(const client::BootRecord& record) override;
  Result<void> restore(const client::BootRecord& record) override;

  client::BootRecord record = {.generation = 1,
                               .first = client::SlotGroup::kA,
                               .groups = {client::GroupBoot{.state = client::SlotState::kGood}, client::GroupBoot{}}};
  client::Boot now_running = {.running = client::SlotGroup::kA, .boot_id = "boot-1"};
  bool unreadable = false;                           // read() is E_HW
  bool has_last_resort = false;                      // boot() starts what failed when nothing else may boot
  std::set<client::SlotGroup> broken = {};           // their kernel cannot be loaded: boot() passes them over
  bool lost = false;                                 // no copy is valid: boot() starts A, and restore() may be called
  bool running_unknown = false;                      // running() is E_HW
  std::optional<std::size_t> fail_write_after = {};  // so many writes succeed, then E_HW
  std::size_t writes = 0;

 private:
  Power own_power_;
  Power* power_ = &own_power_;
  std::size_t boots_ = 1;
};

}  // namespace tenon::tests
