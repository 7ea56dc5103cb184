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
  static TargetSearch start(const TrustedRepository& repository, metadata::TargetPath path,
                            const metadata::Rules& rules);

  // next says which role's file is wanted, or why the search cannot go on: E_LIMIT when more roles are in the way than one
  // search visits, E_MISMATCH when snapshot does not list the next one, E_POLICY when it comes to an undefined pattern.
  Result<Step> next() const;

  // feed takes the reply to the step that next() gave. On an error nothing has changed: another source may be asked.
  // Errors: the E_* of the first rule that the file breaks; E_NET when it is not found.
  Result<Progress> feed(const Reply& reply);

  // found Pre: next() gave Done. Nothing means that no role that may speak for the path lists it.
  const std::optional<metadata::VerifiedTarget>& found() const { return found_; }
  // visited names the roles in the order of the walk.
  const std::vector<metadata::RoleName>& visited() const { return visited_; }

 private:
  // A role on the way from top-level targets. Of its file only the edges that wait are kept.
  struct Visit {
    metadata::RoleName role;
    std::shared_ptr<const Visit> delegator;
  };
  // One delegation that waits to be followed, or why the search ends there.
  struct Waiting {
    std::shared_ptr<const Visit> delegator;
    Result<metadata::Edge> edge;
  };

  TargetSearch(const TrustedRepository& repository, metadata::TargetPath path, const metadata::Rules& rules)
      : repository_(&repository), path_(std::move(path)), rules_(rules) {}

  void visit(const metadata::TrustedTargets& role, std::shared_ptr<const Visit> delegator);
  Result<void> look_into(const metadata::TrustedTargets& role, std::shared_ptr<const Visit> delegator);
  Result<void> take_next_edge();
  bool is_skipped(const metadata::RoleName& name, const Visit* delegator) const;

  const TrustedRepository* repository_;
  metadata::TargetPath path_;
  metadata::Rules rules_;
  std::vector<Waiting> waiting_;    // a stack: the back is followed next
  std::optional<Waiting> current_;  // whose file is wanted
  const metadata::MetaEntry* pin_ = nullptr;
  bool ask_cache_ = true;
  std::optional<Error> stuck_;  // why the walk cannot go on
  std::vector<metadata::RoleName> visited_;
  std::optional<metadata::VerifiedTarget> found_;
};

}  // namespace tenon::client
