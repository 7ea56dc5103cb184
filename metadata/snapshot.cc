#include <tenon/metadata/snapshot.h>
#include <tenon/metadata/utf8.h>

namespace tenon::metadata {

Result<Snapshot> Snapshot::parse(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "signed"));
  Snapshot snapshot;
  TENON_TRY(snapshot.header, RoleHeader::read(fields, kType));
  TENON_TRY(const json::Fields meta, fields.object("meta"));
  for (const json::Member& member : meta.all()) {
    TENON_TRY(json::Fields entry, meta.item(member));
    TENON_TRY(MetaEntry read, MetaEntry::read(std::move(entry)));
    snapshot.meta.emplace_hint(snapshot.meta.end(), member.name, std::move(read));
  }
  snapshot.extra = fields.rest();
  return snapshot;
}

json::Value Snapshot::to_json() const {
  json::Object object = extra;
  header.write(object, kType);
  std::vector<json::Member> members;
  for (const auto& [name, entry] : meta) members.push_back({name, entry.to_json()});
  object.set("meta", *json::Object::from_members(std::move(members)));
  return object;
}

const MetaEntry* Snapshot::find(const RoleName& role) const {
  const auto at = meta.find(role.meta_key());
  return at == meta.end() ? nullptr : &at->second;
}

}  // namespace tenon::metadata
