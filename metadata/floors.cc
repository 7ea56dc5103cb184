#include <tenon/metadata/floors.h>

#include <algorithm>

namespace tenon::metadata {
namespace {

template <class T>
void raise(std::optional<T>& floor, T seen) {
  if (!floor || *floor < seen) floor = seen;
}

// The role is part of it, so that a key that leaves one of the two roles and stays in the other counts as rotated.
Sha256 fingerprint_in(TopRole role, const KeyMaterial& key) {
  Bytes all = to_bytes(to_string(role));
  all.push_back(0);
  const Sha256 fingerprint = key.fingerprint();
  all.insert(all.end(), fingerprint.bytes.begin(), fingerprint.bytes.end());
  return Sha256::of(all);
}

std::set<Sha256> online_keys(const Root& root) {
  std::set<Sha256> fingerprints;
  for (TopRole role : {TopRole::kTimestamp, TopRole::kSnapshot}) {
    for (const KeyId& keyid : root.role(role).keyids) {
      const auto key = root.keys.find(keyid);
      if (key != root.keys.end() && key->second.material()) {
        fingerprints.insert(fingerprint_in(role, *key->second.material()));
      }
    }
  }
  return fingerprints;
}

Result<std::optional<Version>> read_version(json::Fields& fields, std::string_view name) {
  if (fields.optional(name) == nullptr) return std::optional<Version>();
  TENON_TRY(const std::int64_t number, fields.integer(name));
  TENON_TRY(const Version version, Version::create(number));
  return std::optional(version);
}

}  // namespace

void VersionFloors::raise_root(const Root& seen) {
  raise(root, seen.header.version);
}

void VersionFloors::raise_timestamp(const Timestamp& seen) {
  raise(timestamp, seen.header.version);
  raise(snapshot, seen.snapshot.version);
  if (seen.issued) raise(issued, *seen.issued);
}

void VersionFloors::raise_snapshot(const Snapshot& seen) {
  raise(snapshot, seen.header.version);
  for (const auto& [name, entry] : seen.meta) {
    const auto [at, added] = targets.emplace(name, entry.version);
    if (!added) at->second = std::max(at->second, entry.version);
  }
}

VersionFloors VersionFloors::under(const Root& newest) const {
  const std::set<Sha256> current = online_keys(newest);
  VersionFloors floors = *this;
  if (!std::ranges::includes(current, learned_under)) {
    floors = VersionFloors{.root = root, .forget_stored = true};
  }
  floors.learned_under = current;
  return floors;
}

// A key that was removed and listed again within one session shows only in a floor that fell.
bool VersionFloors::forgot(const VersionFloors& earlier) const {
  return !std::ranges::includes(learned_under, earlier.learned_under) || timestamp < earlier.timestamp;
}

json::Value VersionFloors::to_json() const {
  json::Object object;
  if (root) object.set("root", root->value());
  if (timestamp) object.set("timestamp", timestamp->value());
  if (snapshot) object.set("snapshot", snapshot->value());
  if (issued) object.set("issued", issued->text());
  json::Object roles;
  for (const auto& [name, version] : targets) roles.set(name, version.value());
  object.set("targets", std::move(roles));
  json::Array keys;
  for (const Sha256& fingerprint : learned_under) keys.push_back(fingerprint.hex());
  object.set("learned_under", std::move(keys));
  if (forget_stored) object.set("forget_stored", true);
  return object;
}

Result<VersionFloors> VersionFloors::parse(const json::Value& value) {
  VersionFloors floors;
  TENON_TRY(json::Fields fields, json::Fields::of(value, "floors"));
  TENON_TRY(floors.root, read_version(fields, "root"));
  TENON_TRY(floors.timestamp, read_version(fields, "timestamp"));
  TENON_TRY(floors.snapshot, read_version(fields, "snapshot"));
  if (fields.optional("issued") != nullptr) {
    TENON_TRY(const std::string text, fields.string("issued"));
    TENON_TRY(floors.issued, UtcTime::parse(text));
  }
  TENON_TRY(json::Fields roles, fields.object("targets"));
  for (const json::Member& member : roles.all()) {
    TENON_TRY(const std::int64_t number, roles.integer(member.name));
    TENON_TRY(const Version version, Version::create(number));
    floors.targets.emplace(member.name, version);
  }
  TENON_TRY(const json::Array* keys, fields.array("learned_under"));
  for (const json::Value& key : *keys) {
    if (key.string() == nullptr) return fields.error("a fingerprint is no string");
    TENON_TRY(const Sha256 fingerprint, Sha256::parse(*key.string()));
    floors.learned_under.insert(fingerprint);
  }
  if (fields.optional("forget_stored") != nullptr) {
    TENON_TRY(floors.forget_stored, fields.boolean("forget_stored"));
  }
  TENON_TRY_VOID(fields.finish());
  return floors;
}

}  // namespace tenon::metadata
