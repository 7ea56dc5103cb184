#include <tenon/client/workflow/target_search.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::client {

using metadata::DelegatedRole;
using metadata::RoleName;
using metadata::TrustedTargets;

const DelegatedRole& TargetSearch::Edge::role() const {
  return delegator->targets()->delegations->roles[index];
}

Result<TargetSearch> TargetSearch::start(const TrustedRepository& repository, metadata::TargetPath path,
                                         const metadata::Rules& rules) {
  TargetSearch search(repository, std::move(path), rules);
  TENON_TRY_VOID(search.visit(std::make_shared<const TrustedTargets>(repository.targets)));
  return search;
}

// Looks into a role and lines up the delegations that match. A terminating one ends the walk after its own descendants:
// what waited before is dropped, what follows it is not added.
// Spec: 5.6.7.2
Result<void> TargetSearch::visit(std::shared_ptr<const TrustedTargets> role) {
  visited_.push_back(role->name());
  TENON_TRY(found_, metadata::VerifiedTarget::find_in(*role, path_));
  if (found_) {
    current_.reset();
    return {};
  }
  std::vector<Edge> children;
  if (const auto& delegations = role->targets()->delegations) {
    for (std::size_t i = 0; i < delegations->roles.size(); ++i) {
      TENON_TRY(const bool matched, delegations->roles[i].paths.contains(path_));
      if (!matched) continue;
      children.push_back({role, i});
      if (delegations->roles[i].terminating) {
        waiting_.clear();
        break;
      }
    }
  }
  waiting_.insert(waiting_.end(), children.rbegin(), children.rend());
  return take_next_edge();
}

Result<void> TargetSearch::take_next_edge() {
  current_.reset();
  while (!waiting_.empty()) {
    Edge edge = std::move(waiting_.back());
    waiting_.pop_back();
    // Spec: 5.6.7.1, a role is visited once in a search, whichever edge reached it first.
    if (std::ranges::find(visited_, edge.role().name) != visited_.end()) continue;
    if (visited_.size() > rules_.limits.roles_per_search) {
      return Error{ErrorCode::kLimit,
                   printable(path_.text()) + ": not decided after " + std::to_string(visited_.size()) + " roles"};
    }
    TENON_TRY(pin_, listed_pin(repository_->snapshot, edge.role().name, rules_));
    current_ = std::move(edge);
    ask_cache_ = true;
    return {};
  }
  return {};
}

Result<Step> TargetSearch::next() const {
  if (!current_) return Step(Done{});
  const RoleName& name = current_->role().name;
  if (ask_cache_) return Step(WantCached{name.file_name()});
  const std::size_t max_length = pin_->length ? static_cast<std::size_t>(*pin_->length) : rules_.limits.targets_bytes;
  return Step(WantRemote{repository_->root->consistent_snapshot ? name.file_name(pin_->version) : name.file_name(),
                         max_length});
}

Result<Progress> TargetSearch::feed(const Reply& reply) {
  if (!current_) return Progress{};
  const RoleName& name = current_->role().name;
  const Bytes* file = std::get_if<Bytes>(&reply);
  if (file == nullptr && ask_cache_) {
    ask_cache_ = false;
    return Progress{};
  }
  if (file == nullptr) return Error{ErrorCode::kNet, name.file_name() + ": the repository does not have it"};

  Result<TrustedTargets> role =
      trust_targets(*file, *current_->delegator, current_->role(), repository_->snapshot, rules_);
  if (!role && ask_cache_) {  // an older version, or damaged: the repository has the one that snapshot pins
    ask_cache_ = false;
    return Progress{};
  }
  if (!role) return std::move(role).error().context(name.file_name());

  Progress progress;
  if (!ask_cache_) progress.persist = Persist{name.file_name(), *file};
  TargetSearch after = *this;  // an error behind this role must not look like the end of the walk
  TENON_TRY_VOID(after.visit(std::make_shared<const TrustedTargets>(*std::move(role))));
  *this = std::move(after);
  return progress;
}

}  // namespace tenon::client
