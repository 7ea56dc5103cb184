#include <tenon/client/daemon/device_cycle.h>

namespace tenon::client {

Result<CycleOutcome> run_cycle(Updater& updater) {
  TENON_TRY(const StartOutcome started, updater.start());
  if (started == StartOutcome::kTrial) {
    TENON_TRY(const ConfirmOutcome outcome, updater.confirm());
    if (!outcome.confirmed) return CycleOutcome{outcome.reboot_wanted, "the trial is not healthy: " + outcome.reason};
  }
  if (started == StartOutcome::kWaitsForReboot)
    return CycleOutcome{true, "an update is armed and waits for the reboot"};
  TENON_TRY(const InstallOutcome outcome, updater.install());
  return CycleOutcome{outcome.reboot_wanted, outcome.decision.text};
}

}  // namespace tenon::client
