#include <tenon/client/daemon/device_cycle.h>

namespace tenon::client {

Result<CycleOutcome> run_cycle(Updater& updater) {
  TENON_TRY(const StartOutcome started, updater.start());
  if (started == StartOutcome::kTrial) {
    TENON_TRY(const ConfirmOutcome outcome, updater.confirm());
    if (!outcome.confirmed) return CycleOutcome{outcome.reboot_wanted, "the trial is not healthy: " + outcome.reason};
  }
  const Result<InstallOutcome> outcome = updater.install();
  if (outcome) {
    const policies::Decision& decision = outcome->decision;
    return CycleOutcome{outcome->reboot_wanted, decision.text, decision.reason == "window", decision.until};
  }
  // What waits may have been withdrawn meanwhile; if that cannot be learned now, the reboot is still wanted.
  if (started == StartOutcome::kWaitsForReboot) {
    TENON_TRY(const bool may_reboot, updater.may_reboot());
    return CycleOutcome{may_reboot, "a reboot is awaited", !may_reboot};
  }
  return outcome.error();
}

Result<CycleOutcome> run_before_services(Updater& updater) {
  TENON_TRY([[maybe_unused]] const StartOutcome started, updater.start());
  TENON_TRY(const DataOutcome outcome, updater.settle_data());
  return CycleOutcome{outcome.reboot_wanted, outcome.reason};
}

}  // namespace tenon::client
