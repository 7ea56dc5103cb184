// Root: the keys of the four top-level roles, and the root of all trust.
// Spec: 4.3
#pragma once

#include <tenon/metadata/role_header.h>

#include <map>
#include <string_view>

namespace tenon::metadata {

enum class TopRole { kRoot, kTimestamp, kSnapshot, kTargets };
inline constexpr TopRole kTopRoles[] = {TopRole::kRoot, TopRole::kTimestamp, TopRole::kSnapshot, TopRole::kTargets};
std::string_view to_string(TopRole role);

struct Root {
  static constexpr std::string_view kType = "root";

  RoleHeader header;
  bool consistent_snapshot = true;  // absent reads as false; always written
  KeyMap keys;
  std::map<TopRole, RoleKeys> roles;  // all four
  json::Object extra_roles = {};      // top-level roles we do not know, and the members of roles we do not know
  json::Object extra = {};

  // parse reads the "signed" part. Errors: E_PARSE, for a missing role too; E_POLICY for a weak key.
  static Result<Root> parse(const json::Value& value);
  json::Value to_json() const;

  const RoleKeys& role(TopRole name) const { return roles.at(name); }
  bool operator==(const Root&) const = default;
};

}  // namespace tenon::metadata
