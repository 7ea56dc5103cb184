// TargetRoutes: which roles a search asks for a path, by what the newest roles say and without checking a signature:
// that is done by a client, once for each route. Where very many targets lie in few roles this is what makes looking at
// each of them cheap.
// Thread: one.
#pragma once

#include <tenon/metadata/targets.h>
#include <tenon/repo_tools/repository.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <vector>

namespace tenon::repo_tools {

class TargetRoutes {
 public:
  // TargetRoutes Caller must keep the repository alive and unchanged.
  explicit TargetRoutes(const Repository& repository) : repository_(&repository) {}

  // Route ends with the role that lists the path, if one does.
  struct Route {
    std::vector<metadata::RoleName> asked;
    std::optional<metadata::TargetEntry> entry;
  };
  // route follows the rules of TargetSearch. Errors: those of Repository; E_POLICY where it comes to an undefined
  // pattern; E_LIMIT where a search gives up.
  // Spec: 5.6.7
  Result<Route> route(const metadata::TargetPath& path);

  // targets gives what a role lists. Roles that delegate are kept; of the others the last few, since targets come ordered by
  // their roles. Shared: who asked may still look at one that is forgotten. Errors: those of Repository.
  Result<std::shared_ptr<const metadata::Targets>> targets(const RoleId& role);

 private:
  const Repository* repository_;
  std::map<RoleId, std::shared_ptr<const metadata::Targets>> delegators_;
  std::deque<std::pair<RoleId, std::shared_ptr<const metadata::Targets>>> leaves_;  // the newest in front
};

}  // namespace tenon::repo_tools
