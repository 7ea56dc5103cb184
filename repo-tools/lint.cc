#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/lint.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

using metadata::KeyId;
using metadata::KeyMap;
using metadata::PublicKey;
using metadata::Root;
using metadata::TopRole;

using Findings = std::vector<LintFinding>;

constexpr std::string_view kKeyidIsNoHash = "keyid-is-no-hash";
constexpr std::string_view kOnlineKeyIsOffline = "online-key-is-offline";

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

constexpr void (*kRules[])(const LintSubject&, Findings&) = {check_keyids, check_online_keys};

}  // namespace

Result<LintSubject> read_lint_subject(const Repository& repository) {
  TENON_TRY(const metadata::Authentic<Root> root, repository.root());
  LintSubject subject{root.value()};
  TENON_TRY(const std::vector<RoleId> roles, repository.roles());
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
