// What a device answers, in words for people. Pure.
// Thread: any.
#pragma once

#include <tenon/metadata/json.h>

#include <string>

namespace tenon::client {

// Each takes the answer of the method of that name; what it lacks is left out.
std::string status_text(const json::Object& answer);
std::string plan_text(const json::Object& answer);
std::string defer_text(const json::Object& answer);
std::string explain_text(const json::Object& answer);
std::string history_text(const json::Object& answer);
std::string doctor_text(const json::Object& answer);

}  // namespace tenon::client
