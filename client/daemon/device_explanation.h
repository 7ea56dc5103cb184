// Why a device is where it is, from its state and its history. Pure.
// Thread: any.
#pragma once

#include <tenon/client/store/history_lines.h>
#include <tenon/client/updater/updater.h>

#include <vector>

namespace tenon::client {

// explanation_json Schema 1: members are added, never renamed. events: the oldest first.
json::Object explanation_json(const Status& status, const std::vector<StoredEvent>& events);

}  // namespace tenon::client
