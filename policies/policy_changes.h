// What a new policy changes: every member that differs, and nothing else.
#pragma once

#include <tenon/policies/change.h>
#include <tenon/policies/signing_policy.h>

#include <optional>
#include <vector>

namespace tenon::policies {

// policy_changes gives the differences in the order of the document; without a policy before, all of it is new.
std::vector<Change> policy_changes(const std::optional<SigningPolicy>& before, const SigningPolicy& after);

}  // namespace tenon::policies
