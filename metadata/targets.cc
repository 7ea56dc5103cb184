#include <tenon/metadata/targets.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <set>

namespace tenon::metadata {
namespace {

constexpr std::size_t kMaxPatterns = 1024;        // tuf.md 5.4
constexpr std::size_t kMaxHashPrefixes = 65'536;  // a role of hashed bins lists 2^16 prefixes at the most
constexpr std::size_t kMaxPrefixDigits = 64;      // a whole SHA-256
constexpr int kMaxBitLength = 32;                 // TAP 15
constexpr std::string_view kDigits = "0123456789abcdef";

Result<std::string> read_text(const json::Value& value, const json::Fields& fields, std::string_view what) {
  if (const std::string* text = value.string()) return *text;
  return fields.error(std::string(what) + " is " + std::string(value.kind()) + ", not a string");
}

Result<std::string> read_hash_prefix(const json::Value& value, const json::Fields& fields) {
  TENON_TRY(std::string prefix, read_text(value, fields, "a path hash prefix"));
  if (prefix.size() > kMaxPrefixDigits || prefix.find_first_not_of(kDigits) != prefix.npos) {
    return fields.error("path hash prefix \"" + printable(prefix, 80) + "\" is not up to 64 lower-case hex digits");
  }
  return prefix;
}

Result<PathSet> read_path_set(json::Fields& fields) {
  PathSet set;
  if (fields.optional("paths") != nullptr) {
    TENON_TRY(const json::Array* entries, fields.array("paths"));
    if (entries->size() > kMaxPatterns) return Error{ErrorCode::kLimit, fields.where() + ": more than 1024 paths"};
    set.patterns.emplace();
    for (const json::Value& entry : *entries) {
      TENON_TRY(const std::string text, read_text(entry, fields, "a path"));
      TENON_TRY(PathPattern pattern, PathPattern::parse(text).with_context(fields.where()));
      set.patterns->push_back(std::move(pattern));
    }
  }
  if (fields.optional("path_hash_prefixes") != nullptr) {
    if (set.patterns) return fields.error("has both paths and path_hash_prefixes");
    TENON_TRY(const json::Array* entries, fields.array("path_hash_prefixes"));
    if (entries->size() > kMaxHashPrefixes) return Error{ErrorCode::kLimit, fields.where() + ": too many prefixes"};
    set.hash_prefixes.emplace();
    for (const json::Value& entry : *entries) {
      TENON_TRY(std::string prefix, read_hash_prefix(entry, fields));
      set.hash_prefixes->push_back(std::move(prefix));
    }
  }
  return set;
}

void write_path_set(const PathSet& set, json::Object& object) {
  json::Array entries;
  if (set.patterns) {
    for (const PathPattern& pattern : *set.patterns) entries.push_back(pattern.text());
    object.set("paths", std::move(entries));
  } else if (set.hash_prefixes) {
    for (const std::string& prefix : *set.hash_prefixes) entries.push_back(prefix);
    object.set("path_hash_prefixes", std::move(entries));
  }
}

std::string hex_of(std::uint64_t number, std::size_t digits) {
  std::string text(digits, '0');
  for (auto digit = text.rbegin(); digit != text.rend(); ++digit, number >>= 4) *digit = kDigits[number & 15];
  return text;
}

Sha256 path_hash(const TargetPath& path) {
  return Sha256::of(as_bytes(path.text()));
}

// How many hex digits hold that many bits.
std::size_t digits_for(int bits) {
  return static_cast<std::size_t>(bits + 3) / 4;
}

Result<SuccinctRoles> read_succinct_roles(json::Fields fields) {
  TENON_TRY(RoleKeys keys, RoleKeys::read(fields));
  TENON_TRY(const std::int64_t bits, fields.integer("bit_length"));
  TENON_TRY(std::string prefix, fields.string("name_prefix"));
  TENON_TRY(SuccinctRoles bins, fields.located(SuccinctRoles::create(std::move(keys), bits, std::move(prefix))));
  bins.extra = fields.rest();
  return bins;
}

json::Value write_succinct_roles(const SuccinctRoles& bins) {
  json::Object object = bins.extra;
  bins.keys.write(object);
  object.set("bit_length", bins.bit_length);
  object.set("name_prefix", bins.name_prefix);
  return object;
}

Result<DelegatedRole> read_delegated_role(const json::Value& value, const std::string& where) {
  TENON_TRY(json::Fields role, json::Fields::of(value, where + ".roles"));
  TENON_TRY(const std::string name_text, role.string("name"));
  TENON_TRY(RoleName name, RoleName::parse_delegated(name_text).with_context(where));
  TENON_TRY(RoleKeys role_keys, RoleKeys::read(role));
  TENON_TRY(PathSet paths, read_path_set(role));
  bool terminating = false;
  if (role.optional("terminating") != nullptr) {
    TENON_TRY(terminating, role.boolean("terminating"));
  }
  return DelegatedRole{std::move(name), std::move(role_keys), std::move(paths), terminating, role.rest()};
}

Result<Delegations> read_delegations(json::Fields fields) {
  Delegations delegations;
  TENON_TRY(json::Fields key_fields, fields.object("keys"));
  TENON_TRY(delegations.keys, read_keys(std::move(key_fields)));
  const bool has_roles = fields.optional("roles") != nullptr;
  if (fields.optional("succinct_roles") != nullptr) {
    if (has_roles) return fields.error("has both roles and succinct_roles");
    TENON_TRY(json::Fields bins, fields.object("succinct_roles"));
    TENON_TRY(delegations.bins, read_succinct_roles(std::move(bins)));
  } else {
    TENON_TRY(const json::Array* entries, fields.array("roles"));
    std::set<RoleName> names;
    for (const json::Value& entry : *entries) {
      TENON_TRY(DelegatedRole role, read_delegated_role(entry, fields.where()));
      if (!names.insert(role.name).second) {
        return fields.error("role \"" + printable(role.name.text()) + "\" is delegated to twice");
      }
      delegations.roles.push_back(std::move(role));
    }
  }
  delegations.extra = fields.rest();
  return delegations;
}

json::Value write_delegations(const Delegations& delegations) {
  json::Object object = delegations.extra;
  object.set("keys", write_keys(delegations.keys));
  if (delegations.bins) {
    object.set("succinct_roles", write_succinct_roles(*delegations.bins));
    return object;
  }
  json::Array roles;
  for (const DelegatedRole& role : delegations.roles) {
    json::Object one = role.extra;
    one.set("name", role.name.text());
    role.keys.write(one);
    write_path_set(role.paths, one);
    one.set("terminating", role.terminating);
    roles.push_back(std::move(one));
  }
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
  if (hash_prefixes) {
    const std::string hex = path_hash(path).hex();
    return std::ranges::any_of(*hash_prefixes, [&](const std::string& prefix) { return hex.starts_with(prefix); });
  }
  if (!patterns) return false;
  for (const PathPattern& pattern : *patterns) {
    TENON_TRY(const bool matched, pattern.matches(path.text()));
    if (matched) return true;
  }
  return false;
}

Result<SuccinctRoles> SuccinctRoles::create(RoleKeys keys, std::int64_t bit_length, std::string name_prefix) {
  if (bit_length < 1 || bit_length > kMaxBitLength) {
    return Error{ErrorCode::kParse,
                 "bit_length " + std::to_string(bit_length) + " is not 1 to " + std::to_string(kMaxBitLength)};
  }
  if (name_prefix.empty() || name_prefix.front() == '.' || name_prefix.find_first_of("/\\") != name_prefix.npos) {
    return Error{ErrorCode::kParse,
                 "name_prefix \"" + printable(name_prefix, 80) + "\" is empty, a path, or begins with a dot"};
  }
  const int bits = static_cast<int>(bit_length);
  TENON_TRY_VOID(RoleName::parse_delegated(name_prefix + "-" + std::string(digits_for(bits), '0')));
  return SuccinctRoles{std::move(keys), bits, std::move(name_prefix)};
}

// A bin is the same as a role with the hash prefixes that begin with its bits: one, or up to eight of them where the bits
// end inside a hex digit.
DelegatedRole SuccinctRoles::bin(std::uint64_t number) const {
  const std::size_t digits = digits_for(bit_length);
  const unsigned open_bits = static_cast<unsigned>(digits) * 4 - static_cast<unsigned>(bit_length);
  std::vector<std::string> prefixes;
  for (std::uint64_t tail = 0; tail < 1u << open_bits; ++tail) {
    prefixes.push_back(hex_of(number << open_bits | tail, digits));
  }
  return {*RoleName::parse_delegated(name_prefix + "-" + hex_of(number, digits)), keys,
          PathSet{.hash_prefixes = std::move(prefixes)}, true};
}

std::uint64_t SuccinctRoles::number_of(const TargetPath& path) const {
  const Sha256 hash = path_hash(path);
  std::uint32_t number = 0;
  for (int i = 0; i < 4; ++i) number = number << 8 | hash.bytes[static_cast<std::size_t>(i)];
  return number >> (kMaxBitLength - bit_length);
}

std::optional<std::uint64_t> SuccinctRoles::number_of_bin(std::string_view role) const {
  const std::size_t digits = digits_for(bit_length);
  if (role.size() != name_prefix.size() + 1 + digits || !role.starts_with(name_prefix)) return std::nullopt;
  if (role[name_prefix.size()] != '-') return std::nullopt;
  std::uint64_t number = 0;
  for (const char digit : role.substr(name_prefix.size() + 1)) {
    const std::size_t value = kDigits.find(digit);
    if (value == kDigits.npos) return std::nullopt;
    number = number << 4 | value;
  }
  return number < count() ? std::optional(number) : std::nullopt;
}

std::vector<Result<DelegatedRole>> Delegations::matching(const TargetPath& path, std::size_t most) const {
  if (bins) return {bins->bin_of(path)};
  std::vector<Result<DelegatedRole>> matched;
  for (const DelegatedRole& role : roles) {
    if (matched.size() == most) break;
    const Result<bool> matches = role.paths.contains(path);
    if (!matches) {
      matched.push_back(matches.error());
      break;
    }
    if (!*matches) continue;
    matched.push_back(DelegatedRole{role.name, role.keys, {}, role.terminating});
    if (role.terminating) break;
  }
  return matched;
}

void Delegations::drop_unused_keys() {
  std::set<KeyId> used;
  for (const DelegatedRole& role : roles) used.insert(role.keys.keyids.begin(), role.keys.keyids.end());
  if (bins) used.insert(bins->keys.keyids.begin(), bins->keys.keyids.end());
  std::erase_if(keys, [&](const auto& key) { return !used.contains(key.first); });
}

Result<Targets> Targets::parse(const json::Value& value) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, "signed"));
  Targets targets;
  TENON_TRY(targets.header, RoleHeader::read(fields, kType));
  TENON_TRY(const json::Fields entries, fields.object("targets"));
  for (const json::Member& member : entries.all()) {
    TENON_TRY(json::Fields entry, entries.item(member));
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
