// DeviceRuntime: the adapters of a real device, wired to one updater. The store's lock is held as long as it lives.
#pragma once

#include <tenon/client/bundle/bundle_file.h>
#include <tenon/client/config/device_config.h>
#include <tenon/client/errands/courier_link.h>
#include <tenon/client/ports/fetcher.h>
#include <tenon/client/store/history_log.h>
#include <tenon/client/updater/updater.h>

#include <memory>
#include <string>
#include <vector>

namespace tenon::client {

enum class Access {
  kAct,   // takes the lock
  kLook,  // takes none and changes nothing: for status()
};

// SourceList is where a device reads the repository, in the order in which they are tried.
using SourceList = std::vector<std::unique_ptr<Fetcher>>;

// system_time is what the system's clock says.
metadata::UtcTime system_time();
// open_boot_control opens the bootloader's record, of U-Boot or of GRUB. Errors: E_HW
Result<std::unique_ptr<BootControl>> open_boot_control(const DeviceConfig& config);

// link_to_courier leads to the courier of the configuration, or starts one. Caller must: do so before confine_device().
CourierLink link_to_courier(const DeviceConfig& config, const std::string& config_path);
// configured_sources gives the addresses of the configuration, all through one courier. Caller must: keep the link
// alive.
SourceList configured_sources(const DeviceConfig& config, CourierLink& courier);
// bundle_source gives a bundle in place of them all.
SourceList bundle_source(BundleFile bundle);

class DeviceRuntime {
 public:
  // open Pre: whoever acts has one source at least. Caller must keep courier and reporter alive.
  // Errors: E_BUSY when another process holds the store; E_STORAGE; E_HW; E_USAGE
  static Result<std::unique_ptr<DeviceRuntime>> open(const DeviceConfig& config, Access access, SourceList sources,
                                                     CourierLink& courier, Reporter& reporter);
  ~DeviceRuntime();

  Updater& updater();
  // record_failure keeps what went wrong in the device's history, when it is there to act.
  void record_failure(const Error& error);

 private:
  struct Adapters;
  explicit DeviceRuntime(std::unique_ptr<Adapters> adapters);
  std::unique_ptr<Adapters> adapters_;
};

// read_history gives what a device keeps of its life. Errors: E_STORAGE
Result<ReadHistory> read_history(const DeviceConfig& config);

// runs_on_trial asks the boot record alone, for when nothing else of the device can be opened.
// Errors: E_HW
Result<bool> runs_on_trial(const DeviceConfig& config);

}  // namespace tenon::client
