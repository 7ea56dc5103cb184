// P01 to P07, P19: how many keys and people stand behind a role, and what no key may be twice.
#include <tenon/metadata/utf8.h>
#include <tenon/policies/judged.h>
#include <tenon/policies/signing_rule_groups.h>

#include <algorithm>
#include <map>
#include <utility>

namespace tenon::policies {
namespace {

using metadata::KeyMaterial;
using metadata::TopRole;

bool is_root(const SigningFacts& facts) {
  return std::holds_alternative<RootDocument>(facts.document);
}
bool has_roles(const SigningFacts& facts) {
  return !judged_roles(facts).empty();
}

std::int64_t votes_of(const JudgedRole& role) {
  return static_cast<std::int64_t>(materials(role).size());
}
std::int64_t threshold_of(const JudgedRole& role) {
  return static_cast<std::int64_t>(role.keys->threshold.value());
}

std::string at_least(std::int64_t count) {
  return std::to_string(count) + " or more";
}

void check_key_count(const JudgedRole& role, Breaches& breaches) {
  if (votes_of(role) < role.limits->min_keys) {
    breaches.add(role.place + "/keys", at_least(role.limits->min_keys), std::to_string(votes_of(role)));
  }
}

void check_threshold(const JudgedRole& role, Breaches& breaches) {
  const std::int64_t threshold = threshold_of(role);
  if (threshold < role.limits->min_threshold) {
    breaches.add(role.place + "/threshold", at_least(role.limits->min_threshold), std::to_string(threshold));
  }
  const std::int64_t most = votes_of(role) - role.limits->min_spare;
  if (role.limits->min_spare > 0 && threshold > most) {
    breaches.add(role.place + "/threshold",
                 "a threshold that leaves " + std::to_string(role.limits->min_spare) + " keys to spare",
                 std::to_string(threshold) + " of " + std::to_string(votes_of(role)));
  }
}

// --- P01, P02, P03

std::vector<Breach> check_root_keys(const SigningFacts& facts) {
  Breaches breaches;
  check_key_count(judged_roles(facts).front(), breaches);
  return std::move(breaches).take();
}

std::vector<Breach> check_root_threshold(const SigningFacts& facts) {
  Breaches breaches;
  check_threshold(judged_roles(facts).front(), breaches);
  return std::move(breaches).take();
}

std::vector<Breach> check_other_roles(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedRole& role : judged_roles(facts)) {
    if (role.name == "root") continue;
    check_key_count(role, breaches);
    check_threshold(role, breaches);
  }
  return std::move(breaches).take();
}

// --- P04

std::vector<Breach> check_distinct_keys(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedRole& role : judged_roles(facts)) {
    if (threshold_of(role) > votes_of(role)) {
      breaches.add(role.place + "/threshold",
                   std::to_string(votes_of(role)) + " or less: as many different keys as there are",
                   std::to_string(threshold_of(role)));
    }
    std::map<KeyMaterial, std::string> seen;
    for (const JudgedKey& key : keys_of(role)) {
      if (!key.key->material()) continue;
      const auto [first, is_first] = seen.emplace(*key.key->material(), key.keyid->brief());
      if (!is_first) breaches.add(key.place, "a key of its own", "the same key as " + printable(first->second));
    }
  }
  return std::move(breaches).take();
}

// --- P05

using Person = std::pair<std::string, std::string>;  // name, organisation

Person person_of(const Custodian& custodian) {
  return {custodian.name, custodian.organisation};
}

void check_people_of(const SigningFacts& facts, const JudgedRole& role, Breaches& breaches) {
  std::map<Person, std::string> people;
  std::int64_t unnamed = 0;
  for (const JudgedKey& key : keys_of(role)) {
    const Custodian* custodian = facts.policy.custodian(*key.keyid);
    if (custodian == nullptr) {
      ++unnamed;
      if (facts.policy.keys.require_custodians) breaches.add(key.place, "a custodian in the policy", "none");
      continue;
    }
    const auto [first, is_first] = people.emplace(person_of(*custodian), key.keyid->brief());
    if (!is_first) {
      breaches.add(
          key.place, "one vote for one person",
          custodian->name + " of " + custodian->organisation + " holds " + printable(first->second) + " as well");
    }
  }
  const std::int64_t named = static_cast<std::int64_t>(people.size());
  const std::int64_t all = named + (facts.policy.keys.require_custodians ? 0 : unnamed);
  if (all < threshold_of(role)) {
    breaches.add(role.place + "/keys", std::to_string(threshold_of(role)) + " people or more, the threshold",
                 std::to_string(all));
  }
}

std::vector<Breach> check_people(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedRole& role : judged_roles(facts)) {
    if (role.limits->offline) check_people_of(facts, role, breaches);
  }
  return std::move(breaches).take();
}

bool has_offline_roles(const SigningFacts& facts) {
  const std::vector<JudgedRole> roles = judged_roles(facts);
  return std::ranges::any_of(roles, [](const JudgedRole& role) { return role.limits->offline; });
}

// --- P06

std::vector<Breach> check_organisations(const SigningFacts& facts) {
  Breaches breaches;
  for (const JudgedRole& role : judged_roles(facts)) {
    if (role.limits->min_organisations == 0) continue;
    std::set<std::string> organisations;
    for (const JudgedKey& key : keys_of(role)) {
      if (const Custodian* custodian = facts.policy.custodian(*key.keyid))
        organisations.insert(custodian->organisation);
    }
    const auto count = static_cast<std::int64_t>(organisations.size());
    if (count < role.limits->min_organisations) {
      breaches.add(role.place + "/keys", "custodians of " + at_least(role.limits->min_organisations) + " organisations",
                   "of " + std::to_string(count));
    }
  }
  return std::move(breaches).take();
}

bool wants_organisations(const SigningFacts& facts) {
  const std::vector<JudgedRole> roles = judged_roles(facts);
  return std::ranges::any_of(roles, [](const JudgedRole& role) { return role.limits->min_organisations > 0; });
}

// --- P07, P19

struct Holding {
  std::string place;
  std::string name;  // of the role
  bool is_offline;
};

// Who holds which key, in the document and, for what targets delegates, in the trusted root too.
std::map<KeyMaterial, std::vector<Holding>> holdings_of(const SigningFacts& facts) {
  std::map<KeyMaterial, std::vector<Holding>> holdings;
  const auto add = [&](const JudgedRole& role) {
    for (const KeyMaterial& material : materials(role)) {
      std::vector<Holding>& held = holdings[material];
      const bool known = std::ranges::any_of(held, [&](const Holding& one) { return one.name == role.name; });
      if (!known) held.push_back({role.place, role.name, role.limits->offline});
    }
  };
  for (const JudgedRole& role : judged_roles(facts)) add(role);
  if (facts.root && !is_root(facts)) {
    for (const TopRole role : metadata::kTopRoles) {
      add({"roles/" + std::string(to_string(role)), std::string(to_string(role)), &facts.policy.limits(role),
           &facts.root->role(role), &facts.root->keys, nullptr, nullptr});
    }
  }
  return holdings;
}

bool is_online_pair(const std::string& a, const std::string& b) {
  return (a == "snapshot" && b == "timestamp") || (a == "timestamp" && b == "snapshot");
}

// One breach for a key that stands in two roles, offline with online (P19) or of one sort (P07).
std::vector<Breach> check_shared(const SigningFacts& facts, bool across) {
  Breaches breaches;
  for (const auto& [material, held] : holdings_of(facts)) {
    for (std::size_t i = 0; i < held.size(); ++i) {
      for (std::size_t j = i + 1; j < held.size(); ++j) {
        const bool crosses = held[i].is_offline != held[j].is_offline;
        if (crosses != across || is_online_pair(held[i].name, held[j].name)) continue;
        const Holding& at = across && held[i].is_offline ? held[i] : held[j];
        breaches.add(at.place + "/keys", across ? "no key of an online role in an offline one" : "no key in two roles",
                     "one key in " + held[i].name + " and in " + held[j].name);
      }
    }
  }
  return std::move(breaches).take();
}

constexpr SigningRule kRules[] = {
    {.id = "P01",
     .severity = Severity::kError,
     .title = "root has enough keys",
     .standard = "5",
     .source = "rust-tuf documentation; Sigstore; Uptane",
     .explanation = "keys get lost; with too few of them the threshold can no longer be met and root can never change",
     .advice = "add a custodian with a key of their own: tenon-keyctl root add-key",
     .concerns = is_root,
     .check = check_root_keys},
    {.id = "P02",
     .severity = Severity::kError,
     .title = "root needs several signatures, and leaves keys to spare",
     .standard = "3, with 2 to spare",
     .source = "Sigstore (3 of 5); Uptane (5 of 8)",
     .explanation = "one person, or one thief, must not replace all trust; and one loss must not end it",
     .advice = "raise the threshold, or add keys until enough are to spare",
     .concerns = is_root,
     .check = check_root_threshold},
    {.id = "P03",
     .severity = Severity::kError,
     .title = "every other role has enough keys and a high enough threshold",
     .standard = "targets 2 of 3, releases.* 2 of 2, online roles 1 of 1, other delegations 1 of 2",
     .source = "Uptane (3 of 4)",
     .explanation = "whoever holds the threshold of a release role installs software on every device",
     .advice = "add a key or raise the threshold where the role is granted: root, or the role that delegates",
     .concerns = has_roles,
     .check = check_other_roles},
    {.id = "P04",
     .severity = Severity::kError,
     .title = "a threshold can be met by different keys, and no key stands twice in a role",
     .standard = "on",
     .source = "theupdateframework/go-tuf#733; theupdateframework/python-tuf#1091",
     .explanation = "one key under two keyids would count twice in some clients, and once in others",
     .advice = "remove the second spelling of the key, or lower the threshold",
     .concerns = has_roles,
     .check = check_distinct_keys},
    {.id = "P05",
     .severity = Severity::kError,
     .title = "one person has one vote, and enough different people hold the keys of an offline role",
     .standard = "on",
     .source = "Uptane; NIST SP 800-57 (split knowledge)",
     .explanation = "a threshold of three keys in one pocket is a threshold of one",
     .advice = "name the custodian of each key in the policy; replace the second key of a person",
     .concerns = has_offline_roles,
     .check = check_people},
    {.id = "P06",
     .severity = Severity::kWarning,
     .title = "the custodians of root belong to several organisations or sites",
     .standard = "2",
     .source = "sigstore/root-signing#1440",
     .explanation = "one fire, one order or one bankruptcy must not take all keys",
     .advice = "give a key to somebody elsewhere",
     .concerns = wants_organisations,
     .check = check_organisations},
    {.id = "P07",
     .severity = Severity::kError,
     .title = "no key stands in two roles, but for snapshot and timestamp",
     .standard = "on",
     .source = "Uptane, key management",
     .explanation = "a thief of such a key has both powers at once, and to revoke it takes two roles",
     .advice = "make a key for each role",
     .concerns = [](const SigningFacts& facts) { return facts.policy.keys.unique_across_roles && has_roles(facts); },
     .check = [](const SigningFacts& facts) { return check_shared(facts, false); }},
    {.id = "P19",
     .severity = Severity::kError,
     .title = "no online key stands in an offline role",
     .standard = "on",
     .source = "TUF specification 2.1; PEP 458",
     .explanation = "whoever enters the server would sign releases, or replace all trust",
     .advice = "make an offline key for the offline role",
     .concerns = has_roles,
     .check = [](const SigningFacts& facts) { return check_shared(facts, true); }},
};

}  // namespace

std::span<const SigningRule> role_rules() {
  return kRules;
}

}  // namespace tenon::policies
