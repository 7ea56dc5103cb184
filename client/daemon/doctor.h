// The doctor: what of a device can be looked at and may be wrong, a finding for each check. It changes nothing and asks nobody outside the
// device. It is for before a fault is met: each check is of something that an update, or a way back, will need.
// Thread: any.
#pragma once

#include <tenon/client/boot/running_boot.h>
#include <tenon/client/config/device_config.h>
#include <tenon/client/ports/boot_control.h>
#include <tenon/client/ports/reporter.h>
#include <tenon/client/store/file_store.h>
#include <tenon/client/updater/device_state.h>
#include <tenon/metadata/json.h>

#include <optional>
#include <string>
#include <vector>

namespace tenon::client {

enum class Grade {
  kOk,
  kWarning,  // it works, and somebody should look at it
  kProblem,  // an update, or the way back from one, will fail
};

struct Finding {
  std::string check;  // stable for programs: "boot_record"
  Grade grade = Grade::kOk;
  std::string text = {};
  std::string advice = {};  // what to do; empty when all is well
};
using Findings = std::vector<Finding>;

// examine makes all checks. courier_is_lost: that the one which was started has ended.
Findings examine(const DeviceConfig& config, metadata::UtcTime now, bool courier_is_lost, Reporter& reporter);

// findings_json Schema 1: members are added, never renamed.
json::Object findings_json(const Findings& findings);

// The parts of examine(). Each check is left out when what it needs could not be had, which is a finding of its own.
Findings examine_store(const DeviceConfig& config);
Findings examine_trust(const DeviceConfig& config, metadata::UtcTime now);
Findings examine_boot(const DeviceConfig& config, BootControl& boot);
Findings examine_slots(const DeviceConfig& config, SlotGroup running, Reporter& reporter);
Findings examine_neighbours(const DeviceConfig& config, bool courier_is_lost);

// found makes a finding of what went wrong. otherwise: the advice for an error that has no hint.
Finding found(std::string check, Grade grade, const Error& error,
              std::string otherwise = "look at the kernel's log for errors of the disk");

}  // namespace tenon::client
