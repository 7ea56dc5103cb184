// Members of an answer, read by who shows it: what is not there, or is something else, is empty. Pure.
// Thread: any.
#pragma once

#include <tenon/metadata/json.h>

#include <string>
#include <string_view>
#include <vector>

namespace tenon::client {

std::string string_in(const json::Object& object, std::string_view name);
bool true_in(const json::Object& object, std::string_view name);
std::int64_t number_in(const json::Object& object, std::string_view name);
// object_in and objects_in live as long as the object.
const json::Object& object_in(const json::Object& object, std::string_view name);
std::vector<const json::Object*> objects_in(const json::Object& object, std::string_view name);

}  // namespace tenon::client
