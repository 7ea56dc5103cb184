#include <tenon/metadata/utf8.h>
#include <tenon/policies/signing_policy_members.h>

#include <algorithm>
#include <array>

namespace tenon::policies {
namespace {

using metadata::UtcTime;

constexpr std::size_t kMaxRoles = 256;
constexpr std::size_t kMaxCustodians = 1024;
constexpr std::size_t kMaxWaivers = 256;
constexpr std::size_t kMaxListed = 64;       // entries of any other list
constexpr std::size_t kMaxTextBytes = 1024;  // of a reason; all other texts are shorter
constexpr std::int64_t kHoursAlwaysEnough = 72;

// A text that people read before they sign: what it holds is what a terminal shows.
Result<std::string> read_text(json::Fields& fields, std::string_view name) {
  TENON_TRY(std::string text, fields.string(name));
  if (text.size() > kMaxTextBytes) return fields.error(std::string(name) + " is longer than 1024 bytes");
  if (printable(text, kMaxTextBytes) != text) {
    return fields.error(std::string(name) + " \"" + printable(text, 80) + "\" holds characters that cannot be shown");
  }
  return text;
}

Result<std::string> read_required_text(json::Fields& fields, std::string_view name) {
  TENON_TRY(std::string text, read_text(fields, name));
  if (text.empty()) return fields.error(std::string(name) + " is empty");
  return text;
}

Result<UtcTime> read_time(json::Fields& fields, std::string_view name) {
  TENON_TRY(const std::string text, fields.string(name));
  return UtcTime::parse(text).with_context(fields.where() + "." + std::string(name));
}

// A day, as 2026-11-22: its first moment in UTC.
Result<UtcTime> read_day(json::Fields& fields, std::string_view name) {
  TENON_TRY(const std::string text, fields.string(name));
  const Result<UtcTime> day = UtcTime::parse(text + "T00:00:00Z");
  if (!day) return fields.error(std::string(name) + " \"" + printable(text, 40) + "\" is no day, as 2026-11-22");
  return day;
}

Result<std::vector<std::string>> read_texts(json::Fields& fields, std::string_view name) {
  TENON_TRY(const json::Array* entries, fields.array(name));
  if (entries->size() > kMaxListed) return fields.error(std::string(name) + " has more than 64 entries");
  std::vector<std::string> texts;
  for (const json::Value& entry : *entries) {
    const std::string* text = entry.string();
    if (text == nullptr || text->empty() || text->size() > kMaxTextBytes || printable(*text, kMaxTextBytes) != *text) {
      return fields.error(std::string(name) + " is not a list of texts that can be shown");
    }
    if (std::ranges::find(texts, *text) != texts.end()) {
      return fields.error(std::string(name) + " lists \"" + printable(*text, 80) + "\" twice");
    }
    texts.push_back(*text);
  }
  return texts;
}

template <class Owner, std::size_t kCount>
Result<void> read_all(json::Fields& fields, const std::array<Number<Owner>, kCount>& numbers, Owner& owner) {
  for (const Number<Owner>& number : numbers) {
    TENON_TRY(const std::int64_t value, fields.integer(number.name));
    if (value < number.least || value > number.most) {
      return fields.error(std::string(number.name) + " " + std::to_string(value) + " is not from " +
                          std::to_string(number.least) + " to " + std::to_string(number.most));
    }
    owner.*number.place = value;
  }
  return {};
}
template <class Owner, std::size_t kCount>
Result<void> read_all(json::Fields& fields, const std::array<Truth<Owner>, kCount>& truths, Owner& owner) {
  for (const Truth<Owner>& truth : truths) {
    TENON_TRY(owner.*truth.place, fields.boolean(truth.name));
  }
  return {};
}
template <class Owner, std::size_t kCount>
Result<void> read_all(json::Fields& fields, const std::array<Texts<Owner>, kCount>& lists, Owner& owner) {
  for (const Texts<Owner>& list : lists) {
    TENON_TRY(owner.*list.place, read_texts(fields, list.name));
  }
  return {};
}

Result<void> check_role_name(const json::Fields& fields, const std::string& name) {
  const bool top_level = std::ranges::any_of(metadata::kTopRoles, [&](auto role) { return to_string(role) == name; });
  if (top_level || name == "delegated:*") return {};
  const std::string_view prefix = name.ends_with('*') ? std::string_view(name).substr(0, name.size() - 1) : name;
  const bool plain = prefix.find_first_of("*/: ") == prefix.npos && printable(prefix) == prefix;
  if (plain && metadata::RoleName::parse_delegated(prefix)) return {};
  return fields.error("\"" + printable(name, 80) + "\" is no role, and no prefix of roles with a star at its end");
}

Result<RoleLimits> read_role(json::Fields fields) {
  RoleLimits limits;
  TENON_TRY_VOID(read_all(fields, kRoleNumbers, limits));
  TENON_TRY_VOID(read_all(fields, kRoleTruths, limits));
  TENON_TRY_VOID(fields.finish());
  if (limits.min_expiry_days > limits.max_expiry_days) return fields.error("min_expiry_days > max_expiry_days");
  if (limits.min_remaining_hours_at_publish > limits.max_expiry_days * 24) {
    return fields.error("min_remaining_hours_at_publish is longer than max_expiry_days");
  }
  return limits;
}

Result<std::map<std::string, RoleLimits, std::less<>>> read_roles(json::Fields fields) {
  if (fields.all().size() > kMaxRoles) return fields.error("more than 256 roles");
  for (const std::string_view name : {"root", "targets", "snapshot", "timestamp", "delegated:*"}) {
    TENON_TRY_VOID(fields.object(name));
  }
  std::map<std::string, RoleLimits, std::less<>> roles;
  for (const json::Member& member : fields.all()) {
    TENON_TRY_VOID(check_role_name(fields, member.name));
    TENON_TRY(json::Fields one, fields.object(member.name));
    TENON_TRY(const RoleLimits limits, read_role(std::move(one)));
    roles.emplace(member.name, limits);
  }
  return roles;
}

Result<Algorithms> read_algorithms(json::Fields fields) {
  Algorithms algorithms;
  TENON_TRY_VOID(read_all(fields, kAlgorithmNumbers, algorithms));
  TENON_TRY_VOID(read_all(fields, kAlgorithmTexts, algorithms));
  TENON_TRY(algorithms.pq_required_from, read_day(fields, "pq_required_from"));
  TENON_TRY(json::Fields floor, fields.object("client_floor"));
  for (auto [name, place] :
       {std::pair("tenon", &Algorithms::client_floor_tenon), std::pair("openssl", &Algorithms::client_floor_openssl)}) {
    TENON_TRY(const std::string text, floor.string(name));
    TENON_TRY(algorithms.*place, SoftwareVersion::parse(text).with_context(floor.where()));
  }
  TENON_TRY_VOID(floor.finish());
  TENON_TRY(const std::string legacy, fields.string("legacy_keytypes"));
  const auto known = std::ranges::find(kLegacyKeys, legacy, [](const auto& row) { return row.second; });
  if (known == kLegacyKeys.end()) return fields.error("legacy_keytypes is not one of allow, warn, deny");
  algorithms.legacy_keytypes = known->first;
  for (const std::string& hash : algorithms.hash_min) {
    if (hash != "sha256" && hash != "sha512") return fields.error("hash_min: only sha256 and sha512 are known");
  }
  TENON_TRY_VOID(fields.finish());
  return algorithms;
}

template <class Owner, class... Tables>
Result<Owner> read_tables(json::Fields fields, const Tables&... tables) {
  Owner owner;
  Result<void> done;
  const auto read = [&](const auto& table) {
    if (done) done = read_all(fields, table, owner);
  };
  (read(tables), ...);
  TENON_TRY_VOID(std::move(done));
  TENON_TRY_VOID(fields.finish());
  return owner;
}

Result<std::map<metadata::KeyId, Custodian>> read_custodians(json::Fields fields) {
  if (fields.all().size() > kMaxCustodians) return fields.error("more than 1024 custodians");
  std::map<metadata::KeyId, Custodian> custodians;
  for (const json::Member& member : fields.all()) {
    TENON_TRY(metadata::KeyId keyid, metadata::KeyId::parse(member.name).with_context(fields.where()));
    TENON_TRY(json::Fields one, fields.object(member.name));
    TENON_TRY(std::string name, read_required_text(one, "name"));
    TENON_TRY(std::string organisation, read_required_text(one, "org"));
    TENON_TRY(std::string contact, read_text(one, "contact"));
    TENON_TRY(const UtcTime since, read_day(one, "since"));
    TENON_TRY(std::string token, read_text(one, "token"));
    TENON_TRY_VOID(one.finish());
    custodians.emplace(std::move(keyid), Custodian{std::move(name), std::move(organisation), std::move(contact), since,
                                                   std::move(token)});
  }
  return custodians;
}

Result<Waiver> read_waiver(const json::Value& value, std::string where) {
  TENON_TRY(json::Fields fields, json::Fields::of(value, std::move(where)));
  TENON_TRY(std::string rule, read_required_text(fields, "rule"));
  TENON_TRY(const UtcTime until, read_time(fields, "until"));
  TENON_TRY(std::string reason, read_required_text(fields, "reason"));
  TENON_TRY(const std::vector<std::string> names, read_texts(fields, "approved_by"));
  if (names.empty()) return fields.error("approved_by names nobody");
  std::vector<metadata::KeyId> approved_by;
  for (const std::string& name : names) {
    TENON_TRY(metadata::KeyId keyid, metadata::KeyId::parse(name).with_context(fields.where()));
    approved_by.push_back(std::move(keyid));
  }
  TENON_TRY_VOID(fields.finish());
  return Waiver{std::move(rule), until, std::move(reason), std::move(approved_by)};
}

Result<std::vector<Waiver>> read_waivers(json::Fields& fields) {
  TENON_TRY(const json::Array* entries, fields.array("waivers"));
  if (entries->size() > kMaxWaivers) return fields.error("more than 256 waivers");
  std::vector<Waiver> waivers;
  for (const json::Value& entry : *entries) {
    const std::string where = fields.where() + ".waivers[" + std::to_string(waivers.size()) + "]";
    TENON_TRY(Waiver waiver, read_waiver(entry, where));
    waivers.push_back(std::move(waiver));
  }
  return waivers;
}

// A device that is offline for less than half of a timestamp's life must not be cut off by a late publisher.
Result<void> check_timestamp(const json::Fields& fields, const SigningPolicy& policy) {
  const RoleLimits& limits = policy.limits(metadata::TopRole::kTimestamp);
  const std::int64_t least = std::min(kHoursAlwaysEnough, limits.max_expiry_days * 24 / 2);
  if (policy.is_lab || limits.min_remaining_hours_at_publish >= least) return {};
  return fields.error("roles.timestamp: min_remaining_hours_at_publish " +
                      std::to_string(limits.min_remaining_hours_at_publish) + " < " + std::to_string(least) +
                      ", half of max_expiry_days");
}

}  // namespace

Result<SoftwareVersion> SoftwareVersion::parse(std::string_view text) {
  constexpr std::size_t kMaxDigits = 4;
  const auto read = [](std::string_view digits) -> std::optional<std::int64_t> {
    const bool numeric = digits.find_first_not_of("0123456789") == digits.npos;
    if (!numeric || digits.empty() || digits.size() > kMaxDigits) return std::nullopt;
    if (digits.size() > 1 && digits.front() == '0') return std::nullopt;  // one spelling for one version
    std::int64_t value = 0;
    for (char digit : digits) value = value * 10 + (digit - '0');
    return value;
  };
  const std::size_t dot = text.find('.');
  if (dot != text.npos) {
    const std::optional<std::int64_t> major = read(text.substr(0, dot));
    const std::optional<std::int64_t> minor = read(text.substr(dot + 1));
    if (major && minor) return SoftwareVersion{*major, *minor};
  }
  return Error{ErrorCode::kParse, "\"" + printable(text, 40) + "\" is no version, as 3.5"};
}

Result<SigningPolicy> SigningPolicy::parse(const json::Value& signed_part) {
  TENON_TRY(json::Fields fields, json::Fields::of(signed_part, "policy"));
  TENON_TRY(const std::string type, fields.string("_type"));
  if (type != kType) return fields.error("_type is \"" + printable(type, 40) + "\", not \"x-policy\"");
  TENON_TRY(const std::string spec_version, fields.string("spec_version"));
  if (spec_version != kPolicySpecVersion) {
    return fields.error("spec_version \"" + printable(spec_version, 40) + "\" is not \"1\"");
  }
  TENON_TRY(Label repository, Label::read(fields, "repository"));
  TENON_TRY(const std::int64_t number, fields.integer("version"));
  TENON_TRY(const metadata::Version version, metadata::Version::create(number).with_context(fields.where()));
  TENON_TRY(const UtcTime expires, read_time(fields, "expires"));
  TENON_TRY(const bool is_lab, fields.boolean("lab"));
  SigningPolicy policy{.repository = std::move(repository), .version = version, .expires = expires, .is_lab = is_lab};
  TENON_TRY(json::Fields roles, fields.object("roles"));
  TENON_TRY(policy.roles, read_roles(std::move(roles)));
  TENON_TRY(json::Fields delegations, fields.object("delegations"));
  TENON_TRY(policy.delegations, read_tables<DelegationLimits>(std::move(delegations), kDelegationNumbers,
                                                              kDelegationTruths, kDelegationTexts));
  TENON_TRY(json::Fields algorithms, fields.object("algorithms"));
  TENON_TRY(policy.algorithms, read_algorithms(std::move(algorithms)));
  TENON_TRY(json::Fields keys, fields.object("keys"));
  TENON_TRY(policy.keys, read_tables<KeyDemands>(std::move(keys), kKeyNumbers, kKeyTruths, kKeyTexts));
  TENON_TRY(json::Fields process, fields.object("process"));
  TENON_TRY(policy.process, read_tables<Process>(std::move(process), kProcessNumbers, kProcessTruths));
  TENON_TRY(json::Fields custodians, fields.object("custodians"));
  TENON_TRY(policy.custodians, read_custodians(std::move(custodians)));
  TENON_TRY(policy.waivers, read_waivers(fields));
  TENON_TRY_VOID(fields.finish());
  TENON_TRY_VOID(check_timestamp(fields, policy));
  return policy;
}

}  // namespace tenon::policies
