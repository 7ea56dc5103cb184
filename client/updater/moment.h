// Moment: which wishes count for which step of an update. Fetching and writing disturb nobody, so that they wait for a link that is
// not metered, and for nothing else; arming and the reboot fetch nothing, and wait for the maintenance window and for a
// person who wants to wait. No wish counts beside a rule of trust. Pure.
// Thread: any.
#pragma once

#include <tenon/policies/device_rules.h>

namespace tenon::client {

// Wishes about the moment, of those who own the device: heeded, or passed over by one of them.
enum class Wishes { kHeed, kPassOver };

policies::DeviceFacts for_writing(policies::DeviceFacts facts);
policies::DeviceFacts for_arming(policies::DeviceFacts facts);
policies::DeviceFacts without_wishes(policies::DeviceFacts facts);

// reason_code of what a rule decided, as histories and reports have it: "policy.window", "user.deferred".
std::string reason_code(std::string_view rule);

}  // namespace tenon::client
