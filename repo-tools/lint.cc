#include <tenon/metadata/utf8.h>
#include <tenon/policies/delegation_overlap.h>
#include <tenon/repo_tools/lint.h>
#include <tenon/repo_tools/role_tree.h>

#include <algorithm>
#include <map>

namespace tenon::repo_tools {
namespace {

using metadata::DelegatedRole;
using metadata::KeyId;
using metadata::KeyMap;
using metadata::PathSet;
using metadata::PublicKey;
using metadata::Root;
using metadata::TopRole;

using Findings = std::vector<LintFinding>;

constexpr std::string_view kKeyidIsNoHash = "keyid-is-no-hash";
constexpr std::string_view kOnlineKeyIsOffline = "online-key-is-offline";
constexpr std::string_view kDelegationsOverlap = "delegations-overlap";
constexpr std::string_view kDelegationIsEmpty = "delegation-is-empty";
constexpr std::string_view kTwoDelegators = "two-delegators";
constexpr std::string_view kTargetNobodyFinds = "target-nobody-finds";

void find_other_keyids(const std::string& role, const KeyMap& keys, Findings& findings) {
  for (const auto& [keyid, key] : keys) {
    if (key.hash_keyid() == keyid) continue;
    findings.push_back(
        {kKeyidIsNoHash, role,
         "keyid " + printable(keyid.text()) + " is not the SHA-256 of its key, " + key.hash_keyid().text(),
         "name the key by its hash: clients older than TAP 12 refuse any other keyid"});
  }
}

// Spec: TAP 12
void check_keyids(const LintSubject& subject, Findings& findings) {
  find_other_keyids("root", subject.root.keys, findings);
  for (const auto& [role, targets] : subject.targets) {
    if (targets.delegations) find_other_keyids(role.text(), targets.delegations->keys, findings);
  }
}

// One key may go by two keyids and be spelled in two ways.
bool same_key(const PublicKey& a, const PublicKey& b) {
  return a.material() && b.material() ? a.material() == b.material() : a == b;
}

std::vector<std::pair<KeyId, PublicKey>> keys_of(const Root& root, TopRole role) {
  std::vector<std::pair<KeyId, PublicKey>> keys;
  for (const KeyId& keyid : root.role(role).keyids) {
    if (const auto at = root.keys.find(keyid); at != root.keys.end()) keys.emplace_back(*at);
  }
  return keys;
}

void check_online_keys(const LintSubject& subject, Findings& findings) {
  for (const TopRole online : {TopRole::kTimestamp, TopRole::kSnapshot}) {
    for (const TopRole offline : {TopRole::kRoot, TopRole::kTargets}) {
      for (const auto& [online_id, online_key] : keys_of(subject.root, online)) {
        for (const auto& [offline_id, offline_key] : keys_of(subject.root, offline)) {
          if (!same_key(online_key, offline_key)) continue;
          findings.push_back({kOnlineKeyIsOffline, "root",
                              "key " + printable(online_id.brief()) + " of " + std::string(to_string(online)) +
                                  " is key " + printable(offline_id.brief()) + " of " + std::string(to_string(offline)),
                              "whoever breaks into the server has it: give " + std::string(to_string(offline)) +
                                  " keys of its own in the next root"});
        }
      }
    }
  }
}

void check_overlaps(const LintSubject& subject, Findings& findings) {
  for (const auto& [role, targets] : subject.targets) {
    if (!targets.delegations) continue;
    const std::vector<DelegatedRole>& roles = targets.delegations->roles;
    for (auto first = roles.begin(); first != roles.end(); ++first) {
      for (auto second = first + 1; second != roles.end(); ++second) {
        if (!policies::may_overlap(first->paths, second->paths)) continue;
        findings.push_back({kDelegationsOverlap, role.text(),
                            printable(first->name.text()) + " and " + printable(second->name.text()) +
                                " can speak for the same path; " + printable(first->name.text()) + " is asked first",
                            "narrow one of them: a change of their order would change what clients install"});
      }
    }
  }
}

bool is_empty(const PathSet& paths) {
  return (!paths.patterns || paths.patterns->empty()) && (!paths.hash_prefixes || paths.hash_prefixes->empty());
}

void check_empty(const LintSubject& subject, Findings& findings) {
  for (const auto& [role, targets] : subject.targets) {
    if (!targets.delegations) continue;
    for (const DelegatedRole& delegated : targets.delegations->roles) {
      if (!is_empty(delegated.paths)) continue;
      findings.push_back({kDelegationIsEmpty, role.text(), printable(delegated.name.text()) + " may speak for no path",
                          "give it paths, or take the delegation out"});
    }
  }
}

// Who delegates to each role, and for which paths.
struct WayIn {
  std::string delegator;
  const PathSet* paths;
};
using WaysIn = std::map<std::string, std::vector<WayIn>>;

WaysIn ways_in(const LintSubject& subject) {
  WaysIn ways;
  for (const auto& [role, targets] : subject.targets) {
    if (!targets.delegations) continue;
    for (const DelegatedRole& delegated : targets.delegations->roles) {
      ways[delegated.name.text()].push_back({role.text(), &delegated.paths});
    }
  }
  return ways;
}

void check_delegators(const LintSubject& subject, Findings& findings) {
  for (const auto& [role, ways] : ways_in(subject)) {
    if (ways.size() < 2) continue;
    findings.push_back({kTwoDelegators, role,
                        printable(ways[0].delegator) + " and " + printable(ways[1].delegator) + " delegate to it",
                        "give each a role of its own: clients trust it for one delegator and not for the other"});
  }
}

bool covers(const std::vector<WayIn>& ways, const std::string& name) {
  const Result<metadata::TargetPath> path = metadata::TargetPath::parse(name);
  return path && std::ranges::any_of(ways, [&](const WayIn& way) {
           const Result<bool> contained = way.paths->contains(*path);
           return contained && *contained;
         });
}

void check_reach(const LintSubject& subject, Findings& findings) {
  const WaysIn ways = ways_in(subject);
  for (const auto& [role, targets] : subject.targets) {
    if (!role.is_delegated()) continue;
    const auto to_it = ways.find(role.text());
    if (to_it == ways.end()) continue;
    for (const auto& [name, entry] : targets.targets) {
      if (covers(to_it->second, name)) continue;
      findings.push_back({kTargetNobodyFinds, role.text(), "no delegation to it covers " + printable(name),
                          "clients never see that target: widen the delegation, or list it elsewhere"});
      break;  // the first of them tells what is wrong
    }
  }
}

constexpr void (*kRules[])(const LintSubject&, Findings&) = {check_keyids, check_online_keys, check_overlaps,
                                                             check_empty,  check_delegators,  check_reach};

}  // namespace

Result<LintSubject> read_lint_subject(const Repository& repository) {
  TENON_TRY(const metadata::Authentic<Root> root, repository.root());
  LintSubject subject{root.value()};
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  TENON_TRY(const std::vector<RoleId> roles, tree.roles(repository));
  for (const RoleId& role : roles) {
    if (!role.lists_targets()) continue;
    TENON_TRY(metadata::Targets targets, repository.newest_targets(role));
    subject.targets.emplace_back(role, std::move(targets));
  }
  return subject;
}

std::vector<LintFinding> lint(const LintSubject& subject) {
  Findings findings;
  for (const auto rule : kRules) rule(subject, findings);
  return findings;
}

std::string to_text(const std::vector<LintFinding>& findings) {
  std::string text;
  for (const LintFinding& finding : findings) {
    text += "warning: " + printable(finding.role) + ": " + finding.message + " [" + std::string(finding.rule) +
            "]\n  hint: " + finding.hint + "\n";
  }
  return text;
}

json::Value to_json(const std::vector<LintFinding>& findings) {
  json::Array list;
  for (const LintFinding& finding : findings) {
    json::Object object;
    object.set("rule", std::string(finding.rule));
    object.set("role", finding.role);
    object.set("message", finding.message);
    object.set("hint", finding.hint);
    list.push_back(std::move(object));
  }
  json::Object object;
  object.set("schema", 1);
  object.set("warnings", std::move(list));
  return object;
}

}  // namespace tenon::repo_tools
