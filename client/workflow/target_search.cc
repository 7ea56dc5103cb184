#include <tenon/client/workflow/target_search.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::client {

using metadata::DelegatedRole;
using metadata::RoleName;
using metadata::TrustedTargets;

TargetSearch TargetSearch::start(const TrustedRepository& repository, metadata::TargetPath path,
                                 const metadata::Rules& rules) {
  TargetSearch search(repository, std::move(path), rules);
  // Not a copy, which would cost a search as much as the top-level role is large: the caller keeps the repository.
  std::shared_ptr<const TrustedTargets> top(std::shared_ptr<void>(), &repository.targets);
  search.visit(std::make_shared<const Visit>(Visit{std::move(top), nullptr}));
  return search;
}

void TargetSearch::visit(std::shared_ptr<const Visit> visit) {
  visited_.push_back(visit->role->name());
  current_.reset();
  if (Result<void> went_on = look_into(std::move(visit)); !went_on) stuck_ = went_on.error();
}

// Looks into a role and lines up the delegations that match. A terminating one ends the walk after its own descendants:
// what waited before is dropped, what follows it was not matched. An undefined pattern waits in its place as an error.
// Spec: 5.6.7.2
Result<void> TargetSearch::look_into(std::shared_ptr<const Visit> visit) {
  TENON_TRY(found_, metadata::VerifiedTarget::find_in(*visit->role, path_));
  if (found_) return {};
  if (const auto& delegations = visit->role->targets()->delegations) {
    std::vector<Result<DelegatedRole>> children = delegations->matching(path_);
    if (!children.empty() && children.back() && children.back()->terminating) waiting_.clear();
    for (auto child = children.rbegin(); child != children.rend(); ++child) {
      waiting_.push_back({visit, std::move(*child)});
    }
  }
  return take_next_edge();
}

// Spec: 5.6.7.1
bool TargetSearch::is_skipped(const Edge& edge) const {
  if (rules_.visited == metadata::VisitedRule::kGlobal) {
    return std::ranges::find(visited_, edge.role->name) != visited_.end();
  }
  for (const Visit* visit = edge.delegator.get(); visit != nullptr; visit = visit->delegator.get()) {
    if (visit->role->name() == edge.role->name) return true;
  }
  return false;
}

Result<void> TargetSearch::take_next_edge() {
  while (!waiting_.empty()) {
    Edge edge = std::move(waiting_.back());
    waiting_.pop_back();
    if (!edge.role) return edge.role.error();
    if (is_skipped(edge)) continue;
    if (visited_.size() > rules_.limits.roles_per_search) {
      return Error{ErrorCode::kLimit,
                   printable(path_.text()) + ": not decided after " + std::to_string(visited_.size()) + " roles"};
    }
    TENON_TRY(pin_, listed_pin(repository_->snapshot, edge.role->name, rules_));
    current_ = std::move(edge);
    ask_cache_ = true;
    return {};
  }
  return {};
}

Result<Step> TargetSearch::next() const {
  if (stuck_) return *stuck_;
  if (!current_) return Step(Done{});
  const RoleName& name = current_->role->name;
  if (ask_cache_) return Step(WantCached{name.file_name()});
  const std::size_t max_length = pin_->length ? static_cast<std::size_t>(*pin_->length) : rules_.limits.targets_bytes;
  return Step(
      WantRemote{repository_->root->consistent_snapshot ? name.file_name(pin_->version) : name.url_name(), max_length});
}

Result<Progress> TargetSearch::feed(const Reply& reply) {
  if (!current_) return Progress{};
  const RoleName& name = current_->role->name;
  const Bytes* file = std::get_if<Bytes>(&reply);
  if (file == nullptr && ask_cache_) {
    ask_cache_ = false;
    return Progress{};
  }
  if (file == nullptr) return Error{ErrorCode::kNet, name.file_name() + ": the repository does not have it"};

  Result<TrustedTargets> role =
      trust_targets(*file, *current_->delegator->role, *current_->role, repository_->snapshot, rules_);
  if (!role && ask_cache_) {  // an older version, or damaged: the repository has the one that snapshot pins
    ask_cache_ = false;
    return Progress{};
  }
  if (!role) return std::move(role).error().context(name.file_name());

  Progress progress;
  if (!ask_cache_) progress.persist = Persist{name.file_name(), *file};
  visit(std::make_shared<const Visit>(
      Visit{std::make_shared<const TrustedTargets>(*std::move(role)), current_->delegator}));
  return progress;
}

}  // namespace tenon::client
