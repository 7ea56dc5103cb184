// When the daemon asks the repository again. Pure.
// Thread: any.
#pragma once

#include <tenon/client/config/device_config.h>

#include <chrono>
#include <optional>

namespace tenon::client {

// Awaited is a moment that an update waits for.
struct Awaited {
  bool is_window = false;                       // the maintenance window, whenever that opens
  std::optional<std::chrono::seconds> in = {};  // how long it is until then, where that is known
};

// until_next_check is the interval and up to a tenth more, or shortly after what is awaited when that is sooner.
// chance: from 0 to below 1. Devices that were switched on together, or whose window opens together, do not ask together.
std::chrono::seconds until_next_check(const DeviceConfig& config, const Awaited& awaited, double chance);

}  // namespace tenon::client
