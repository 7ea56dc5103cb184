// DeviceRuntime: the adapters of a real device, wired to one updater. The store's lock is held as long as it lives.
#pragma once

#include <tenon/client/bundle/bundle_file.h>
#include <tenon/client/daemon/config.h>
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

// configured_sources gives the addresses of the configuration. Errors: E_USAGE; E_NET when curl cannot start.
Result<SourceList> configured_sources(const DeviceConfig& config, const std::string& user_agent);
// bundle_source gives a bundle in place of them all.
SourceList bundle_source(BundleFile bundle);

class DeviceRuntime {
 public:
  // open Pre: whoever acts has one source at least. Caller must keep the reporter alive.
  // Errors: E_BUSY when another process holds the store; E_STORAGE; E_HW; E_USAGE
  static Result<std::unique_ptr<DeviceRuntime>> open(const DeviceConfig& config, Access access, SourceList sources,
                                                     Reporter& reporter);
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

// load_config reads the configuration file. Errors: E_USAGE
Result<DeviceConfig> load_config(const std::string& path);

}  // namespace tenon::client
