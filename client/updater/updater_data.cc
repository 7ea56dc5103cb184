// The part of the updater that runs before the device's own programs: which data they find.
#include <tenon/client/updater/updater.h>

#include <algorithm>

namespace tenon::client {

// What a release on trial copies is what its fallback works with; it removes nothing while it is on trial, for what runs as
// a last resort is no fallback and needs its data all the same.
Result<AppDataOwner> Updater::data_owner(const Boot& boot, const BootRecord& record) {
  if (!device_.running_image.sequence) {
    return Error{ErrorCode::kHw, "nothing says which sequence runs, and the application's data belong to one"}
        .with_hint("put TENON_SEQUENCE into the release file of the image");
  }
  const bool on_trial = record.of(boot.running).state == SlotState::kTrial;
  AppDataOwner owner{.sequence = device_.running_image.sequence->value(),
                     .has_fallback = on_trial || record.of(other(boot.running)).state == SlotState::kGood};
  const Result<Floors> known = floors();
  if (!known || !known->sequence.confirmed) return owner;
  const std::int64_t confirmed = known->sequence.confirmed->value();
  if (!on_trial) {
    if (confirmed > owner.sequence) owner.left = confirmed;
    return owner;
  }
  // After a release was left the fallback is below what was ever confirmed.
  const Result<std::optional<Stamp>> fallback = confirmed_stamp(other(boot.running), record);
  owner.confirmed = fallback && *fallback ? std::min(confirmed, (*fallback)->sequence) : confirmed;
  return owner;
}

Result<std::string> Updater::settle_data(const Boot& boot, const BootRecord& record, const Journal& journal) {
  if (!is_what_was_installed(journal)) return Error{ErrorCode::kHw, other_image(journal).reason};
  TENON_TRY(const AppDataOwner owner, data_owner(boot, record));
  return ports_.app_data->settle(owner);
}

// A group that has failed, and was started all the same, is left as it is: its data are those of the release to come.
Result<DataOutcome> Updater::settle_data() {
  if (ports_.app_data == nullptr) return DataOutcome{};
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(const BootRecord record, ports_.boot.read());
  TENON_TRY(const Journal journal, state_.journal());
  const bool on_trial = record.of(boot.running).state == SlotState::kTrial;
  if (!on_trial && record.of(boot.running).state != SlotState::kGood) return DataOutcome{};
  const Result<std::string> made = settle_data(boot, record, journal);
  if (made) {
    if (!made->empty()) {
      ports_.reporter.note(*made);
      this->record(EventKind::kMigrated, journal, "", *made);
    }
    return DataOutcome{};
  }
  if (!on_trial) return made.error();
  // It would fail again: the other tries are not waited for.
  const std::string reason = "application data: " + made.error().message;
  this->record(EventKind::kUnhealthy, journal, "boot.data", reason);
  TENON_TRY_VOID(rollback(reason));
  return DataOutcome{.reboot_wanted = true, .reason = reason};
}

HealthReport Updater::trial_health(const Boot& boot, const BootRecord& record, const Journal& journal) {
  if (!is_what_was_installed(journal)) return other_image(journal);
  if (ports_.app_data == nullptr) return ports_.health.check();
  const Result<AppDataOwner> owner = data_owner(boot, record);
  const Result<bool> settled = owner ? ports_.app_data->is_settled(*owner) : owner.error();
  if (settled && *settled) return ports_.health.check();
  return {.healthy = false,
          .reason = settled ? "the application's data are not those of this release: has tenond --before-services run?"
                            : "application data: " + settled.error().message};
}

}  // namespace tenon::client
