// Delegations: who may sign which paths. Each edit drafts the delegator anew, and what it brings into being or must be
// signed by other keys; it says what that means for clients before anything is public.
// Thread: one.
#pragma once

#include <tenon/repo_tools/drafts.h>
#include <tenon/repo_tools/role_tree.h>

#include <optional>
#include <string>
#include <vector>

namespace tenon::repo_tools {

// RoleHolders are the keys that will sign a delegated role, and how many of them must.
struct RoleHolders {
  std::vector<metadata::PublicKey> keys;
  std::int64_t threshold = 1;
};

// take_holders adds the keys to those of a delegator and gives how they may sign. name is the role's, for errors.
// Errors: E_USAGE for a key that is given twice or cannot verify, and for a threshold that the keys cannot meet.
Result<metadata::RoleKeys> take_holders(metadata::Delegations& delegations, const std::string& name,
                                        const RoleHolders& holders);

struct DelegationRequest {
  RoleId delegator;
  metadata::RoleName role;
  std::vector<metadata::PathPattern> paths;
  RoleHolders holders;
  bool terminating = true;
  bool may_overlap = false;  // with other delegations of the delegator, of which the first is asked first
};

// What becomes of a delegation. Remarks are for people: what clients will see, and what they will no longer see.
struct DelegationEdited {
  std::vector<Draft> drafts;
  std::vector<std::string> remarks = {};
};

// add_delegation makes a role and drafts it, empty. Errors: E_USAGE for an unknown delegator, one that has bins or is one, a
// role that is there already, or holders that cannot sign; E_POLICY for paths that overlap another delegation's, and for a
// delegator that is a product's.
Result<DelegationEdited> add_delegation(const Repository& repository, FileWriter& writer,
                                        const DelegationRequest& request, metadata::UtcTime now);

// DelegationChange gives a role other paths, or other holders of it or of its bins; what is absent stays.
struct DelegationChange {
  std::optional<std::vector<metadata::PathPattern>> paths = {};
  std::vector<metadata::PublicKey> keys = {};
  std::optional<std::int64_t> threshold = {};
  bool of_bins = false;  // keys and threshold are for all bins of the role
  bool may_overlap = false;
};

// edit_delegation drafts anew whoever must be signed by other keys. Errors: those of add_delegation; E_USAGE for a change of
// nothing, and for bins where there are none.
Result<DelegationEdited> edit_delegation(const Repository& repository, FileWriter& writer, const RoleId& role,
                                         const DelegationChange& change, metadata::UtcTime now);

// remove_delegation Errors: E_USAGE when nobody delegates to the role, or it is a bin; E_POLICY for a role of a product.
Result<DelegationEdited> remove_delegation(const Repository& repository, FileWriter& writer, const RoleId& role,
                                           metadata::UtcTime now);

// BinsRequest shares the paths of a role out to bins by the digest of the path.
struct BinsRequest {
  RoleId role;
  std::uint64_t count;  // a power of two, 2 to 65,536
  std::string prefix;   // their names are PREFIX-0a
  RoleHolders holders;
  bool listed = false;  // each with its prefixes of digests, for clients that do not know succinct bins
};

// add_bins makes them and moves what the role lists into them. Errors: E_USAGE for a count that is none, a role that
// delegates already, or a prefix whose bins would be roles that there are; E_PARSE for a prefix that makes no names;
// E_POLICY for a role of a product; those of take_holders.
// Spec: 4.5, TAP 15
Result<DelegationEdited> add_bins(const Repository& repository, FileWriter& writer, const BinsRequest& request,
                                  metadata::UtcTime now);

}  // namespace tenon::repo_tools
