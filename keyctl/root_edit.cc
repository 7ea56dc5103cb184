#include <tenon/keyctl/root_edit.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/rehearsal.h>

#include <algorithm>
#include <set>

namespace tenon::keyctl {
namespace {

using metadata::KeyId;
using metadata::PublicKey;
using metadata::RoleKeys;
using metadata::Root;
using metadata::TopRole;

constexpr std::size_t kMinPrefix = 8;

std::string name_of(TopRole role) {
  return std::string(to_string(role));
}

bool is_same(const Root& root, const KeyId& keyid, const KeyReference& reference) {
  const auto found = root.keys.find(keyid);
  if (reference.key) return found != root.keys.end() && found->second.material() == reference.key->material();
  return reference.text.size() >= kMinPrefix && keyid.text().starts_with(reference.text);
}

// The one keyid of the role that the reference names.
Result<KeyId> find_key(const Root& root, TopRole role, const KeyReference& reference) {
  if (!reference.key && reference.text.size() < kMinPrefix) {
    return Error{ErrorCode::kUsage,
                 "\"" + printable(reference.text, 80) + "\" is no key file, and too short for a keyid",
                 "name a NAME.tenon-key, or 8 or more characters of the keyid"};
  }
  std::vector<KeyId> found;
  for (const KeyId& keyid : root.role(role).keyids) {
    if (is_same(root, keyid, reference)) found.push_back(keyid);
  }
  if (found.size() == 1) return found.front();
  if (found.empty()) {
    return Error{ErrorCode::kPolicy, "key " + printable(reference.text, 80) + " is not a key of " + name_of(role)};
  }
  return Error{
      ErrorCode::kUsage,
      "\"" + printable(reference.text, 80) + "\" names " + std::to_string(found.size()) + " keys of " + name_of(role),
      "write more of the keyid"};
}

Result<void> check_can_be_met(const Root& root, TopRole role) {
  const RoleKeys& keys = root.role(role);
  std::set<metadata::KeyMaterial> usable;
  for (const KeyId& keyid : keys.keyids) {
    const auto key = root.keys.find(keyid);
    if (key != root.keys.end() && key->second.material()) usable.insert(*key->second.material());
  }
  if (usable.size() >= keys.threshold.value()) return {};
  return Error{ErrorCode::kPolicy,
               name_of(role) + " would have " + std::to_string(usable.size()) + " keys that count, and " +
                   std::to_string(keys.threshold.value()) + " must sign",
               "nobody could ever sign it: add a key, replace one, or lower the threshold"};
}

void drop_unused_keys(Root& root) {
  std::erase_if(root.keys, [&](const auto& entry) {
    return std::ranges::none_of(root.roles, [&](const auto& role) {
      return std::ranges::find(role.second.keyids, entry.first) != role.second.keyids.end();
    });
  });
}

Result<void> put(Root& root, TopRole role, const hsm::KeyFile& key) {
  const KeyReference same{key.name.text(), key.key};
  RoleKeys& keys = root.roles.at(role);
  if (std::ranges::any_of(keys.keyids, [&](const KeyId& keyid) { return is_same(root, keyid, same); })) {
    return Error{ErrorCode::kPolicy, "key " + key.name.text() + " is a key of " + name_of(role) + " already"};
  }
  root.keys.insert_or_assign(key.keyid, key.key);
  keys.keyids.push_back(key.keyid);
  return {};
}

Result<void> take(Root& root, TopRole role, const KeyReference& reference) {
  TENON_TRY(const KeyId keyid, find_key(root, role, reference));
  std::erase(root.roles.at(role).keyids, keyid);
  return {};
}

}  // namespace

Result<RootFile> next_draft(const RootFile& previous, metadata::UtcTime expires, metadata::UtcTime now) {
  if (expires <= now) {
    return Error{ErrorCode::kPolicy, "expiry " + expires.text() + " is not after now, " + now.text()};
  }
  Root root = previous.root;
  if (policies::is_rehearsal(root) && expires > now.plus_seconds(policies::kRehearsalSeconds)) {
    return Error{ErrorCode::kPolicy, "expiry " + expires.text() + " is more than a day from now, " + now.text(),
                 "a rehearsal's root lives for a day: --expires-in 24h"};
  }
  TENON_TRY(root.header.version, previous.root.header.version.next());
  root.header.expires = expires;
  root.header.spec_version = std::string(metadata::kTufSpecVersion);
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(root.to_json());
  return RootFile{std::move(envelope), std::move(root)};
}

Result<void> add_key(Root& root, TopRole role, const hsm::KeyFile& key) {
  return put(root, role, key);
}

Result<void> remove_key(Root& root, TopRole role, const KeyReference& key) {
  TENON_TRY_VOID(take(root, role, key));
  drop_unused_keys(root);
  return check_can_be_met(root, role);
}

Result<void> replace_key(Root& root, TopRole role, const KeyReference& old_key, const hsm::KeyFile& new_key) {
  TENON_TRY_VOID(put(root, role, new_key));
  return remove_key(root, role, old_key);
}

Result<std::vector<TopRole>> revoke_key(Root& root, const KeyReference& key) {
  std::vector<TopRole> roles;
  for (TopRole role : metadata::kTopRoles) {
    Result<void> taken = take(root, role, key);
    if (!taken && taken.error().code == ErrorCode::kUsage) return std::move(taken).error();
    if (taken) roles.push_back(role);
  }
  if (roles.empty()) {
    return Error{ErrorCode::kPolicy, "key " + printable(key.text, 80) + " stands in no role of this root"};
  }
  drop_unused_keys(root);
  for (TopRole role : roles) TENON_TRY_VOID(check_can_be_met(root, role));
  return roles;
}

Result<void> set_threshold(Root& root, TopRole role, std::int64_t threshold) {
  const Result<metadata::Threshold> value = metadata::Threshold::create(threshold);
  if (!value) return Error{ErrorCode::kUsage, name_of(role) + ": threshold " + std::to_string(threshold) + " < 1"};
  root.roles.at(role).threshold = *value;
  return check_can_be_met(root, role);
}

Result<TopRole> parse_top_role(std::string_view text) {
  for (TopRole role : metadata::kTopRoles) {
    if (text == to_string(role)) return role;
  }
  return Error{ErrorCode::kUsage, "\"" + printable(text, 80) + "\" is not root, targets, snapshot or timestamp"};
}

}  // namespace tenon::keyctl
