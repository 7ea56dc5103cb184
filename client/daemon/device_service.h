// DeviceService: the methods of org.tenon.Update, done by this process with the device's own adapters. Methods that act hold the store's
// lock from their beginning to their end.
// Thread: any; of those that act at once one works and the others get E_BUSY.
#pragma once

#include <tenon/client/config/device_config.h>
#include <tenon/client/control/device_control.h>
#include <tenon/client/errands/courier_link.h>

#include <mutex>
#include <set>
#include <string>

namespace tenon::client {

class DeviceService final : public DeviceControl {
 public:
  // Caller must keep the courier alive.
  DeviceService(DeviceConfig config, CourierLink& courier) : config_(std::move(config)), courier_(courier) {}

  // call Errors: those of the updater's steps; E_BUSY while another one acts.
  Result<json::Object> call(const ControlCall& call, Reporter& reporter) override;

  // The methods, by what they need: those that only look change nothing and ask nobody.
  static std::set<std::string> looks();
  static std::set<std::string> acts();
  // description is the interface in varlink's language.
  static std::string description();

 private:
  DeviceConfig config_;
  CourierLink& courier_;
  std::mutex looking_;  // one at a time: what everybody may do takes little memory
};

}  // namespace tenon::client
