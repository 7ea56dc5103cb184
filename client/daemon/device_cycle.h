// One cycle of the daemon: what a boot asks for first, then what the repository has.
#pragma once

#include <tenon/client/updater/updater.h>

#include <string>

namespace tenon::client {

struct CycleOutcome {
  bool reboot_wanted = false;
  std::string summary;
  bool awaits_window = false;                   // to arm or to reboot
  std::optional<metadata::UtcTime> until = {};  // what is waited for comes then, where that is known
};

// run_cycle settles a trial boot by its health; on a settled system it checks and installs.
// Errors: those of the updater's steps. A later cycle goes on where this one ended.
Result<CycleOutcome> run_cycle(Updater& updater);

// run_before_services settles what the last boot left behind, and the application's data. A reboot is wanted when the programs
// must not start: their data cannot be had on this trial.
// Errors: those of the updater's steps.
Result<CycleOutcome> run_before_services(Updater& updater);

}  // namespace tenon::client
