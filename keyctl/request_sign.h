// tenon-keyctl request show and request sign: the request is read once; what is shown, judged and signed are those bytes.
// Thread: one.
#pragma once

#include <tenon/hsm/signer.h>
#include <tenon/keyctl/confirm.h>
#include <tenon/keyctl/home.h>
#include <tenon/keyctl/review_text.h>
#include <tenon/policies/signing_response.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tenon::keyctl {

// SigningKey is one key of the person who signs: known before it is opened, so that nobody types a PIN for a request that
// is refused.
struct SigningKey {
  std::string name;  // for messages: "alice.pem"
  metadata::PublicKey public_key;
  std::function<Result<std::unique_ptr<hsm::Signer>>()> open;
};

struct SigningOrder {
  std::vector<SigningKey> keys;                // at least one
  std::vector<std::string> acknowledged = {};  // ids of rules whose warnings the person accepts
  std::string tool = {};                       // name and version, for the response
};

// show_request reviews and logs. A refusal of the policy is shown, not an error.
Result<Report> show_request(Home& home, policies::SigningRequest request, ReviewContext context);

// Signed is what a person made of a request.
struct Signed {
  policies::SigningResponse response;
  Report report;
  std::string words;  // what was signed: "acme-fw root 2"
};

// sign_request reviews, asks, signs with every key that may sign, verifies each signature, and remembers before it gives
// anything away. What was shown, refused, declined, failed and signed is logged. Errors: those of review_request; E_POLICY
// when a rule refuses, a warning is not acknowledged, or no key of the person may sign any of it; E_AUTH when the person
// does not confirm; those of the signer.
Result<Signed> sign_request(Home& home, policies::SigningRequest request, ReviewContext context,
                            const SigningOrder& order, const Confirm& confirm);

// Forget says which mark is given up, and why.
struct Forget {
  policies::Label repository;
  std::string role;
  std::string reason;
};
// forget_mark lets another draft of a version that was signed here, and never published, be signed. Recorded.
// Errors: E_USAGE when there is no such mark.
Result<Report> forget_mark(Home& home, const Forget& forget, metadata::UtcTime now);

}  // namespace tenon::keyctl
