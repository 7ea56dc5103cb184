// Difference: what two states of a repository give clients differently, in the words that signers read: roles that come, go
// or change, and in each what changed.
#pragma once

#include <tenon/metadata/root.h>
#include <tenon/metadata/targets.h>
#include <tenon/policies/change.h>
#include <tenon/repo_tools/repository.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// Contents is what a client may trust of a repository: its root and its targets roles.
struct Contents {
  metadata::Root root;
  std::map<RoleId, metadata::Targets> targets = {};
};

// published_contents is what clients get now, staged_contents what they would get after publishing, signed or not.
// Errors: those of Repository.
Result<Contents> published_contents(const Repository& repository);
Result<Contents> staged_contents(const Repository& repository);

// RoleDifference is one role that differs: absent on a side where there is no such role.
struct RoleDifference {
  std::string role;
  std::optional<metadata::Version> before = {};
  std::optional<metadata::Version> after = {};
  std::vector<policies::Change> changes = {};
};

std::vector<RoleDifference> difference(const Contents& before, const Contents& after);

// For people: a line for each change. For programs: JSON.
std::string to_text(const std::vector<RoleDifference>& roles);
json::Value to_json(const std::vector<RoleDifference>& roles);

}  // namespace tenon::repo_tools
