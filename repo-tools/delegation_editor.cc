#include <tenon/metadata/utf8.h>
#include <tenon/policies/delegation_overlap.h>
#include <tenon/repo_tools/delegation_editor.h>
#include <tenon/repo_tools/progress_meter.h>

#include <algorithm>
#include <bit>
#include <map>
#include <set>

namespace tenon::repo_tools {
namespace {

using metadata::DelegatedRole;
using metadata::Delegations;
using metadata::KeyId;
using metadata::PathSet;
using metadata::RoleKeys;
using metadata::SuccinctRoles;
using metadata::TargetPath;
using metadata::Targets;
using metadata::UtcTime;

constexpr std::uint64_t kSnapshotBytesForOne = 172;  // its name, version, length and sha256

Result<void> check_overlap(const Delegations& delegations, const metadata::RoleName& role, const PathSet& paths) {
  for (const DelegatedRole& other : delegations.roles) {
    if (other.name == role || !policies::may_overlap(other.paths, paths)) continue;
    return Error{ErrorCode::kPolicy,
                 printable(role.text()) + " and " + printable(other.name.text()) + " could speak for the same path",
                 "give other paths; or --overlapping, and the delegation that stands first is asked first"};
  }
  return {};
}

// What lists targets that no search for them comes to.
std::string lost_targets(const RoleId& role, const Targets& targets, const PathSet& paths) {
  std::size_t lost = 0;
  std::string first;
  for (const auto& [name, entry] : targets.targets) {
    const Result<TargetPath> path = TargetPath::parse(name);
    const Result<bool> covered = path ? paths.contains(*path) : Result<bool>(false);
    if (covered && *covered) continue;
    if (lost++ == 0) first = printable(name);
  }
  if (lost == 0) return "";
  return std::to_string(lost) + (lost == 1 ? " target" : " targets") + " of " + printable(role.text()) +
         " will no longer be found, " + first + (lost == 1 ? "" : " the first");
}

// One edit: what it drafts and says, from what is there now.
class Edit {
 public:
  Edit(const Repository& repository, FileWriter& writer, UtcTime now)
      : repository_(&repository), writer_(&writer), now_(now) {}

  Result<void> draft(const RoleId& role, Targets targets) {
    TENON_TRY(Draft one, write_draft(*repository_, *writer_, role, std::move(targets),
                                     repository_->settings().expiry.of(role).after(now_)));
    edited_.drafts.push_back(std::move(one));
    return {};
  }
  Result<void> draft_again(const RoleId& role) {
    TENON_TRY(Targets targets, repository_->newest_targets(role));
    return draft(role, std::move(targets));
  }
  void remark(std::string text) {
    if (!text.empty()) edited_.remarks.push_back(std::move(text));
  }
  DelegationEdited done() && { return std::move(edited_); }

 private:
  const Repository* repository_;
  FileWriter* writer_;
  UtcTime now_;
  DelegationEdited edited_;
};

// Releases and channels have commands of their own, which keep their promises.
Result<void> require_no_product(const RoleTree& tree, const RoleId& role) {
  if (!tree.is_of_product(role)) return {};
  return Error{ErrorCode::kPolicy,
               printable(role.text()) + " is a role of a product: what it lists is for release and channel",
               "give the team a role of its own, by targets"};
}

// How a role may be signed after a change; what that loosens is remarked.
Result<RoleKeys> changed_keys(Delegations& delegations, const std::string& name, const RoleKeys& before,
                              const DelegationChange& change, Edit& edit) {
  const auto old = static_cast<std::int64_t>(before.threshold.value());
  RoleKeys after = before;
  if (!change.keys.empty()) {
    TENON_TRY(after, take_holders(delegations, name, {change.keys, change.threshold.value_or(old)}));
  } else {
    TENON_TRY(after.threshold, metadata::Threshold::create(change.threshold.value_or(old)).with_context("--threshold"));
    if (after.threshold.value() > after.keyids.size()) {
      return Error{ErrorCode::kUsage, printable(name) + ": a threshold of " + std::to_string(after.threshold.value()) +
                                          " with " + std::to_string(after.keyids.size()) + " keys"};
    }
  }
  if (after.threshold < before.threshold) {
    edit.remark(std::to_string(after.threshold.value()) + " of its keys will be enough to sign " + printable(name) +
                ", " + std::to_string(old) + " were needed");
  }
  return after;
}

Result<void> edit_bins(const Repository& repository, FileWriter& writer, const RoleTree& tree, Edit& edit,
                       const RoleId& role, const DelegationChange& change) {
  TENON_TRY(Targets delegator, repository.newest_targets(role));
  Delegations delegations = delegator.delegations.value_or(Delegations{});
  TENON_TRY(const std::vector<RoleId> bins, tree.bins_of(role));
  if (bins.empty() || change.paths) {
    return Error{ErrorCode::kUsage, bins.empty() ? printable(role.text()) + " has no bins"
                                                 : "bins share all paths by their digests: --path is of the role"};
  }
  const RoleKeys before = tree.way_to(bins.front())->edge.keys;  // all have the same
  TENON_TRY(const RoleKeys after, changed_keys(delegations, "the bins of " + role.text(), before, change, edit));
  if (delegations.bins) delegations.bins->keys = after;
  for (DelegatedRole& one : delegations.roles) {
    if (one.paths.hash_prefixes) one.keys = after;
  }
  delegations.drop_unused_keys();
  delegator.delegations = std::move(delegations);
  ManyFiles many(writer);
  for (const RoleId& bin : bins) TENON_TRY_VOID(edit.draft_again(bin));
  TENON_TRY_VOID(many.finish());
  edit.remark("all " + std::to_string(bins.size()) + " bins must be signed so before anything can be published");
  return edit.draft(role, std::move(delegator));
}

// The delegation to a role that is no bin.
Result<RoleTree::Way> named_way(const RoleTree& tree, const RoleId& role) {
  std::optional<RoleTree::Way> way = tree.way_to(role);
  if (way && !way->edge.paths.hash_prefixes) return *std::move(way);
  return Error{ErrorCode::kUsage, "no delegation with paths leads to " + printable(role.text()),
               "tenon-repo delegation list"};
}

Result<void> forget_served_elsewhere(const Repository& repository, FileWriter& writer, const RoleId& role) {
  Settings settings = repository.settings();
  if (settings.served_elsewhere.erase(role.text()) == 0) return {};
  return writer.put(repository.settings_file(), as_bytes(settings.to_text()));
}

}  // namespace

Result<RoleKeys> take_holders(Delegations& delegations, const std::string& name, const RoleHolders& holders) {
  std::set<metadata::KeyMaterial> distinct;
  std::vector<KeyId> keyids;
  for (const metadata::PublicKey& key : holders.keys) {
    if (!key.material() || !distinct.insert(*key.material()).second) {
      return Error{ErrorCode::kUsage, printable(name) + ": a key is given twice, or cannot verify"};
    }
    keyids.push_back(key.hash_keyid());
    delegations.keys.insert_or_assign(keyids.back(), key);
  }
  if (holders.threshold < 1 || static_cast<std::uint64_t>(holders.threshold) > distinct.size()) {
    return Error{ErrorCode::kUsage, printable(name) + ": a threshold of " + std::to_string(holders.threshold) +
                                        " with " + std::to_string(distinct.size()) + " keys"};
  }
  TENON_TRY(const metadata::Threshold threshold, metadata::Threshold::create(holders.threshold));
  return RoleKeys{std::move(keyids), threshold};
}

Result<DelegationEdited> add_delegation(const Repository& repository, FileWriter& writer,
                                        const DelegationRequest& request, UtcTime now) {
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  const RoleId role = RoleId::of(request.role);
  if (tree.way_to(role)) return Error{ErrorCode::kUsage, "role " + printable(role.text()) + " is there already"};
  TENON_TRY_VOID(require_no_product(tree, request.delegator));
  if (!tree.may_list(request.delegator) || tree.is_bin(request.delegator)) {
    return Error{ErrorCode::kUsage, printable(request.delegator.text()) + " cannot delegate: it is a bin, or no role",
                 "tenon-repo delegation list"};
  }
  TENON_TRY(Targets delegator, repository.newest_targets(request.delegator));
  Delegations delegations = delegator.delegations.value_or(Delegations{});
  if (delegations.bins) {
    return Error{ErrorCode::kUsage, printable(request.delegator.text()) + " has bins: it cannot delegate to others"};
  }
  const PathSet paths{.patterns = request.paths};
  if (!request.may_overlap) TENON_TRY_VOID(check_overlap(delegations, request.role, paths));
  TENON_TRY(RoleKeys keys, take_holders(delegations, role.text(), request.holders));
  delegations.roles.push_back({request.role, std::move(keys), paths, request.terminating});
  delegator.delegations = std::move(delegations);

  Edit edit(repository, writer, now);
  TENON_TRY_VOID(edit.draft(role, Targets{}));
  TENON_TRY_VOID(edit.draft(request.delegator, std::move(delegator)));
  edit.remark("clients ask " + printable(role.text()) +
              " once both files and a snapshot of them are public, which publish "
              "does together");
  return std::move(edit).done();
}

Result<DelegationEdited> edit_delegation(const Repository& repository, FileWriter& writer, const RoleId& role,
                                         const DelegationChange& change, UtcTime now) {
  const bool other_holders = !change.keys.empty() || change.threshold;
  if (!change.paths && !other_holders) return Error{ErrorCode::kUsage, "nothing to change is given"};
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  Edit edit(repository, writer, now);
  if (change.of_bins) {
    TENON_TRY_VOID(edit_bins(repository, writer, tree, edit, role, change));
    return std::move(edit).done();
  }
  TENON_TRY(const RoleTree::Way way, named_way(tree, role));
  if (change.paths) TENON_TRY_VOID(require_no_product(tree, role));
  TENON_TRY(Targets delegator, repository.newest_targets(way.delegator));
  Delegations& delegations = *delegator.delegations;
  DelegatedRole& edge = *std::ranges::find(delegations.roles, way.edge.name, &DelegatedRole::name);
  if (change.paths) {
    edge.paths = PathSet{.patterns = *change.paths};
    if (!change.may_overlap) TENON_TRY_VOID(check_overlap(delegations, edge.name, edge.paths));
    TENON_TRY(const Targets listed, repository.newest_targets(role));
    edit.remark(lost_targets(role, listed, edge.paths));
    if (tree.delegator(role) != nullptr) {
      edit.remark("what its bins, and the roles below it, list outside of these paths will not be found either");
    }
  }
  if (other_holders) {
    TENON_TRY(edge.keys, changed_keys(delegations, role.text(), edge.keys, change, edit));
    delegations.drop_unused_keys();
    TENON_TRY_VOID(edit.draft_again(role));
    edit.remark(printable(role.text()) + " must be signed so before anything can be published");
  }
  TENON_TRY_VOID(edit.draft(way.delegator, std::move(delegator)));
  return std::move(edit).done();
}

Result<DelegationEdited> remove_delegation(const Repository& repository, FileWriter& writer, const RoleId& role,
                                           UtcTime now) {
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  TENON_TRY(const RoleTree::Way way, named_way(tree, role));
  TENON_TRY_VOID(require_no_product(tree, role));
  TENON_TRY(const Targets listed, repository.newest_targets(role));
  TENON_TRY(Targets delegator, repository.newest_targets(way.delegator));
  std::erase_if(delegator.delegations->roles, [&](const DelegatedRole& one) { return one.name == way.edge.name; });
  delegator.delegations->drop_unused_keys();
  if (delegator.delegations->roles.empty()) delegator.delegations.reset();
  Edit edit(repository, writer, now);
  TENON_TRY_VOID(edit.draft(way.delegator, std::move(delegator)));
  TENON_TRY_VOID(writer.remove(repository.draft(role.draft_name())));
  TENON_TRY_VOID(forget_served_elsewhere(repository, writer, role));
  edit.remark(lost_targets(role, listed, PathSet{}));
  if (tree.delegator(role) != nullptr)
    edit.remark("what its bins, and the roles below it, list will not be found either");
  TENON_TRY(const std::optional<metadata::Version> version, repository.published_version(role));
  if (version) {
    edit.remark("snapshot goes on to list it: clients refuse one that drops a role; its files stay until prune");
  }
  return std::move(edit).done();
}

Result<DelegationEdited> add_bins(const Repository& repository, FileWriter& writer, const BinsRequest& request,
                                  UtcTime now) {
  if (!std::has_single_bit(request.count) || request.count < 2 || request.count > RoleTree::kMostBins) {
    return Error{ErrorCode::kUsage, std::to_string(request.count) + " bins: not a power of two, 2 to 65536"};
  }
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  TENON_TRY_VOID(require_no_product(tree, request.role));
  TENON_TRY(Targets delegator, repository.newest_targets(request.role));
  if (delegator.delegations || !tree.may_list(request.role) || tree.is_bin(request.role)) {
    return Error{ErrorCode::kUsage,
                 printable(request.role.text()) + " cannot have bins: it delegates already, is a bin, or no role"};
  }
  Delegations delegations;
  TENON_TRY(RoleKeys keys, take_holders(delegations, request.prefix, request.holders));
  TENON_TRY(
      const SuccinctRoles bins,
      SuccinctRoles::create(std::move(keys), std::countr_zero(request.count), request.prefix).with_context("the bins"));
  for (std::uint64_t i = 0; i < request.count; ++i) {
    const RoleId role = RoleId::of(bins.bin(i).name);
    if (tree.way_to(role)) return Error{ErrorCode::kUsage, "role " + printable(role.text()) + " is there already"};
  }
  std::map<std::uint64_t, Targets> moved;
  for (auto& [name, entry] : delegator.targets) {
    TENON_TRY(const TargetPath path, TargetPath::parse(name));
    moved[bins.number_of(path)].targets.emplace(name, std::move(entry));
  }
  const std::size_t moving = delegator.targets.size();
  delegator.targets.clear();

  Edit edit(repository, writer, now);
  ManyFiles many(writer);
  for (std::uint64_t i = 0; i < request.count; ++i) {
    DelegatedRole bin = bins.bin(i);
    TENON_TRY_VOID(edit.draft(RoleId::of(bin.name), std::move(moved[i])));
    if (request.listed) delegations.roles.push_back(std::move(bin));
  }
  TENON_TRY_VOID(many.finish());
  if (!request.listed) delegations.bins = bins;
  delegator.delegations = std::move(delegations);
  TENON_TRY_VOID(edit.draft(request.role, std::move(delegator)));
  edit.remark("snapshot grows by about " + size_text(request.count * kSnapshotBytesForOne) +
              ", which each client fetches whenever something changes");
  if (moving > 0) edit.remark(std::to_string(moving) + " targets move into the bins");
  return std::move(edit).done();
}

}  // namespace tenon::repo_tools
