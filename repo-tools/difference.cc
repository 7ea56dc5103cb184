#include <tenon/metadata/utf8.h>
#include <tenon/policies/metadata_changes.h>
#include <tenon/repo_tools/difference.h>
#include <tenon/repo_tools/role_tree.h>

#include <set>

namespace tenon::repo_tools {
namespace {

using metadata::Root;
using metadata::Targets;
using policies::Change;

std::string name_of_key(const metadata::KeyId& keyid, const metadata::PublicKey*) {
  return "key " + printable(keyid.brief());
}

std::string version_text(const std::optional<metadata::Version>& version) {
  return version ? "v" + std::to_string(version->value()) : "none";
}

Result<std::optional<Targets>> read_role(const Repository& repository, const RoleId& role, bool with_drafts) {
  TENON_TRY(const std::optional<metadata::Envelope> envelope,
            with_drafts ? repository.newest(role) : repository.published(role));
  if (!envelope) return std::optional<Targets>();
  TENON_TRY(Targets targets, Targets::parse(envelope->signed_part()).with_context(printable(role.text())));
  return std::optional(std::move(targets));
}

Result<Contents> contents(const Repository& repository, const Root& root, bool with_drafts) {
  Contents all{root};
  TENON_TRY(const RoleTree tree, with_drafts ? RoleTree::read(repository) : RoleTree::read_published(repository));
  TENON_TRY(const std::vector<RoleId> roles, tree.roles(repository));
  for (const RoleId& role : roles) {
    if (!role.lists_targets()) continue;
    TENON_TRY(std::optional<Targets> targets, read_role(repository, role, with_drafts));
    if (targets) all.targets.emplace(role, *std::move(targets));
  }
  return all;
}

// A role that goes has no words of its own: whoever delegated to it says that it is gone.
std::vector<Change> changes_of(const Targets* before, const Targets* after) {
  return after == nullptr ? std::vector<Change>() : policies::targets_changes(before, *after, name_of_key);
}

}  // namespace

Result<Contents> published_contents(const Repository& repository) {
  TENON_TRY(const metadata::Authentic<Root> root, repository.published_root());
  return contents(repository, root.value(), false);
}

Result<Contents> staged_contents(const Repository& repository) {
  TENON_TRY(const metadata::Authentic<Root> root, repository.root());
  return contents(repository, root.value(), true);
}

std::vector<RoleDifference> difference(const Contents& before, const Contents& after) {
  std::vector<RoleDifference> roles;
  std::vector<Change> of_root = policies::root_changes(&before.root, after.root, name_of_key);
  if (!of_root.empty()) {
    roles.push_back({"root", before.root.header.version, after.root.header.version, std::move(of_root)});
  }
  std::set<RoleId> names;
  for (const auto& [role, targets] : before.targets) names.insert(role);
  for (const auto& [role, targets] : after.targets) names.insert(role);
  const auto find = [](const Contents& in, const RoleId& role) {
    const auto at = in.targets.find(role);
    return at == in.targets.end() ? nullptr : &at->second;
  };
  const auto version_of = [](const Targets* targets) {
    return targets == nullptr ? std::nullopt : std::optional(targets->header.version);
  };
  for (const RoleId& role : names) {
    const Targets* old = find(before, role);
    const Targets* now = find(after, role);
    RoleDifference one{role.text(), version_of(old), version_of(now), changes_of(old, now)};
    if (!one.changes.empty() || now == nullptr) roles.push_back(std::move(one));
  }
  return roles;
}

std::string to_text(const std::vector<RoleDifference>& roles) {
  std::string text;
  for (const RoleDifference& one : roles) {
    text += printable(one.role) + "  " + version_text(one.before) + " -> " + version_text(one.after) + "\n";
    for (const Change& change : one.changes) text += "  " + change.text + "\n";
  }
  return text;
}

json::Value to_json(const std::vector<RoleDifference>& roles) {
  json::Array entries;
  for (const RoleDifference& one : roles) {
    json::Array changes;
    for (const Change& change : one.changes) {
      json::Object entry;
      entry.set("weight", std::string(policies::to_string(change.weight)));
      entry.set("place", change.place);
      entry.set("text", change.text);
      changes.push_back(std::move(entry));
    }
    json::Object entry;
    entry.set("role", one.role);
    if (one.before) entry.set("before", one.before->value());
    if (one.after) entry.set("after", one.after->value());
    entry.set("changes", std::move(changes));
    entries.push_back(std::move(entry));
  }
  json::Object object;
  object.set("schema", 1);
  object.set("roles", std::move(entries));
  return object;
}

}  // namespace tenon::repo_tools
