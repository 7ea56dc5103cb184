// The status of a device, for programs.
#pragma once

#include <tenon/client/config/device_config.h>
#include <tenon/client/updater/updater.h>
#include <tenon/metadata/json.h>

namespace tenon::client {

// time_json is null for a moment that is not known.
json::Value time_json(const std::optional<metadata::UtcTime>& time);

// status_json Schema 1: members are added, never renamed.
json::Object status_json(const DeviceConfig& config, const Status& status);

}  // namespace tenon::client
