// RoleHeader: what every role's signed part begins with, and RoleKeys: who may sign a role.
#pragma once

#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/public_key.h>
#include <tenon/metadata/utc_time.h>
#include <tenon/metadata/version.h>

#include <string>
#include <vector>

namespace tenon::metadata {

// The specification that this code was written against; citations "Spec: 5.4.3" are to its sections.
inline constexpr std::string_view kTufSpecVersion = "1.0.34";

struct RoleHeader {
  Version version = Version::first();
  UtcTime expires = UtcTime::epoch();
  std::string spec_version = std::string(kTufSpecVersion);

  // read checks "_type" and that spec_version is of major 1.
  // Spec: 4.3
  // Errors: E_PARSE
  static Result<RoleHeader> read(json::Fields& fields, std::string_view type);
  void write(json::Object& object, std::string_view type) const;
  bool operator==(const RoleHeader&) const = default;
};

// RoleKeys names the keys that may sign a role and how many of them must.
// Spec: 4.3
struct RoleKeys {
  std::vector<KeyId> keyids;  // in file order, each once
  Threshold threshold;
  json::Object extra = {};  // members we do not know

  // read takes "keyids" and "threshold". Errors: E_PARSE, for a keyid that stands twice too.
  static Result<RoleKeys> read(json::Fields& fields);
  void write(json::Object& object) const;
  bool operator==(const RoleKeys&) const = default;
};

Result<KeyMap> read_keys(json::Fields fields);
json::Value write_keys(const KeyMap& keys);

}  // namespace tenon::metadata
