#include <tenon/metadata/role_header.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::metadata {
namespace {

// "1.0" or "1.0.34", any minor: two or three decimal parts of which the first is 1.
bool is_known_spec_version(std::string_view text) {
  const auto is_part = [](std::string_view part) {
    return !part.empty() && part.size() <= 4 && part.find_first_not_of("0123456789") == part.npos;
  };
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t dot = text.find('.');
    parts.push_back(text.substr(0, dot));
    if (dot == text.npos) break;
    text.remove_prefix(dot + 1);
  }
  return (parts.size() == 2 || parts.size() == 3) && parts[0] == "1" && std::ranges::all_of(parts, is_part);
}

}  // namespace

Result<RoleHeader> RoleHeader::read(json::Fields& fields, std::string_view type) {
  RoleHeader header;
  TENON_TRY(const std::string got_type, fields.string("_type"));
  if (got_type != type) {
    return fields.error("_type is \"" + printable(got_type, 40) + "\", not \"" + std::string(type) + "\"");
  }
  TENON_TRY(header.spec_version, fields.string("spec_version"));
  if (!is_known_spec_version(header.spec_version)) {
    return fields.error("spec_version \"" + printable(header.spec_version, 40) + "\" is not 1.x");
  }
  TENON_TRY(const std::int64_t version, fields.integer("version"));
  TENON_TRY(header.version, fields.located(Version::create(version)));
  TENON_TRY(const std::string expires, fields.string("expires"));
  TENON_TRY(header.expires, UtcTime::parse(expires).with_context(fields.where() + ".expires"));
  return header;
}

void RoleHeader::write(json::Object& object, std::string_view type) const {
  object.set("_type", std::string(type));
  object.set("expires", expires.text());
  object.set("spec_version", spec_version);
  object.set("version", version.value());
}

Result<RoleKeys> RoleKeys::read(json::Fields& fields) {
  std::vector<KeyId> keyids;
  TENON_TRY(const json::Array* entries, fields.array("keyids"));
  for (const json::Value& entry : *entries) {
    if (entry.string() == nullptr) return fields.error("a keyid is " + std::string(entry.kind()) + ", not a string");
    TENON_TRY(KeyId keyid, fields.located(KeyId::parse(*entry.string())));
    keyids.push_back(std::move(keyid));
  }
  std::vector<KeyId> sorted = keyids;
  std::ranges::sort(sorted);
  if (const auto twin = std::ranges::adjacent_find(sorted); twin != sorted.end()) {
    return fields.error("keyid " + printable(twin->text()) + " is listed twice");
  }
  TENON_TRY(const std::int64_t count, fields.integer("threshold"));
  TENON_TRY(Threshold threshold, fields.located(Threshold::create(count)));
  return RoleKeys{std::move(keyids), threshold};
}

void RoleKeys::write(json::Object& object) const {
  json::Array entries;
  for (const KeyId& keyid : keyids) entries.push_back(keyid.text());
  object.set("keyids", std::move(entries));
  object.set("threshold", static_cast<std::int64_t>(threshold.value()));
}

Result<KeyMap> read_keys(json::Fields fields) {
  KeyMap keys;
  for (const json::Member& member : fields.all()) {
    TENON_TRY(KeyId keyid, fields.located(KeyId::parse(member.name)));
    TENON_TRY(PublicKey key,
              PublicKey::parse(member.value).with_context(fields.where() + "." + printable(member.name)));
    keys.emplace(std::move(keyid), std::move(key));
  }
  return keys;
}

json::Value write_keys(const KeyMap& keys) {
  std::vector<json::Member> members;
  for (const auto& [keyid, key] : keys) members.push_back({keyid.text(), key.value()});
  return *json::Object::from_members(std::move(members));
}

}  // namespace tenon::metadata
