// SigningFacts: all that the signing rules see: the document, what was trusted before it, the request, the keys and the
// occasion. Whoever fills it has verified what stands here: signatures, proofs of possession, the policy's own signatures.
// What is not given is not assumed: a rule that needs it refuses.
// Thread: values.
#pragma once

#include <tenon/metadata/envelope.h>
#include <tenon/metadata/root.h>
#include <tenon/metadata/targets.h>
#include <tenon/policies/change.h>
#include <tenon/policies/signing_policy.h>

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace tenon::policies {

enum class Occasion {
  kDraft,    // a look at a document, without a request: rules about requests and ceremonies are not asked
  kSign,     // a person is about to sign
  kPublish,  // all have signed; it is about to become public
};

// TokenFacts is what a token said of a key that lives in it. A key in a file has none.
struct TokenFacts {
  std::string label;
  std::string manufacturer;
  std::string model;
  std::string serial;
  bool local = false;  // made in the token
  bool never_extractable = false;
  bool operator==(const TokenFacts&) const = default;
};

// Possession is a proof, already verified, that somebody could use the private key.
struct Possession {
  std::string nonce;  // of the ceremony or drill it was made for
  metadata::UtcTime made;
  bool operator==(const Possession&) const = default;
};

struct KeyFacts {
  std::optional<TokenFacts> token = {};
  std::optional<Possession> possession = {};
  bool operator==(const KeyFacts&) const = default;
};

struct RootDocument {
  std::optional<metadata::Root> before;
  metadata::Root after;
};

struct TargetsDocument {
  metadata::RoleName role;
  std::optional<metadata::Targets> before;
  metadata::Targets after;
  metadata::KeyMap keys;                             // of the delegator (root, for targets) ...
  metadata::RoleKeys holders;                        // ... of which these may sign the role
  std::optional<metadata::DelegatedRole> edge = {};  // absent for targets
  std::int64_t depth = 0;                            // targets is at 0
  std::map<metadata::RoleName, bool> children = {};  // does the child's metadata verify under `after`?
};

struct PolicyDocument {
  std::optional<SigningPolicy> before;
  SigningPolicy after;
};

// OnlineDocument is a snapshot or a timestamp.
struct OnlineDocument {
  metadata::TopRole role;
  std::optional<metadata::Version> before;
  metadata::Version after;
  metadata::UtcTime expires;
};

using Document = std::variant<RootDocument, TargetsDocument, PolicyDocument, OnlineDocument>;

// RequestFacts is what a signing request says of itself.
struct RequestFacts {
  metadata::UtcTime created;
  metadata::UtcTime not_after;
  Sha256 policy_sha256;  // of the policy that the coordinator judged it by
  std::string nonce;     // of the ceremony
};

struct SigningFacts {
  Occasion occasion;
  metadata::UtcTime now;
  std::optional<metadata::Root> root;  // the trusted one; absent only before there is any
  SigningPolicy policy;
  Sha256 policy_sha256;  // SigningPolicy::digest() of it
  Document document;
  std::vector<Change> changes = {};                 // the whole difference to what was trusted
  std::map<std::string, std::string> reasons = {};  // by place, as the coordinator declared them
  std::map<metadata::KeyId, KeyFacts> keys = {};
  std::optional<RequestFacts> request = {};          // absent for kDraft, and for what is published without one
  std::vector<metadata::Signature> signatures = {};  // as they will stand in the output
  bool unattended = false;                           // no person looks at this signature
  bool audit_log_intact = false;
  bool rehearsal = false;
};

}  // namespace tenon::policies
