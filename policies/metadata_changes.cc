#include <tenon/metadata/utf8.h>
#include <tenon/policies/change_list.h>
#include <tenon/policies/metadata_changes.h>

#include <set>
#include <vector>

namespace tenon::policies {
namespace {

using metadata::DelegatedRole;
using metadata::Delegations;
using metadata::Root;
using metadata::TargetEntry;
using metadata::Targets;
using metadata::TopRole;

// What the list so far does not say, but the bytes do.
void add_rest(ChangeList& list, bool differs, bool anything_said) {
  if (differs && !anything_said) {
    list.add(Weight::kPower, "other", "the two differ in what this list does not name");
  }
}

// A pattern that could be read as two is put between quotes.
std::string shown_pattern(const std::string& pattern) {
  const bool is_plain = pattern.find_first_of(" ,\"") == pattern.npos;
  return is_plain ? shown_name(pattern) : "\"" + shown_name(pattern) + "\"";
}

std::string path_list(const metadata::PathSet& paths) {
  std::string text;
  const auto append = [&](const std::string& item) { text += (text.empty() ? "" : ", ") + item; };
  if (paths.patterns) {
    for (const metadata::PathPattern& pattern : *paths.patterns) append(shown_pattern(pattern.text()));
  }
  if (paths.hash_prefixes) {
    for (const std::string& prefix : *paths.hash_prefixes) append("hash prefix " + spelled_out(prefix));
  }
  return text.empty() ? "no path at all" : text;
}

std::string describe(const TargetEntry& entry) {
  std::string text = std::to_string(entry.length) + " bytes";
  if (entry.hashes.sha256) text += ", sha256 " + entry.hashes.sha256->hex();
  if (entry.hashes.sha512) text += ", sha512 " + entry.hashes.sha512->hex();
  return text;
}

void add_targets(ChangeList& list, const Targets* before, const Targets& after) {
  for (const auto& [path, entry] : after.targets) {
    const auto old = before == nullptr ? after.targets.end() : before->targets.find(path);
    const bool is_new = before == nullptr || old == before->targets.end();
    if (!is_new && old->second == entry) continue;
    const std::string place = "targets/" + shown_place(path);
    const std::string name = shown_name(path);
    if (is_new) {
      list.add(Weight::kRoutine, place, "new target " + name + ": " + describe(entry));
    } else {
      list.add(Weight::kContent, place,
               "target " + name + " is replaced: " + describe(old->second) + " -> " + describe(entry));
    }
    list.add_members(place, is_new ? nullptr : &old->second.extra, entry.extra);
    list.add_members(place + "/hashes", is_new ? nullptr : &old->second.hashes.extra, entry.hashes.extra);
  }
  if (before == nullptr) return;
  for (const auto& [path, entry] : before->targets) {
    if (after.targets.contains(path)) continue;
    list.add(Weight::kContent, "targets/" + shown_place(path),
             "target " + shown_name(path) + " is removed: " + describe(entry));
  }
}

const DelegatedRole* find(const Delegations* delegations, const metadata::RoleName& name) {
  if (delegations == nullptr) return nullptr;
  for (const DelegatedRole& role : delegations->roles) {
    if (role.name == name) return &role;
  }
  return nullptr;
}

void add_delegation(ChangeList& list, const Delegations* old_delegations, const DelegatedRole* before,
                    const Delegations& delegations, const DelegatedRole& after) {
  const std::string name = spelled_out(after.name.text());
  const std::string place = "delegations/" + printable(after.name.text(), 255);
  if (before == nullptr) {
    list.add(Weight::kPower, place, "role " + name + " may now speak for " + path_list(after.paths));
  } else if (before->paths != after.paths) {
    list.add(Weight::kPower, place + "/paths",
             "role " + name + " may speak for " + path_list(before->paths) + " -> " + path_list(after.paths));
  }
  if (before == nullptr ? !after.terminating : before->terminating != after.terminating) {
    list.add(Weight::kPower, place + "/terminating",
             "role " + name +
                 (after.terminating ? " is terminating now: no later role speaks for its paths"
                                    : " is not terminating: later roles may speak for its paths too"));
  }
  const std::optional<HeldBy> old_holders =
      before == nullptr ? std::nullopt : std::optional<HeldBy>(HeldBy{old_delegations->keys, before->keys});
  list.add_holders(place, "role " + name, old_holders ? &*old_holders : nullptr, {delegations.keys, after.keys});
  list.add_members(place, before == nullptr ? nullptr : &before->extra, after.extra);
}

// Roles are asked in this order, and a terminating one ends the asking: whoever stands first speaks first.
void add_order(ChangeList& list, const Delegations& before, const Delegations& after) {
  std::vector<std::string> old_order;
  std::vector<std::string> new_order;
  std::string shown;
  bool is_new_before = false;  // has a new role been seen?
  bool jumps_ahead = false;    // does one stand in front of a role that was there?
  for (const DelegatedRole& role : before.roles) {
    if (find(&after, role.name) != nullptr) old_order.push_back(role.name.text());
  }
  for (const DelegatedRole& role : after.roles) {
    const bool is_old = find(&before, role.name) != nullptr;
    if (is_old) new_order.push_back(role.name.text());
    jumps_ahead = jumps_ahead || (is_old && is_new_before);
    is_new_before = is_new_before || !is_old;
    shown += (shown.empty() ? "" : ", ") + spelled_out(role.name.text());
  }
  if (old_order != new_order || jumps_ahead) {
    list.add(Weight::kPower, "delegations/order", "the order in which roles are asked is now " + shown);
  }
}

void add_bins(ChangeList& list, const Delegations* before, const Delegations& after) {
  const auto* old_bins = before != nullptr && before->bins ? &*before->bins : nullptr;
  if (!after.bins) {
    if (old_bins != nullptr) list.add(Weight::kPower, "delegations/bins", "the hash bins are gone");
    return;
  }
  const std::string what = "the hash bins " + spelled_out(after.bins->name_prefix) + "-*";
  const auto shape = [](const metadata::SuccinctRoles& bins) {
    return "2^" + std::to_string(bins.bit_length) + " named " + spelled_out(bins.name_prefix) + "-*";
  };
  if (old_bins == nullptr || shape(*old_bins) != shape(*after.bins)) {
    list.add(Weight::kPower, "delegations/bins",
             "hash bins: " + (old_bins == nullptr ? "" : shape(*old_bins) + " -> ") + shape(*after.bins));
  }
  const std::optional<HeldBy> old_holders =
      old_bins == nullptr ? std::nullopt : std::optional<HeldBy>(HeldBy{before->keys, old_bins->keys});
  list.add_holders("delegations/bins", what, old_holders ? &*old_holders : nullptr, {after.keys, after.bins->keys});
  list.add_members("delegations/bins", old_bins == nullptr ? nullptr : &old_bins->extra, after.bins->extra);
}

void add_delegations(ChangeList& list, const Delegations* before, const Delegations* after) {
  static const Delegations kNone;
  const Delegations& now = after == nullptr ? kNone : *after;
  if ((before == nullptr) != (after == nullptr)) {
    list.add(Weight::kContent, "delegations",
             std::string("the role has ") +
                 (after == nullptr ? "no list of delegations any more" : "a list of delegations"));
  }
  for (const DelegatedRole& role : now.roles) add_delegation(list, before, find(before, role.name), now, role);
  if (before != nullptr) {
    for (const DelegatedRole& role : before->roles) {
      if (find(&now, role.name) != nullptr) continue;
      list.add(Weight::kPower, "delegations/" + printable(role.name.text(), 255),
               "role " + spelled_out(role.name.text()) + " may no longer speak for " + path_list(role.paths));
    }
  }
  add_order(list, before == nullptr ? kNone : *before, now);
  add_bins(list, before, now);
  std::set<metadata::KeyId> used;
  for (const DelegatedRole& role : now.roles) used.insert(role.keys.keyids.begin(), role.keys.keyids.end());
  if (now.bins) used.insert(now.bins->keys.keyids.begin(), now.bins->keys.keyids.end());
  list.add_keys("delegations/keys", before == nullptr ? nullptr : &before->keys, now.keys, used);
  list.add_members("delegations", before == nullptr ? nullptr : &before->extra, now.extra);
}

}  // namespace

std::vector<Change> root_changes(const Root* before, const Root& after, const NameOfKey& name_of) {
  ChangeList list(name_of);
  for (TopRole name : metadata::kTopRoles) {
    const std::string text(to_string(name));
    const std::optional<HeldBy> old =
        before == nullptr ? std::nullopt : std::optional<HeldBy>(HeldBy{before->keys, before->role(name)});
    list.add_holders("roles/" + text, text, old ? &*old : nullptr, {after.keys, after.role(name)});
  }
  std::set<metadata::KeyId> used;
  for (const auto& [name, role] : after.roles) used.insert(role.keyids.begin(), role.keyids.end());
  list.add_keys("keys", before == nullptr ? nullptr : &before->keys, after.keys, used);
  if (before == nullptr ? !after.consistent_snapshot : before->consistent_snapshot != after.consistent_snapshot) {
    list.add(Weight::kPower, "consistent_snapshot",
             std::string("consistent snapshots are ") + (after.consistent_snapshot ? "on" : "off") + " now");
  }
  list.add_members("roles", before == nullptr ? nullptr : &before->extra_roles, after.extra_roles);
  list.add_members("root", before == nullptr ? nullptr : &before->extra, after.extra);
  list.add_header(before == nullptr ? nullptr : &before->header, after.header);
  add_rest(list, before != nullptr && *before != after, !list.empty());
  return std::move(list).take();
}

std::vector<Change> targets_changes(const Targets* before, const Targets& after, const NameOfKey& name_of) {
  ChangeList list(name_of);
  const auto delegations = [](const Targets* targets) -> const Delegations* {
    return targets != nullptr && targets->delegations ? &*targets->delegations : nullptr;
  };
  add_delegations(list, delegations(before), delegations(&after));
  list.add_members("signed", before == nullptr ? nullptr : &before->extra, after.extra);
  add_targets(list, before, after);
  list.add_header(before == nullptr ? nullptr : &before->header, after.header);
  add_rest(list, before != nullptr && *before != after, !list.empty());
  return std::move(list).take();
}

}  // namespace tenon::policies
