#include <tenon/metadata/root.h>

namespace tenon::metadata {

std::string_view to_string(TopRole role) {
  switch (role) {
    case TopRole::kRoot: return "root";
    case TopRole::kTimestamp: return "timestamp";
    case TopRole::kSnapshot: return "snapshot";
    case TopRole::kTargets: return "targets";
  }
  return "";
}

Result<Root> Root::parse(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "signed"));
  TENON_TRY(RoleHeader header, RoleHeader::read(fields, kType));
  bool consistent_snapshot = false;
  if (fields.optional("consistent_snapshot") != nullptr) {
    TENON_TRY(consistent_snapshot, fields.boolean("consistent_snapshot"));
  }
  TENON_TRY(json::Fields key_fields, fields.object("keys"));
  TENON_TRY(KeyMap keys, read_keys(std::move(key_fields)));
  TENON_TRY(json::Fields role_fields, fields.object("roles"));
  std::map<TopRole, RoleKeys> roles;
  for (TopRole role : kTopRoles) {
    TENON_TRY(json::Fields one, role_fields.object(to_string(role)));
    TENON_TRY(RoleKeys role_keys, RoleKeys::read(one));
    role_keys.extra = one.rest();
    roles.emplace(role, std::move(role_keys));
  }
  return Root{std::move(header), consistent_snapshot, std::move(keys),
              std::move(roles),  role_fields.rest(),  fields.rest()};
}

json::Value Root::to_json() const {
  json::Object object = extra;
  header.write(object, kType);
  object.set("consistent_snapshot", consistent_snapshot);
  object.set("keys", write_keys(keys));
  json::Object role_objects = extra_roles;
  for (const auto& [name, role_keys] : roles) {
    json::Object one = role_keys.extra;
    role_keys.write(one);
    role_objects.set(std::string(to_string(name)), std::move(one));
  }
  object.set("roles", std::move(role_objects));
  return object;
}

}  // namespace tenon::metadata
