// The policy that judges a request: which one it is is decided by the home and the root's threshold, not by the request.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/keyctl/root_trust.h>
#include <tenon/policies/signing_policy.h>
#include <tenon/policies/signing_request.h>

#include <optional>

namespace tenon::keyctl {

// SignedPolicy is a policy that the root's threshold signed, or that this person signed before.
struct SignedPolicy {
  policies::SigningPolicy policy;
  Sha256 payload;  // of its signed part
  Bytes file;
};

// signed_policy gives the newest that is remembered or carried; nothing when there is none yet.
// Errors: E_SIG for one that the trusted root's keys did not sign and that is not known here; E_ROLLBACK for one older
// than what is known; E_PARSE.
Result<std::optional<SignedPolicy>> signed_policy(const Memory& memory, const policies::SigningRequest& request,
                                                  const std::optional<TrustedRoot>& root);

}  // namespace tenon::keyctl
