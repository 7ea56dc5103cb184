// The policy of a repository: DIR/policy.json, signed by root's keys, and what it says of all that is about to become
// public. People's machines judge what people sign; here nothing gets past that was signed elsewhere, or otherwise.
// Thread: one.
#pragma once

#include <tenon/policies/signing_policy.h>
#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/publication.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tenon::repo_tools {

// refuse_rehearsal Errors: E_POLICY for a root that says that it is one.
Result<void> refuse_rehearsal(const metadata::Root& root);

// read_signed_policy Errors: E_SIG below the root's threshold; E_POLICY for a lab's policy where is_lab is false; E_PARSE.
Result<policies::SigningPolicy> read_signed_policy(ByteView file, const metadata::Root& root, bool is_lab);

// set_policy keeps a policy that follows the one there is; the same once more is no error.
// Errors: those of read_signed_policy; E_ROLLBACK for a version that is not above; E_STORAGE.
Result<policies::SigningPolicy> set_policy(const Repository& repository, FileWriter& writer, ByteView file);

// OnlineOnly keeps keys of people out of the machine that publishes: what the policy calls offline is signed where a
// person sees it, with tenon-keyctl, and imported. A lab signs everything in one place.
class OnlineOnly {
 public:
  // of reads the policy as it lies there; whether root's keys signed it is asked when it is set and at each publication.
  // Errors: E_PARSE, E_STORAGE.
  static Result<OnlineOnly> of(const Repository& repository);

  // check Errors: E_POLICY for a role that is signed offline.
  Result<void> check(const RoleId& role) const;

 private:
  explicit OnlineOnly(std::optional<policies::SigningPolicy> policy) : policy_(std::move(policy)) {}

  std::optional<policies::SigningPolicy> policy_;  // none: a lab
};

// judge_publication asks the policy's rules of every role, and of the newest root: those before it are superseded at once.
// Returns: what a person should read: warnings, waivers, an end that is near. A lab may have no policy: then none.
// Errors: E_POLICY, with rule, place and both sides of each finding, when a rule refuses; for a repository for production
// without a policy; for a rehearsal's root. Those of read_signed_policy and Repository.
Result<std::vector<std::string>> judge_publication(const Repository& repository, const Publication& publication,
                                                   metadata::UtcTime now);

}  // namespace tenon::repo_tools
