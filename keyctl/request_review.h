// The review of a signing request: everything that a person must see and a policy must judge before anything is signed.
// It is a function of the request's bytes, which were read once, and of what the home remembers.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/keyctl/document_review.h>
#include <tenon/keyctl/key_names.h>
#include <tenon/keyctl/policy_in_force.h>
#include <tenon/keyctl/release_review.h>
#include <tenon/policies/rule.h>
#include <tenon/policies/safety_code.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tenon::keyctl {

// ReviewedDocument is a document with what the rules say of it.
struct ReviewedDocument {
  DocumentReview review;
  std::vector<PinnedRelease> releases = {};
  policies::Judgement judgement = {};
};

struct Review {
  policies::SigningRequest request;
  std::vector<ReviewedDocument> documents;
  std::optional<TrustedRoot> root;            // what the documents were compared with
  std::optional<SignedPolicy> policy_before;  // in force until now
  policies::SigningPolicy policy;             // that judged: the new one when the request carries one
  Sha256 policy_payload;
  policies::SafetyCode code;
  std::vector<hsm::KeyFile> key_files;
  KeyNames names;
  metadata::UtcTime now;

  bool refused() const;
  // unacknowledged gives the ids of the warnings that the person has not named, each once.
  std::vector<std::string> unacknowledged(std::span<const std::string> acknowledged) const;
  // words is what a person types to sign: "acme-fw root 2".
  std::string words() const;
  // label gives "alice (1234abcd)": the custodian in the policy, or the key file's name.
  std::string label(const metadata::KeyId& keyid, const metadata::PublicKey* key) const;
};

// subject_of says where what comes of a request is remembered.
inline Subject subject_of(const policies::SigningRequest& request) {
  return {request.repository, request.rehearsal};
}

// memory_for gives what the request is judged by. A first root begins a rehearsal anew, whatever was rehearsed before.
// Errors: those of Home::recall; E_PARSE for a root that is none.
Result<Memory> memory_for(const Home& home, const policies::SigningRequest& request);

struct ReviewContext {
  Memory memory;
  metadata::UtcTime now;
  bool unattended = false;
  bool audit_log_intact = false;
  KeyNames names = {};  // of this person's own key files
};

// review_request Errors: those of follow_roots, signed_policy, review_document and pinned_releases; E_POLICY without a
// policy, or for a policy of another repository; E_ROLLBACK for a version that was signed here already, or a lower one.
Result<Review> review_request(policies::SigningRequest request, const ReviewContext& context);

}  // namespace tenon::keyctl
