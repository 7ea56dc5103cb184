// DeviceHealth: a device is fit to stay when its courier can be reached, without which it could never be updated again, and
// the commands of the configuration say so.
// Thread: one call at a time.
#pragma once

#include <tenon/client/errands/courier_link.h>
#include <tenon/client/health/command_health.h>

#include <vector>

namespace tenon::client {

class DeviceHealth final : public Health {
 public:
  // Caller must keep the courier alive.
  DeviceHealth(CourierLink& courier, std::vector<HealthCommand> commands)
      : courier_(courier), commands_(std::move(commands)) {}

  HealthReport check() override;

 private:
  CourierLink& courier_;
  CommandHealth commands_;
};

}  // namespace tenon::client
