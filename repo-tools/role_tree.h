// RoleTree: which roles there are and who may sign each. Bins are its leaves: there may be very many of them, so none is read
// to know it; of their drafts alone, whether they differ from what is published.
// Thread: immutable.
#pragma once

#include <tenon/repo_tools/repository.h>

#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace tenon::repo_tools {

// Signatories are who may sign a role, and how many of them must.
struct Signatories {
  metadata::KeyMap keys;
  metadata::RoleKeys role;

  metadata::Tally tally(const metadata::Envelope& envelope) const { return metadata::tally(envelope, keys, role); }
};

class RoleTree {
 public:
  // read goes by the newest targets roles, drafts included, read_published by what clients get now.
  // Errors: those of Repository.
  static Result<RoleTree> read(const Repository& repository) { return read(repository, true); }
  static Result<RoleTree> read_published(const Repository& repository) { return read(repository, false); }
  // read_top knows the roles of root alone, whatever state the others are in.
  static Result<RoleTree> read_top(const Repository& repository);

  // Way is the delegation that leads to a role: the first that was read, should there be two, of which lint warns.
  struct Way {
    RoleId delegator;
    metadata::DelegatedRole edge;
    std::int64_t depth;  // targets is at 0
  };
  // way_to gives nothing for a role that nobody delegates to, and for those of root.
  std::optional<Way> way_to(const RoleId& role) const;

  // signatories Errors: E_POLICY when nobody delegates to the role.
  Result<Signatories> signatories(const RoleId& role) const;

  // staged_roles gives the roles with a draft, in signing order; roles every role there is, staged or published. Those that
  // nobody delegates to are none. Errors: those of Repository.
  const std::vector<RoleId>& staged_roles() const { return staged_; }
  Result<std::vector<RoleId>> roles(const Repository& repository) const;

  // delegators gives the roles that delegate, in the order of a search, without the targets that they list.
  const std::vector<std::pair<RoleId, metadata::Targets>>& delegators() const { return delegators_; }
  // delegator gives null for a role that delegates to nobody.
  const metadata::Targets* delegator(const RoleId& role) const;
  // is_bin is true for a role that holds a share of all paths by their hash.
  bool is_bin(const RoleId& role) const;
  // bins_of gives the bins of a role, in the order of their numbers; none for a role without.
  // Errors: E_LIMIT above kMostBins, which nobody of ours makes.
  static constexpr std::uint64_t kMostBins = 65'536;
  Result<std::vector<RoleId>> bins_of(const RoleId& role) const;
  // named_roles gives targets and those that are delegated to by paths: all but the bins.
  std::vector<RoleId> named_roles() const;
  // may_list is true for targets and for each role that somebody delegates to.
  bool may_list(const RoleId& role) const;
  // is_of_product is true for releases.<product> and rollout.<product>, whose content has commands of its own.
  bool is_of_product(const RoleId& role) const;
  // is_served_elsewhere is true for a role whose target files are not kept in the folder, or a bin of such a role.
  bool is_served_elsewhere(const RoleId& role) const;

 private:
  RoleTree(metadata::Root root, Settings settings) : root_(std::move(root)), settings_(std::move(settings)) {}
  static Result<RoleTree> read(const Repository& repository, bool with_drafts);
  Result<void> grow(const Repository& repository, bool with_drafts, const RoleId& role, std::int64_t depth,
                    std::set<RoleId>& seen);
  bool is_no_role(const RoleId& role) const { return role.is_delegated() && !way_to(role); }

  metadata::Root root_;
  Settings settings_;
  std::vector<std::pair<RoleId, metadata::Targets>> delegators_;
  std::vector<std::int64_t> depths_;                               // of the delegators
  std::map<std::string, std::pair<std::size_t, std::size_t>> at_;  // by role: its delegator, its place there
  std::vector<RoleId> staged_;
};

}  // namespace tenon::repo_tools
