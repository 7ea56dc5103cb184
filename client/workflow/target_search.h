// TargetSearch: finds who vouches for one target, in pre-order through the delegations, without any I/O.
// A role that cannot be fetched or verified ends the search with an error: to try the next one would let a mirror
// choose whom to believe. "No such target" is a result, and only that may be shown as absence.
// Spec: 5.6.7
// Thread: a search belongs to one thread.
#pragma once

#include <tenon/client/workflow/exchange.h>
#include <tenon/client/workflow/refresh_session.h>
#include <tenon/metadata/fresh.h>

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace tenon::client {

class TargetSearch {
 public:
  // start Caller must keep the repository alive and use the rules of its refresh.
  // Errors: E_POLICY for an undefined pattern.
  static Result<TargetSearch> start(const TrustedRepository& repository, metadata::TargetPath path,
                                    const metadata::Rules& rules);

  // next says which role's file is wanted. Errors: E_LIMIT when more roles are in the way than one search visits.
  Result<Step> next() const;

  // feed takes the reply to the step that next() gave.
  // Errors: the E_* of the first rule that the file breaks; E_NET when it is not found; E_MISMATCH when snapshot does
  // not list the role; E_LIMIT; E_POLICY.
  Result<Progress> feed(const Reply& reply);

  // found Pre: next() gave Done. Nothing means that no role that may speak for the path lists it.
  const std::optional<metadata::VerifiedTarget>& found() const { return found_; }
  // visited names the roles in the order of the walk.
  const std::vector<metadata::RoleName>& visited() const { return visited_; }

 private:
  // One delegation that waits to be followed: the edge, and with it the keys that count.
  struct Edge {
    std::shared_ptr<const metadata::TrustedTargets> delegator;  // shared by the edges that leave one role
    std::size_t index;
    const metadata::DelegatedRole& role() const;
  };

  TargetSearch(const TrustedRepository& repository, metadata::TargetPath path, const metadata::Rules& rules)
      : repository_(&repository), path_(std::move(path)), rules_(rules) {}

  Result<void> visit(std::shared_ptr<const metadata::TrustedTargets> role);
  Result<void> take_next_edge();

  const TrustedRepository* repository_;
  metadata::TargetPath path_;
  metadata::Rules rules_;
  std::vector<Edge> waiting_;    // a stack: the back is followed next
  std::optional<Edge> current_;  // the edge whose file is wanted
  const metadata::MetaEntry* pin_ = nullptr;
  bool ask_cache_ = true;
  std::vector<metadata::RoleName> visited_;
  std::optional<metadata::VerifiedTarget> found_;
};

}  // namespace tenon::client
