// What an install would fetch and write, for programs.
#pragma once

#include <tenon/client/updater/updater.h>
#include <tenon/metadata/json.h>

namespace tenon::client {

// plan_json Schema 1: members are added, never renamed. bytes_per_second: of the link, for the time that fetching takes.
json::Object plan_json(const InstallPlan& plan, std::uint64_t bytes_per_second);

}  // namespace tenon::client
