#include <tenon/client/workflow/target_search.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::client {

using metadata::Edge;
using metadata::RoleName;
using metadata::TrustedTargets;

TargetSearch TargetSearch::start(const TrustedRepository& repository, metadata::TargetPath path,
                                 const metadata::Rules& rules) {
  TargetSearch search(repository, std::move(path), rules);
  search.visit(repository.targets, nullptr);
  return search;
}

void TargetSearch::visit(const TrustedTargets& role, std::shared_ptr<const Visit> delegator) {
  visited_.push_back(role.name());
  current_.reset();
  if (Result<void> went_on = look_into(role, std::move(delegator)); !went_on) stuck_ = went_on.error();
}

// Looks into a role and lines up the delegations that match. A terminating one ends the walk after its own descendants:
// what waited before is dropped, what follows it was not matched. An undefined pattern waits in its place as an error.
// Spec: 5.6.7.2
Result<void> TargetSearch::look_into(const TrustedTargets& role, std::shared_ptr<const Visit> delegator) {
  TENON_TRY(found_, metadata::VerifiedTarget::find_in(role, path_));
  if (found_) return {};
  const auto here = std::make_shared<const Visit>(Visit{role.name(), std::move(delegator)});
  std::vector<Result<Edge>> edges = role.edges_to(path_, rules_);
  if (!edges.empty() && edges.back() && edges.back()->terminating()) waiting_.clear();
  for (auto edge = edges.rbegin(); edge != edges.rend(); ++edge) waiting_.push_back({here, std::move(*edge)});
  return take_next_edge();
}

// Spec: 5.6.7.1
bool TargetSearch::is_skipped(const RoleName& name, const Visit* delegator) const {
  if (rules_.visited == metadata::VisitedRule::kGlobal) {
    return std::ranges::find(visited_, name) != visited_.end();
  }
  for (const Visit* visit = delegator; visit != nullptr; visit = visit->delegator.get()) {
    if (visit->role == name) return true;
  }
  return false;
}

Result<void> TargetSearch::take_next_edge() {
  while (!waiting_.empty()) {
    Waiting next = std::move(waiting_.back());
    waiting_.pop_back();
    if (!next.edge) return next.edge.error();
    const RoleName& name = next.edge->name();
    if (is_skipped(name, next.delegator.get())) continue;
    if (visited_.size() > rules_.limits.roles_per_search) {
      return Error{ErrorCode::kLimit,
                   printable(path_.text()) + ": not decided after " + std::to_string(visited_.size()) + " roles"};
    }
    TENON_TRY(pin_, listed_pin(repository_->snapshot, name, rules_));
    current_ = std::move(next);
    ask_cache_ = true;
    return {};
  }
  return {};
}

Result<Step> TargetSearch::next() const {
  if (stuck_) return *stuck_;
  if (!current_) return Step(Done{});
  const RoleName& name = current_->edge->name();
  if (ask_cache_) return Step(WantCached{name.file_name()});
  const std::size_t max_length = pin_->length ? static_cast<std::size_t>(*pin_->length) : rules_.limits.targets_bytes;
  return Step(
      WantRemote{repository_->root->consistent_snapshot ? name.file_name(pin_->version) : name.url_name(), max_length});
}

Result<Progress> TargetSearch::feed(const Reply& reply) {
  if (!current_) return Progress{};
  const RoleName& name = current_->edge->name();
  const Bytes* file = std::get_if<Bytes>(&reply);
  if (file == nullptr && ask_cache_) {
    ask_cache_ = false;
    return Progress{};
  }
  if (file == nullptr) return Error{ErrorCode::kNet, name.file_name() + ": the repository does not have it"};

  const Result<TrustedTargets> role = trust_targets(*file, *current_->edge, repository_->snapshot, rules_);
  if (!role && ask_cache_) {  // an older version, or damaged: the repository has the one that snapshot pins
    ask_cache_ = false;
    return Progress{};
  }
  if (!role) return Error(role.error()).context(name.file_name());

  Progress progress;
  if (!ask_cache_) progress.persist = Persist{name.file_name(), *file};
  visit(*role, current_->delegator);
  return progress;
}

}  // namespace tenon::client
