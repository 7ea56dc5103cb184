#include <tenon/client/daemon/device_cycle.h>

namespace tenon::client {

Result<CycleOutcome> run_cycle(Updater& updater) {
  TENON_TRY(const StartOutcome started, updater.start());
  if (started == StartOutcome::kTrial) {
    TENON_TRY(const ConfirmOutcome outcome, updater.confirm());
    if (!outcome.confirmed) return CycleOutcome{outcome.reboot_wanted, "the trial is not healthy: " + outcome.reason};
  }
  const Result<InstallOutcome> outcome = updater.install();
  if (outcome) return CycleOutcome{outcome->reboot_wanted, outcome->decision.text};
  // What waits may have been withdrawn meanwhile; if that cannot be learned now, the reboot is still wanted.
  if (started == StartOutcome::kWaitsForReboot) return CycleOutcome{true, "a reboot is awaited"};
  return outcome.error();
}

Result<CycleOutcome> run_before_services(Updater& updater) {
  TENON_TRY([[maybe_unused]] const StartOutcome started, updater.start());
  TENON_TRY(const DataOutcome outcome, updater.settle_data());
  return CycleOutcome{outcome.reboot_wanted, outcome.reason};
}

}  // namespace tenon::client
