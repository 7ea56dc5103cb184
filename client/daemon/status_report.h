// The status of a device, for people and for programs.
#pragma once

#include <tenon/client/config/device_config.h>
#include <tenon/client/updater/updater.h>

#include <string>

namespace tenon::client {

// status_json Schema 1: members are added, never renamed.
json::Value status_json(const DeviceConfig& config, const Status& status);
std::string status_text(const DeviceConfig& config, const Status& status);

}  // namespace tenon::client
