// DeviceRuntime: the adapters of a real device, wired to one updater. The store's lock is held as long as it lives.
#pragma once

#include <tenon/client/daemon/config.h>
#include <tenon/client/updater/updater.h>

#include <memory>
#include <string>

namespace tenon::client {

enum class Access {
  kAct,   // takes the lock
  kLook,  // takes none and changes nothing: for status()
};

class DeviceRuntime {
 public:
  // open Caller must keep the reporter alive.
  // Errors: E_BUSY when another process holds the store; E_STORAGE; E_HW; E_USAGE
  static Result<std::unique_ptr<DeviceRuntime>> open(const DeviceConfig& config, Access access, std::string user_agent,
                                                     Reporter& reporter);
  ~DeviceRuntime();

  Updater& updater();

 private:
  struct Adapters;
  explicit DeviceRuntime(std::unique_ptr<Adapters> adapters);
  std::unique_ptr<Adapters> adapters_;
};

// runs_on_trial asks the boot record alone, for when nothing else of the device can be opened.
// Errors: E_HW
Result<bool> runs_on_trial(const DeviceConfig& config);

// load_config reads the configuration file. Errors: E_USAGE
Result<DeviceConfig> load_config(const std::string& path);

}  // namespace tenon::client
