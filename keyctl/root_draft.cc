#include <tenon/keyctl/root_draft.h>
#include <tenon/policies/rehearsal.h>

#include <set>

namespace tenon::keyctl {
namespace {

using metadata::KeyMaterial;
using metadata::Root;
using metadata::TopRole;

constexpr std::uint64_t kUsualRootThreshold = 3;  // DESIGN.md 9: root 3 of 5
constexpr std::size_t kUsualRootKeys = 5;

Error refused(std::string message, std::string hint = {}) {
  return Error{ErrorCode::kPolicy, std::move(message), std::move(hint)};
}

// Pre: KeyFile::parse has refused keys without material.
const KeyMaterial& material(const hsm::KeyFile& file) {
  return *file.key.material();
}

std::string name_of(TopRole role) {
  return std::string(to_string(role));
}

Result<void> check_role(TopRole role, const RoleRequest& request) {
  std::map<KeyMaterial, std::string> seen;
  for (const hsm::KeyFile& file : request.keys) {
    const auto [first, is_new] = seen.emplace(material(file), file.name.text());
    if (!is_new) {
      return refused(name_of(role) + ": " + first->second + " and " + file.name.text() + " are the same key",
                     "every key counts once; name each person's key once");
    }
  }
  if (request.threshold.value() > seen.size()) {
    return refused(name_of(role) + ": threshold " + std::to_string(request.threshold.value()) + " > " +
                       std::to_string(seen.size()) + " distinct keys",
                   "nobody could ever sign this role");
  }
  return {};
}

Result<void> check_online_keys(const RootRequest& request) {
  for (TopRole online : {TopRole::kTimestamp, TopRole::kSnapshot}) {
    for (TopRole offline : {TopRole::kRoot, TopRole::kTargets}) {
      for (const hsm::KeyFile& key : request.roles.at(offline).keys) {
        for (const hsm::KeyFile& other : request.roles.at(online).keys) {
          if (material(key) != material(other)) continue;
          return refused("key " + key.name.text() + " is a key of " + name_of(online) + " and of " + name_of(offline),
                         "keys of timestamp and snapshot live on a server; give them nothing else to sign");
        }
      }
    }
  }
  return {};
}

Result<void> check_root(const RootRequest& request, metadata::UtcTime now) {
  if (request.expires <= now) {
    return refused("expiry " + request.expires.text() + " is not after now, " + now.text());
  }
  if (request.rehearsal && request.expires > now.plus_seconds(policies::kRehearsalSeconds)) {
    return refused("expiry " + request.expires.text() + " is more than a day from now, " + now.text(),
                   "a rehearsal's root lives for a day: --expires-in 24h");
  }
  if (request.roles.at(TopRole::kRoot).threshold.value() == 1 && !request.lab) {
    return refused("root: threshold 1 lets whoever steals one key replace all keys",
                   "--root-threshold 2 or more; --lab for a demo or a test");
  }
  return {};
}

std::vector<std::string> warnings_for(const RootRequest& request) {
  const RoleRequest& root = request.roles.at(TopRole::kRoot);
  if (request.rehearsal) return {"a rehearsal: signed by requests with --rehearsal alone, and never published"};
  if (request.lab) return {"a lab root: not for devices that matter"};
  if (root.keys.size() >= kUsualRootKeys && root.threshold.value() >= kUsualRootThreshold) return {};
  return {"root is " + std::to_string(root.threshold.value()) + " of " + std::to_string(root.keys.size()) +
          " keys; 3 of 5 survives two lost keys and two stolen ones"};
}

Root build(const RootRequest& request) {
  Root root;
  root.header.expires = request.expires;
  if (request.rehearsal) policies::mark_rehearsal(root);
  for (const auto& [name, role] : request.roles) {
    metadata::RoleKeys role_keys{{}, role.threshold};
    for (const hsm::KeyFile& file : role.keys) {
      root.keys.emplace(file.keyid, file.key);
      role_keys.keyids.push_back(file.keyid);
    }
    root.roles.emplace(name, std::move(role_keys));
  }
  return root;
}

}  // namespace

Result<RootDraft> draft_root(const RootRequest& request, metadata::UtcTime now) {
  for (const auto& [role, role_request] : request.roles) TENON_TRY_VOID(check_role(role, role_request));
  TENON_TRY_VOID(check_online_keys(request));
  TENON_TRY_VOID(check_root(request, now));
  Root root = build(request);
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(root.to_json());
  return RootDraft{{std::move(envelope), std::move(root)}, warnings_for(request)};
}

}  // namespace tenon::keyctl
