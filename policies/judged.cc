#include <tenon/metadata/utf8.h>
#include <tenon/policies/judged.h>

#include <algorithm>

namespace tenon::policies {
namespace {

using metadata::KeyMap;
using metadata::RoleKeys;
using metadata::TopRole;

template <class... Functions>
struct Overloaded : Functions... {
  using Functions::operator()...;
};
template <class... Functions>
Overloaded(Functions...) -> Overloaded<Functions...>;  // clang 14 does not make it by itself

const RoleLimits& limits_of(const SigningFacts& facts, const metadata::RoleName& role) {
  return role == metadata::RoleName::targets() ? facts.policy.limits(TopRole::kTargets) : facts.policy.limits(role);
}

std::vector<JudgedRole> roles_of(const SigningFacts& facts, const RootDocument& document) {
  std::vector<JudgedRole> roles;
  for (const TopRole role : metadata::kTopRoles) {
    const std::string name(to_string(role));
    roles.push_back({"roles/" + name, name, &facts.policy.limits(role), &document.after.role(role),
                     &document.after.keys, document.before ? &document.before->role(role) : nullptr,
                     document.before ? &document.before->keys : nullptr});
  }
  return roles;
}

const RoleKeys* delegated_before(const TargetsDocument& document, const metadata::RoleName& role) {
  if (!document.before || !document.before->delegations) return nullptr;
  const std::vector<metadata::DelegatedRole>& roles = document.before->delegations->roles;
  const auto found = std::ranges::find(roles, role, &metadata::DelegatedRole::name);
  return found == roles.end() ? nullptr : &found->keys;
}

// The role that signs, then those it delegates to.
std::vector<JudgedRole> roles_of(const SigningFacts& facts, const TargetsDocument& document) {
  std::vector<JudgedRole> roles = {{"roles/" + document.role.text(), document.role.text(),
                                    &limits_of(facts, document.role), &document.holders, &document.keys,
                                    &document.holders, &document.keys}};
  if (!document.after.delegations) return roles;
  const metadata::Delegations& delegations = *document.after.delegations;
  const bool had_any = document.before && document.before->delegations;
  const KeyMap* keys_before = had_any ? &document.before->delegations->keys : nullptr;
  for (const metadata::DelegatedRole& role : delegations.roles) {
    roles.push_back({"delegations/" + role.name.text(), role.name.text(), &facts.policy.limits(role.name), &role.keys,
                     &delegations.keys, delegated_before(document, role.name), keys_before});
  }
  if (delegations.bins) {
    const std::string& prefix = delegations.bins->name_prefix;
    const Result<metadata::RoleName> name = metadata::RoleName::parse_delegated(prefix);
    const auto other = facts.policy.roles.find("delegated:*");
    const bool had_bins = had_any && document.before->delegations->bins;
    roles.push_back({"delegations/" + prefix, prefix, name ? &facts.policy.limits(*name) : &other->second,
                     &delegations.bins->keys, &delegations.keys,
                     had_bins ? &document.before->delegations->bins->keys : nullptr, keys_before});
  }
  return roles;
}

JudgedFile file_of(const SigningFacts& facts, const RootDocument& document) {
  JudgedFile file{"root", &facts.policy.limits(TopRole::kRoot), document.after.header.version,
                  document.after.header.expires};
  if (document.before) file.version_before = document.before->header.version;
  if (document.before) file.expired_before = document.before->header.expires;
  file.counts_by_one = true;
  return file;
}

JudgedFile file_of(const SigningFacts& facts, const TargetsDocument& document) {
  JudgedFile file{document.role.text(), &limits_of(facts, document.role), document.after.header.version,
                  document.after.header.expires};
  if (document.before) file.version_before = document.before->header.version;
  if (document.before) file.expired_before = document.before->header.expires;
  return file;
}

// The root threshold signs the policy, so it lives as long as a root.
JudgedFile file_of(const SigningFacts& facts, const PolicyDocument& document) {
  JudgedFile file{"policy", &facts.policy.limits(TopRole::kRoot), document.after.version, document.after.expires};
  if (document.before) file.version_before = document.before->version;
  if (document.before) file.expired_before = document.before->expires;
  file.counts_by_one = true;
  return file;
}

JudgedFile file_of(const SigningFacts& facts, const OnlineDocument& document) {
  return {std::string(to_string(document.role)), &facts.policy.limits(document.role), document.after, document.expires,
          document.before};
}

void add_signers(KeyMap& all, const KeyMap& keys, const RoleKeys& role) {
  for (const metadata::KeyId& keyid : role.keyids) {
    if (const auto key = keys.find(keyid); key != keys.end()) all.insert(*key);
  }
}

std::optional<KeyMap> top_signers(const std::optional<metadata::Root>& root, TopRole role) {
  if (!root) return std::nullopt;
  KeyMap all;
  add_signers(all, root->keys, root->role(role));
  return all;
}

Severity worse(std::optional<Severity> a, Severity b) {
  return a ? std::min(*a, b) : b;
}

}  // namespace

std::vector<JudgedRole> judged_roles(const SigningFacts& facts) {
  return std::visit(Overloaded{[&](const RootDocument& document) { return roles_of(facts, document); },
                               [&](const TargetsDocument& document) { return roles_of(facts, document); },
                               [](const PolicyDocument&) { return std::vector<JudgedRole>(); },
                               [](const OnlineDocument&) { return std::vector<JudgedRole>(); }},
                    facts.document);
}

std::vector<JudgedKey> keys_of(const JudgedRole& role) {
  std::vector<JudgedKey> keys;
  for (const metadata::KeyId& keyid : role.keys->keyids) {
    const auto key = role.key_map->find(keyid);
    if (key == role.key_map->end()) continue;
    const bool stood =
        role.before != nullptr && std::ranges::find(role.before->keyids, keyid) != role.before->keyids.end();
    const bool known = role.key_map_before != nullptr && role.key_map_before->contains(keyid);
    keys.push_back({role.place + "/keys/" + printable(keyid.brief()), &key->first, &key->second, !stood, !known});
  }
  return keys;
}

std::vector<JudgedKey> all_keys(const SigningFacts& facts) {
  std::vector<JudgedKey> keys;
  std::set<metadata::KeyId> seen;
  for (const JudgedRole& role : judged_roles(facts)) {
    for (JudgedKey& key : keys_of(role)) {
      if (!seen.insert(*key.keyid).second) continue;
      key.place = "keys/" + printable(key.keyid->brief());
      keys.push_back(std::move(key));
    }
  }
  return keys;
}

std::set<metadata::KeyMaterial> materials(const JudgedRole& role) {
  std::set<metadata::KeyMaterial> votes;
  for (const JudgedKey& key : keys_of(role)) {
    if (key.key->material()) votes.insert(*key.key->material());
  }
  return votes;
}

JudgedFile judged_file(const SigningFacts& facts) {
  return std::visit([&](const auto& document) { return file_of(facts, document); }, facts.document);
}

std::optional<metadata::KeyMap> signers(const SigningFacts& facts) {
  return std::visit(Overloaded{[](const RootDocument& document) -> std::optional<KeyMap> {
                                 KeyMap all;
                                 add_signers(all, document.after.keys, document.after.role(TopRole::kRoot));
                                 if (document.before)
                                   add_signers(all, document.before->keys, document.before->role(TopRole::kRoot));
                                 return all;
                               },
                               [](const TargetsDocument& document) -> std::optional<KeyMap> {
                                 KeyMap all;
                                 add_signers(all, document.keys, document.holders);
                                 return all;
                               },
                               [&](const PolicyDocument&) { return top_signers(facts.root, TopRole::kRoot); },
                               [&](const OnlineDocument& document) { return top_signers(facts.root, document.role); }},
                    facts.document);
}

bool is_declared(const SigningFacts& facts, std::string_view place, std::size_t least_parts) {
  const auto has_words = [](const std::string& text) { return text.find_first_not_of(" \t\r\n") != text.npos; };
  for (std::string_view at = place; !at.empty();) {
    const auto parts = static_cast<std::size_t>(std::ranges::count(at, '/')) + 1;
    if (at != place && parts < least_parts) return false;
    const auto reason = facts.reasons.find(std::string(at));
    if (reason != facts.reasons.end() && has_words(reason->second)) return true;
    const std::size_t slash = at.rfind('/');
    at = slash == at.npos ? "" : at.substr(0, slash);
  }
  return false;
}

void Breaches::add(std::string place, std::string expected, std::string found, std::optional<Severity> severity) {
  if (shown_.size() < kMaxShown) {
    shown_.push_back({std::move(place), std::move(expected), std::move(found), severity});
    return;
  }
  ++left_out_;
  if (severity) {
    worst_left_out_ = worse(worst_left_out_, *severity);
  } else {
    left_out_by_rule_ = true;
  }
}

std::vector<Breach> Breaches::take() && {
  if (left_out_ > 0) {
    // The rule's own severity, unless one that was left out is an error in spite of it.
    if (left_out_by_rule_ && worst_left_out_ != Severity::kError) worst_left_out_.reset();
    shown_.push_back({"", "none of these", std::to_string(left_out_) + " more of the same rule", worst_left_out_});
  }
  return std::move(shown_);
}

std::int64_t seconds_between(metadata::UtcTime from, metadata::UtcTime to) {
  return to.unix_seconds() - from.unix_seconds();
}

std::string days_text(std::int64_t seconds) {
  const std::int64_t size = seconds < 0 ? -seconds : seconds;
  const bool in_days = size >= 3 * kDaySeconds;
  const std::int64_t count = size / (in_days ? kDaySeconds : kHourSeconds);
  return (seconds < 0 ? "-" : "") + std::to_string(count) + (in_days ? " days" : " hours");
}

}  // namespace tenon::policies
