#include <tenon/metadata/targets.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <set>

namespace tenon::metadata {
namespace {

constexpr std::size_t kMaxPatterns = 1024;        // tuf.md 5.4
constexpr std::size_t kMaxHashPrefixes = 65'536;  // a role of hashed bins lists 2^16 prefixes at the most
constexpr std::size_t kMaxPrefixDigits = 64;      // a whole SHA-256

Result<std::string> read_text(const json::Value& value, const json::Fields& fields, std::string_view what) {
  if (const std::string* text = value.string()) return *text;
  return fields.error(std::string(what) + " is " + std::string(value.kind()) + ", not a string");
}

Result<PathSet> read_path_set(json::Fields& fields) {
  PathSet set;
  const bool has_paths = fields.optional("paths") != nullptr;
  set.by_hash = fields.optional("path_hash_prefixes") != nullptr;
  if (has_paths && set.by_hash) return fields.error("has both paths and path_hash_prefixes");
  if (has_paths) {
    TENON_TRY(const json::Array* entries, fields.array("paths"));
    if (entries->size() > kMaxPatterns) return Error{ErrorCode::kLimit, fields.where() + ": more than 1024 paths"};
    for (const json::Value& entry : *entries) {
      TENON_TRY(const std::string text, read_text(entry, fields, "a path"));
      TENON_TRY(PathPattern pattern, PathPattern::parse(text).with_context(fields.where()));
      set.patterns.push_back(std::move(pattern));
    }
  } else if (set.by_hash) {
    TENON_TRY(const json::Array* entries, fields.array("path_hash_prefixes"));
    if (entries->size() > kMaxHashPrefixes) return Error{ErrorCode::kLimit, fields.where() + ": too many prefixes"};
    for (const json::Value& entry : *entries) {
      TENON_TRY(std::string prefix, read_text(entry, fields, "a path hash prefix"));
      if (prefix.size() > kMaxPrefixDigits || prefix.find_first_not_of("0123456789abcdef") != prefix.npos) {
        return fields.error("path hash prefix \"" + printable(prefix, 80) + "\" is not up to 64 lower-case hex digits");
      }
      set.hash_prefixes.push_back(std::move(prefix));
    }
  }
  return set;
}

void write_path_set(const PathSet& set, json::Object& object) {
  json::Array entries;
  for (const PathPattern& pattern : set.patterns) entries.push_back(pattern.text());
  for (const std::string& prefix : set.hash_prefixes) entries.push_back(prefix);
  object.set(set.by_hash ? "path_hash_prefixes" : "paths", std::move(entries));
}

Result<Delegations> read_delegations(json::Fields fields) {
  Delegations delegations;
  TENON_TRY(json::Fields key_fields, fields.object("keys"));
  TENON_TRY(delegations.keys, read_keys(std::move(key_fields)));
  TENON_TRY(const json::Array* entries, fields.array("roles"));
  std::set<RoleName> names;
  for (const json::Value& entry : *entries) {
    TENON_TRY(json::Fields role, json::Fields::of(entry, fields.where() + ".roles"));
    TENON_TRY(const std::string name_text, role.string("name"));
    TENON_TRY(RoleName name, RoleName::parse_delegated(name_text).with_context(fields.where()));
    if (!names.insert(name).second) return fields.error("role \"" + printable(name_text) + "\" is delegated to twice");
    TENON_TRY(RoleKeys role_keys, RoleKeys::read(role));
    TENON_TRY(PathSet paths, read_path_set(role));
    bool terminating = false;
    if (role.optional("terminating") != nullptr) {
      TENON_TRY(terminating, role.boolean("terminating"));
    }
    delegations.roles.push_back({std::move(name), std::move(role_keys), std::move(paths), terminating, role.rest()});
  }
  delegations.extra = fields.rest();
  return delegations;
}

json::Value write_delegations(const Delegations& delegations) {
  json::Array roles;
  for (const DelegatedRole& role : delegations.roles) {
    json::Object object = role.extra;
    object.set("name", role.name.text());
    role.keys.write(object);
    write_path_set(role.paths, object);
    object.set("terminating", role.terminating);
    roles.push_back(std::move(object));
  }
  json::Object object = delegations.extra;
  object.set("keys", write_keys(delegations.keys));
  object.set("roles", std::move(roles));
  return object;
}

}  // namespace

Result<TargetEntry> TargetEntry::read(json::Fields fields) {
  TENON_TRY(const std::uint64_t length, read_length(fields));
  TENON_TRY(json::Fields hash_fields, fields.object("hashes"));
  TENON_TRY(Hashes hashes, Hashes::read(std::move(hash_fields)));
  return TargetEntry{length, std::move(hashes), fields.rest()};
}

json::Value TargetEntry::to_json() const {
  json::Object object = extra;
  object.set("length", static_cast<std::int64_t>(length));
  object.set("hashes", hashes.to_json());
  return object;
}

Result<bool> PathSet::contains(const TargetPath& path) const {
  if (by_hash) {
    const std::string hex = Sha256::of(as_bytes(path.text())).hex();
    return std::ranges::any_of(hash_prefixes, [&](const std::string& prefix) { return hex.starts_with(prefix); });
  }
  for (const PathPattern& pattern : patterns) {
    TENON_TRY(const bool matched, pattern.matches(path.text()));
    if (matched) return true;
  }
  return false;
}

Result<Targets> Targets::parse(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "signed"));
  Targets targets;
  TENON_TRY(targets.header, RoleHeader::read(fields, kType));
  TENON_TRY(const json::Fields entries, fields.object("targets"));
  for (const json::Member& member : entries.all()) {
    TENON_TRY(json::Fields entry, json::Fields::of(member.value, "signed.targets." + printable(member.name, 80)));
    TENON_TRY(TargetEntry read, TargetEntry::read(std::move(entry)));
    targets.targets.emplace_hint(targets.targets.end(), member.name, std::move(read));
  }
  if (fields.optional("delegations") != nullptr) {
    TENON_TRY(json::Fields delegation_fields, fields.object("delegations"));
    TENON_TRY(targets.delegations, read_delegations(std::move(delegation_fields)));
  }
  targets.extra = fields.rest();
  return targets;
}

json::Value Targets::to_json() const {
  json::Object object = extra;
  header.write(object, kType);
  std::vector<json::Member> members;
  for (const auto& [path, entry] : targets) members.push_back({path, entry.to_json()});
  object.set("targets", *json::Object::from_members(std::move(members)));
  if (delegations) object.set("delegations", write_delegations(*delegations));
  return object;
}

const TargetEntry* Targets::find(const TargetPath& path) const {
  const auto at = targets.find(path.text());
  return at == targets.end() ? nullptr : &at->second;
}

}  // namespace tenon::metadata
