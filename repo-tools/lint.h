// Lint: what a repository may do by the specification, and should not. Each rule is a function over all that is read of
// the repository; a new one is a line in the table in lint.cc. Findings are warnings: devices accept what they speak of.
// Thread: any; pure but for read_lint_subject.
#pragma once

#include <tenon/repo_tools/repository.h>

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tenon::repo_tools {

// LintSubject is what the rules look at: the newest root and targets roles, drafts before what is published.
struct LintSubject {
  metadata::Root root;
  std::vector<std::pair<RoleId, metadata::Targets>> targets = {};
};

// LintFinding is one warning. The rule is a stable word for scripts; role is the file that it was found in.
struct LintFinding {
  std::string_view rule;
  std::string role;
  std::string message;
  std::string hint;

  bool operator==(const LintFinding&) const = default;
};

// read_lint_subject Errors: those of Repository.
Result<LintSubject> read_lint_subject(const Repository& repository);

// lint gives the findings of all rules, in the order of the rules:
//   keyid-is-no-hash        a keyid that is not the SHA-256 of its canonical key: allowed (TAP 12), but some clients
//                           refuse it
//   online-key-is-offline   a key of timestamp or snapshot, which a server holds, that root or targets lists as well
//   delegations-overlap     two delegations of one role that can both speak for a path: their order decides
//   delegation-is-empty     a delegation that matches no path at all
//   two-delegators          a role that two others delegate to: who may sign it depends on the way that leads there
//   target-nobody-finds     a target that no delegation to its role covers
std::vector<LintFinding> lint(const LintSubject& subject);

// For people: two lines for each. For programs: JSON.
std::string to_text(const std::vector<LintFinding>& findings);
json::Value to_json(const std::vector<LintFinding>& findings);

}  // namespace tenon::repo_tools
