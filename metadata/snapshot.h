// Snapshot: which version of every targets role belongs together.
// Spec: 4.4
#pragma once

#include <tenon/metadata/meta_entry.h>
#include <tenon/metadata/role_header.h>
#include <tenon/metadata/role_name.h>

#include <map>
#include <string>

namespace tenon::metadata {

struct Snapshot {
  static constexpr std::string_view kType = "snapshot";

  RoleHeader header;
  std::map<std::string, MetaEntry, std::less<>> meta;  // by "ROLE.json", an opaque string
  json::Object extra = {};

  // parse reads the "signed" part. Errors: E_PARSE.
  static Result<Snapshot> parse(const json::Value& value);
  json::Value to_json() const;

  // find gives null for a role that is not listed.
  const MetaEntry* find(const RoleName& role) const;
  bool operator==(const Snapshot&) const = default;
};

}  // namespace tenon::metadata
