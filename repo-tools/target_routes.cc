#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/target_routes.h>

#include <algorithm>

namespace tenon::repo_tools {

namespace {

constexpr std::size_t kKeptLeaves = 4;

}  // namespace

using metadata::DelegatedRole;
using metadata::RoleName;
using metadata::Targets;

Result<std::shared_ptr<const Targets>> TargetRoutes::targets(const RoleId& role) {
  for (const auto& [leaf, kept] : leaves_) {
    if (leaf == role) return kept;
  }
  if (const auto kept = delegators_.find(role); kept != delegators_.end()) return kept->second;
  TENON_TRY(Targets targets, repository_->newest_targets(role));
  const bool delegates = targets.delegations.has_value();
  auto shared = std::make_shared<const Targets>(std::move(targets));
  if (delegates) {
    delegators_.emplace(role, shared);
  } else {
    leaves_.emplace_front(role, shared);
    if (leaves_.size() > kKeptLeaves) leaves_.pop_back();
  }
  return shared;
}

Result<TargetRoutes::Route> TargetRoutes::route(const metadata::TargetPath& path) {
  const std::size_t most = metadata::Limits{}.roles_per_search;
  Route route;
  std::vector<Result<RoleName>> waiting{RoleName::targets()};  // a stack: the back is asked next
  while (!waiting.empty()) {
    TENON_TRY(const RoleName role, std::move(waiting.back()));
    waiting.pop_back();
    if (std::ranges::find(route.asked, role) != route.asked.end()) continue;
    if (route.asked.size() > most) return Error{ErrorCode::kLimit, printable(path.text()) + ": too many roles to ask"};
    route.asked.push_back(role);
    TENON_TRY(const std::shared_ptr<const Targets> listed, targets(RoleId::of(role)));
    if (const metadata::TargetEntry* entry = listed->find(path)) {
      route.entry = *entry;
      return route;
    }
    if (!listed->delegations) continue;
    const std::vector<Result<DelegatedRole>> next = listed->delegations->matching(path, most + 1);
    if (!next.empty() && next.back() && next.back()->terminating) waiting.clear();
    for (auto one = next.rbegin(); one != next.rend(); ++one) {
      waiting.push_back(*one ? Result<RoleName>((*one)->name) : Result<RoleName>(one->error()));
    }
  }
  return route;
}

}  // namespace tenon::repo_tools
