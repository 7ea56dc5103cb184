// What one document of a signing request is, once it was compared with what is trusted: who must sign it, what changes,
// and the facts that the policy's rules see. Everything is computed here from the draft and from metadata that verifies;
// the request's own words are claims.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/keyctl/root_trust.h>
#include <tenon/policies/metadata_changes.h>
#include <tenon/policies/signing_facts.h>
#include <tenon/policies/signing_request.h>

#include <optional>
#include <string>
#include <vector>

namespace tenon::keyctl {

// Holders are keys of which a threshold must sign, and whose they are: "the old root", "the new root", "targets".
struct Holders {
  std::string name;
  metadata::KeyMap keys;
  metadata::RoleKeys role;

  // listed gives the keyid and key under which a key stands here; nothing for a stranger.
  struct Listed {
    metadata::KeyId keyid;
    metadata::PublicKey key;
  };
  std::optional<Listed> listed(const metadata::PublicKey& key) const;
  metadata::Tally tally(const metadata::Envelope& envelope) const { return metadata::tally(envelope, keys, role); }
};

struct DocumentReview {
  std::string role;
  metadata::Envelope draft;  // without signatures
  metadata::Version version;
  std::optional<metadata::Version> version_before;
  metadata::UtcTime expires;
  std::vector<Holders> holders;  // all of them must be met
  std::vector<policies::Change> changes;
  policies::Document document;                      // for the rules
  std::map<std::string, std::string> reasons = {};  // Change::place -> why, as the request claims
  std::vector<std::string> notes = {};              // what a person should know besides; safe for a terminal

  Sha256 payload_sha256() const { return Sha256::of(draft.signed_bytes()); }
};

// ReviewBasis is what documents are compared with.
struct ReviewBasis {
  const policies::SigningRequest& request;
  std::optional<metadata::Root> root;                    // trusted; absent before the first
  std::optional<policies::SigningPolicy> policy_before;  // in force
  const policies::NameOfKey& name_of;
};

// review_document Errors: E_PARSE for a draft that is no such role; E_POLICY for a role that is not signed by people, or
// that nobody delegates to; E_SIG for a delegating file that does not verify.
Result<DocumentReview> review_document(const policies::RequestedDocument& document, const ReviewBasis& basis);

}  // namespace tenon::keyctl
