#include <tenon/metadata/utf8.h>
#include <tenon/policies/change_list.h>
#include <tenon/policies/metadata_changes.h>

namespace tenon::policies {
namespace {

using metadata::DelegatedRole;
using metadata::Delegations;
using metadata::Root;
using metadata::TargetEntry;
using metadata::Targets;
using metadata::TopRole;

// What the list so far does not say, but the bytes do: the order of members, spellings.
void add_rest(ChangeList& list, bool differs, bool anything_said) {
  if (differs && !anything_said) {
    list.add(Weight::kPower, "other", "the two differ in what this list does not name: the order of keys or roles");
  }
}

std::string path_list(const metadata::PathSet& paths) {
  std::string text;
  const auto append = [&](const std::string& item) { text += (text.empty() ? "" : ", ") + spelled_out(item); };
  if (paths.patterns) {
    for (const metadata::PathPattern& pattern : *paths.patterns) append(pattern.text());
  }
  if (paths.hash_prefixes) {
    for (const std::string& prefix : *paths.hash_prefixes) append("hash prefix " + prefix);
  }
  return text.empty() ? "no path at all" : text;
}

std::string describe(const TargetEntry& entry) {
  return std::to_string(entry.length) + " bytes, " +
         (entry.hashes.sha256 ? "sha256 " + entry.hashes.sha256->hex() : "sha512 " + entry.hashes.sha512->hex());
}

void add_targets(ChangeList& list, const Targets* before, const Targets& after) {
  for (const auto& [path, entry] : after.targets) {
    const auto old = before == nullptr ? after.targets.end() : before->targets.find(path);
    const bool is_new = before == nullptr || old == before->targets.end();
    if (!is_new && old->second == entry) continue;
    const std::string place = "targets/" + printable(path, 1024);
    const std::string name = spelled_out(path);
    if (is_new) {
      list.add(Weight::kRoutine, place, "new target " + name + ": " + describe(entry));
    } else {
      list.add(Weight::kContent, place,
               "target " + name + " is replaced: " + describe(old->second) + " -> " + describe(entry));
    }
    list.add_members(place, is_new ? nullptr : &old->second.extra, entry.extra);
  }
  if (before == nullptr) return;
  for (const auto& [path, entry] : before->targets) {
    if (after.targets.contains(path)) continue;
    list.add(Weight::kContent, "targets/" + printable(path, 1024),
             "target " + spelled_out(path) + " is removed: " + describe(entry));
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
  for (const DelegatedRole& role : now.roles) add_delegation(list, before, find(before, role.name), now, role);
  if (before != nullptr) {
    for (const DelegatedRole& role : before->roles) {
      if (find(&now, role.name) != nullptr) continue;
      list.add(Weight::kPower, "delegations/" + printable(role.name.text(), 255),
               "role " + spelled_out(role.name.text()) + " may no longer speak for " + path_list(role.paths));
    }
  }
  add_bins(list, before, now);
  list.add_keys("delegations/keys", before == nullptr ? nullptr : &before->keys, now.keys);
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
  list.add_keys("keys", before == nullptr ? nullptr : &before->keys, after.keys);
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
