// RoleStatus: one role as people see it: version, expiry, who signed and who is missing.
#pragma once

#include <tenon/repo_tools/role_tree.h>

#include <functional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

struct RoleStatus {
  RoleId role;
  metadata::Version version;
  metadata::UtcTime expires;
  bool is_staged = false;
  std::uint64_t signed_by = 0;  // distinct keys
  std::uint64_t threshold = 0;
  std::vector<metadata::KeyId> missing = {};  // keys that may sign and have not

  bool complete() const { return signed_by >= threshold; }
  bool operator==(const RoleStatus&) const = default;
};

Result<RoleStatus> status_of(const RoleId& role, const metadata::Envelope& envelope, const Signatories& signatories,
                             bool is_staged);

// require_complete Errors: E_SIG, naming the keys that are missing.
Result<void> require_complete(const RoleStatus& status);

// RepositoryStatus is every role, why nothing can be published as it stands (no blockers: it can), and what of that which is
// public ends soon: half of timestamp's life is over, or less is left of another than a quarter of what it is given, of
// root than 60 days. A job that renews them has then failed for days.
struct RepositoryStatus {
  metadata::Version root_version = metadata::Version::first();
  metadata::UtcTime root_expires = metadata::UtcTime::epoch();
  std::vector<RoleStatus> roles = {};
  bool anything_staged = false;
  std::vector<std::string> blockers = {};
  std::vector<std::string> warnings = {};
};

// repository_status Errors: those of Repository.
Result<RepositoryStatus> repository_status(const Repository& repository, metadata::UtcTime now);

// status_of_roles is of some roles only, and gives each to look(status, envelope) while its file is in memory.
// Errors: as repository_status; those of look.
using LookAtRole = std::function<Result<void>(const RoleStatus& status, const metadata::Envelope& envelope)>;
Result<RepositoryStatus> status_of_roles(const Repository& repository, const RoleTree& tree,
                                         const std::vector<RoleId>& roles, metadata::UtcTime now,
                                         const LookAtRole& look);

// For people: a table of the roles, in which bins that stand alike are one line; lifetime "in 6 days". For programs: JSON.
std::string table_of(const std::vector<RoleStatus>& roles, metadata::UtcTime now);
std::string lifetime_text(metadata::UtcTime expires, metadata::UtcTime now);
json::Value to_json(const RoleStatus& status);
json::Value to_json(const RepositoryStatus& status);

}  // namespace tenon::repo_tools
