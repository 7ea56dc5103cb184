#include <tenon/metadata/utf8.h>
#include <tenon/policies/release.h>
#include <tenon/repo_tools/role_tree.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

using metadata::DelegatedRole;
using metadata::Envelope;
using metadata::Targets;

}  // namespace

Result<RoleTree> RoleTree::read(const Repository& repository, bool with_drafts) {
  TENON_TRY(const metadata::Authentic<metadata::Root> root,
            with_drafts ? repository.root() : repository.published_root());
  RoleTree tree(root.value(), repository.settings());
  std::set<RoleId> seen;
  TENON_TRY_VOID(tree.grow(repository, with_drafts, RoleId::targets(), 0, seen));

  if (with_drafts) {
    TENON_TRY(tree.staged_, repository.drafted_roles());
    std::erase_if(tree.staged_, [&](const RoleId& role) { return tree.is_no_role(role); });
  }
  return tree;
}

Result<RoleTree> RoleTree::read_top(const Repository& repository) {
  TENON_TRY(const metadata::Authentic<metadata::Root> root, repository.root());
  return RoleTree(root.value(), repository.settings());
}

Result<std::vector<RoleId>> RoleTree::bins_of(const RoleId& role) const {
  std::vector<RoleId> bins;
  const Targets* const targets = delegator(role);
  if (targets == nullptr) return bins;
  const std::optional<metadata::SuccinctRoles>& succinct = targets->delegations->bins;
  if (succinct && succinct->count() > kMostBins) {
    return Error{ErrorCode::kLimit, printable(role.text()) + " has more than 65536 bins"};
  }
  for (std::uint64_t i = 0; succinct && i < succinct->count(); ++i) bins.push_back(RoleId::of(succinct->bin(i).name));
  for (const DelegatedRole& one : targets->delegations->roles) {
    if (one.paths.hash_prefixes) bins.push_back(RoleId::of(one.name));
  }
  return bins;
}

std::vector<RoleId> RoleTree::named_roles() const {
  std::vector<RoleId> names{RoleId::targets()};
  for (const auto& [delegator, targets] : delegators_) {
    for (const DelegatedRole& one : targets.delegations->roles) {
      if (!one.paths.hash_prefixes) names.push_back(RoleId::of(one.name));
    }
  }
  return names;
}

bool RoleTree::may_list(const RoleId& role) const {
  return role == RoleId::targets() || (role.is_delegated() && way_to(role));
}

bool RoleTree::is_of_product(const RoleId& role) const {
  return std::ranges::any_of(settings_.products, [&](const policies::Label& product) {
    return role.text() == policies::releases_role(product) || role.text() == policies::rollout_role(product);
  });
}

Result<std::vector<RoleId>> RoleTree::roles(const Repository& repository) const {
  TENON_TRY(std::vector<RoleId> all, repository.published_roles());
  std::erase_if(all, [&](const RoleId& role) { return is_no_role(role); });
  all.insert(all.end(), staged_.begin(), staged_.end());
  std::ranges::sort(all);
  all.erase(std::unique(all.begin(), all.end()), all.end());
  return all;
}

Result<void> RoleTree::grow(const Repository& repository, bool with_drafts, const RoleId& role, std::int64_t depth,
                            std::set<RoleId>& seen) {
  if (!seen.insert(role).second) return {};
  TENON_TRY(const std::optional<Envelope> envelope, with_drafts ? repository.newest(role) : repository.published(role));
  if (!envelope) return {};
  TENON_TRY(Targets targets, Targets::parse(envelope->signed_part()).with_context(printable(role.text())));
  if (!targets.delegations) return {};
  std::vector<RoleId> next;
  for (const DelegatedRole& delegated : targets.delegations->roles) {
    if (!delegated.paths.hash_prefixes) next.push_back(RoleId::of(delegated.name));
  }
  targets.targets.clear();
  for (std::size_t i = 0; i < targets.delegations->roles.size(); ++i) {
    at_.try_emplace(targets.delegations->roles[i].name.text(), delegators_.size(), i);
  }
  delegators_.emplace_back(role, std::move(targets));
  depths_.push_back(depth);
  for (const RoleId& one : next) TENON_TRY_VOID(grow(repository, with_drafts, one, depth + 1, seen));
  return {};
}

const Targets* RoleTree::delegator(const RoleId& role) const {
  const auto at = std::ranges::find(delegators_, role, &std::pair<RoleId, Targets>::first);
  return at == delegators_.end() ? nullptr : &at->second;
}

std::optional<RoleTree::Way> RoleTree::way_to(const RoleId& role) const {
  if (!role.is_delegated()) return std::nullopt;
  const auto listed = at_.find(role.text());
  const std::size_t end = listed == at_.end() ? delegators_.size() : listed->second.first;
  for (std::size_t i = 0; i < end; ++i) {
    const std::optional<metadata::SuccinctRoles>& bins = delegators_[i].second.delegations->bins;
    const std::optional<std::uint64_t> number = bins ? bins->number_of_bin(role.text()) : std::nullopt;
    if (number) return Way{delegators_[i].first, bins->bin(*number), depths_[i] + 1};
  }
  if (listed == at_.end()) return std::nullopt;
  const auto [delegator, place] = listed->second;
  return Way{delegators_[delegator].first, delegators_[delegator].second.delegations->roles[place],
             depths_[delegator] + 1};
}

Result<Signatories> RoleTree::signatories(const RoleId& role) const {
  if (!role.is_delegated()) {
    const auto top = std::ranges::find(metadata::kTopRoles, role.text(), [](auto name) { return to_string(name); });
    TENON_CHECK(top != std::end(metadata::kTopRoles));
    return Signatories{root_.keys, root_.role(*top)};
  }
  const std::optional<Way> way = way_to(role);
  if (way) return Signatories{delegator(way->delegator)->delegations->keys, way->edge.keys};
  return Error{ErrorCode::kPolicy, "no role delegates to " + printable(role.text())};
}

bool RoleTree::is_bin(const RoleId& role) const {
  const std::optional<Way> way = way_to(role);
  return way && way->edge.paths.hash_prefixes;
}

bool RoleTree::is_served_elsewhere(const RoleId& role) const {
  if (settings_.served_elsewhere.empty()) return false;
  if (settings_.served_elsewhere.contains(role.text())) return true;
  const std::optional<Way> way = way_to(role);
  return way && way->edge.paths.hash_prefixes && settings_.served_elsewhere.contains(way->delegator.text());
}

}  // namespace tenon::repo_tools
