// Edits of JSON values by path, for tests that need metadata nobody would write: {"roles", "root", "threshold"}; a
// number is an index into an array.
// Thread: none of its own.
#pragma once

#include <tenon/metadata/json.h>

#include <string>
#include <vector>

namespace tenon::tests {

using JsonPath = std::vector<std::string>;

// with gives the value with the member at that path set. Pre: all but the last step exist.
json::Value with(const json::Value& value, const JsonPath& path, json::Value replacement);

// without gives the value with the member at that path gone.
json::Value without(const json::Value& value, const JsonPath& path);

// at gives the member at that path. Pre: it exists.
const json::Value& at(const json::Value& value, const JsonPath& path);

// paths_of lists every place inside a value, the value itself left out, parents before children.
std::vector<JsonPath> paths_of(const json::Value& value);

// text_of writes a path for a message: "roles/root/threshold".
std::string text_of(const JsonPath& path);

// replaced gives the text with every occurrence of `from` replaced; aborts when there is none.
std::string replaced(std::string text, const std::string& from, const std::string& to);

}  // namespace tenon::tests
