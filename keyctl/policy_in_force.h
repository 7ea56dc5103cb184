// The policy that judges a request: which one it is is decided by the home and the root's threshold, not by the request.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/keyctl/root_trust.h>
#include <tenon/policies/signing_policy.h>
#include <tenon/policies/signing_request.h>

#include <optional>
#include <span>

namespace tenon::keyctl {

// SignedPolicy is a policy that the threshold of a root signed.
struct SignedPolicy {
  policies::SigningPolicy policy;
  Sha256 payload;  // of its signed part
  Bytes file;
};

// signed_policy gives the newest that is remembered or carried; nothing when there is none yet. The newest root's keys
// must have signed one that is carried; for one that this person signed too, those of any root of the chain will do.
// Errors: E_SIG for one that was not; E_ROLLBACK for one older
// than what is known; E_PARSE.
Result<std::optional<SignedPolicy>> signed_policy(const Memory& memory, const policies::SigningRequest& request,
                                                  std::span<const TrustedRoot> chain);

}  // namespace tenon::keyctl
