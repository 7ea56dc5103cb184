#include <tenon/metadata/utf8.h>
#include <tenon/policies/change_list.h>
#include <tenon/policies/rehearsal.h>

#include <algorithm>
#include <set>

namespace tenon::policies {
namespace {

using metadata::KeyId;
using metadata::KeyMap;
using metadata::PublicKey;

constexpr std::size_t kShownMemberBytes = 200;
constexpr std::size_t kShownNameBytes = 1024;

const PublicKey* find(const KeyMap& keys, const KeyId& keyid) {
  const auto found = keys.find(keyid);
  return found == keys.end() ? nullptr : &found->second;
}

std::set<KeyId> ids(const HeldBy* held) {
  if (held == nullptr) return {};
  return {held->role.keyids.begin(), held->role.keyids.end()};
}

std::string counted(const HeldBy& held) {
  return std::to_string(held.role.threshold.value()) + " of " + std::to_string(held.role.keyids.size());
}

std::string cut_mark(const std::string& text, std::size_t max_bytes) {
  if (text.size() <= max_bytes) return "";
  return " [" + std::to_string(text.size()) + " bytes, sha256 " + Sha256::of(as_bytes(text)).hex() + "]";
}

std::string shown(const json::Value& value) {
  const std::string text = json::to_text(value);
  return printable(text, kShownMemberBytes) + cut_mark(text, kShownMemberBytes);
}

std::string shown_member(const std::string& name) {
  return printable(name, 80) + cut_mark(name, 80);
}

}  // namespace

std::string shown_name(const std::string& name) {
  return spelled_out(name, kShownNameBytes) + cut_mark(name, kShownNameBytes);
}

std::string shown_place(const std::string& name) {
  return printable(name, kShownNameBytes) + cut_mark(name, kShownNameBytes);
}

void ChangeList::add_header(const metadata::RoleHeader* before, const metadata::RoleHeader& after) {
  const std::string version = std::to_string(after.version.value());
  const Result<metadata::Version> expected = before == nullptr ? metadata::Version::first() : before->version.next();
  if (before == nullptr || before->version != after.version) {
    const std::string old = before == nullptr ? "" : std::to_string(before->version.value()) + " -> ";
    const bool is_next = expected && after.version == *expected;
    add(is_next ? Weight::kRoutine : Weight::kContent, "version",
        "version " + old + version + (is_next ? "" : ", which is not the next"));
  }
  if (before == nullptr || before->expires != after.expires) {
    const std::string old = before == nullptr ? "" : before->expires.text() + " -> ";
    add(Weight::kRoutine, "expires", "expires " + old + after.expires.text());
  }
  const std::string old_spec = before == nullptr ? std::string(metadata::kTufSpecVersion) : before->spec_version;
  if (old_spec != after.spec_version) {
    add(Weight::kContent, "spec_version",
        "spec_version " + shown_member(old_spec) + " -> " + shown_member(after.spec_version));
  }
}

void ChangeList::add_holders(const std::string& place, const std::string& what, const HeldBy* before,
                             const HeldBy& after) {
  const std::set<KeyId> old_ids = ids(before);
  const std::set<KeyId> new_ids = ids(&after);
  for (const KeyId& keyid : after.role.keyids) {
    if (old_ids.contains(keyid)) continue;
    add(Weight::kPower, place + "/keys/+" + printable(keyid.brief()),
        name_of_(keyid, find(after.keys, keyid)) + " may now sign " + what);
  }
  if (before != nullptr) {
    for (const KeyId& keyid : before->role.keyids) {
      if (new_ids.contains(keyid)) continue;
      add(Weight::kPower, place + "/keys/-" + printable(keyid.brief()),
          name_of_(keyid, find(before->keys, keyid)) + " may no longer sign " + what);
    }
  }
  if (before != nullptr && old_ids == new_ids && before->role.keyids != after.role.keyids) {
    add(Weight::kContent, place + "/keys/order",
        "the keys of " + what + " stand in another order; that decides nothing");
  }
  if (before == nullptr || before->role.threshold != after.role.threshold ||
      before->role.keyids.size() != after.role.keyids.size()) {
    const std::string old = before == nullptr ? "" : counted(*before) + " -> ";
    add(Weight::kPower, place + "/threshold", old + counted(after) + " must sign " + what);
  }
  if (before != nullptr) {
    for (const KeyId& keyid : after.role.keyids) {
      const PublicKey* old_key = old_ids.contains(keyid) ? find(before->keys, keyid) : nullptr;
      const PublicKey* new_key = find(after.keys, keyid);
      if (old_key == nullptr || new_key == nullptr || *old_key == *new_key) continue;
      add(Weight::kPower, place + "/keys/" + printable(keyid.brief()),
          "another key now stands under the name " + name_of_(keyid, new_key) + " of " + what);
    }
  }
  add_members(place, before == nullptr ? nullptr : &before->role.extra, after.role.extra);
}

void ChangeList::add_keys(const std::string& place, const KeyMap* before, const KeyMap& after,
                          const std::set<KeyId>& used) {
  static const KeyMap kNone;
  const KeyMap& old = before == nullptr ? kNone : *before;
  for (const auto& [keyid, key] : after) {
    const PublicKey* old_key = find(old, keyid);
    const bool is_said = before == nullptr && used.contains(keyid);  // with the role that it may sign
    if (old_key == nullptr && !is_said) {
      add(Weight::kPower, place + "/+" + printable(keyid.brief()),
          "the file lists key " + name_of_(keyid, &key) + (used.contains(keyid) ? "" : ", which signs nothing"));
    } else if (old_key != nullptr && *old_key != key) {
      add(Weight::kPower, place + "/" + printable(keyid.brief()), "key " + name_of_(keyid, &key) + " is another key");
    }
  }
  for (const auto& [keyid, key] : old) {
    if (find(after, keyid) != nullptr) continue;
    add(Weight::kPower, place + "/-" + printable(keyid.brief()),
        "the file lists key " + name_of_(keyid, &key) + " no more");
  }
}

void ChangeList::add_members(const std::string& place, const json::Object* before, const json::Object& after) {
  static const json::Object kNone;
  const json::Object& old = before == nullptr ? kNone : *before;
  for (const json::Member& member : after) {
    const json::Value* old_value = old.find(member.name);
    if (old_value != nullptr && *old_value == member.value) continue;
    if (place == "root" && member.name == kRehearsalMark && old_value == nullptr) {
      add(Weight::kPower, place + "/" + member.name, "the mark of a rehearsal: no device and no repository takes it");
      continue;
    }
    add(Weight::kPower, place + "/" + shown_member(member.name),
        "member that this program does not know, at " + place + ": " + shown_member(member.name) + " = " +
            shown(member.value) + (old_value == nullptr ? "" : ", was " + shown(*old_value)));
  }
  for (const json::Member& member : old) {
    if (after.find(member.name) != nullptr) continue;
    add(Weight::kPower, place + "/" + shown_member(member.name),
        "member that this program does not know is gone, at " + place + ": " + shown_member(member.name));
  }
}

std::vector<Change> ChangeList::take() && {
  std::ranges::stable_sort(changes_, {}, &Change::weight);
  return std::move(changes_);
}

}  // namespace tenon::policies
