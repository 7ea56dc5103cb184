// SigningRequest, NAME.tenon-request: what people without a network are asked to sign, with everything they need to
// judge it by themselves. It holds no secret and proves nothing: the signer recomputes the difference from the drafts
// and from the metadata that came before, which it verifies from a root of its own.
//
//   {"format": "tenon-request-1", "repository": "acme-fw", "created": ..., "not_after": ..., "rehearsal": false,
//    "documents": [{"role": "root", "draft": TEXT, "previous": TEXT, "delegators": [TEXT],
//                   "children": [{"role": ..., "file": TEXT}],
//                   "reasons": [{"change": "roles/root/threshold", "reason": TEXT}], "payload_sha256": ...}],
//    "roots": [TEXT], "policy": TEXT, "policy_sha256": ..., "keys": [key files], "nonce": HEX,
//    "releases": [{"path": ..., "content": TEXT}]}
//
// A TEXT is a metadata file, byte for byte.
// Thread: values.
#pragma once

#include <tenon/metadata/digest.h>
#include <tenon/metadata/envelope.h>
#include <tenon/metadata/utc_time.h>
#include <tenon/policies/label.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tenon::policies {

// RequestedDocument is one payload to be signed.
struct RequestedDocument {
  std::string role;                          // "root", "policy", "targets", or the name of a delegated role
  metadata::Envelope draft;                  // what is signed; signatures in it are left out of account
  std::optional<std::string> previous = {};  // the file before it
  std::vector<std::string> delegators = {};  // for a delegated role: targets and the roles on the way, top first
  std::map<std::string, std::string> children = {};  // role -> file, of roles that it delegates to and changes
  std::map<std::string, std::string> reasons = {};   // Change::place -> why; claims of whoever made the request

  Sha256 payload_sha256() const { return Sha256::of(draft.signed_bytes()); }
};

struct SigningRequest {
  static constexpr std::size_t kMaxBytes = 16u << 20;
  static constexpr std::size_t kMaxDocuments = 8;
  static constexpr std::size_t kMaxRoots = 256;     // Limits::roots_per_refresh
  static constexpr std::size_t kMaxReleases = 256;  // release.json files carried
  static constexpr std::size_t kMaxKeys = 64;       // Limits::signatures

  Label repository;
  metadata::UtcTime created;
  metadata::UtcTime not_after;
  bool rehearsal = false;
  std::vector<RequestedDocument> documents;          // at least one, each role once
  std::vector<std::string> roots = {};               // complete roots, consecutive, the newest last
  std::optional<std::string> policy = {};            // the signed policy in force, unless a document is the first
  Sha256 policy_sha256 = {};                         // of the policy's signed part that the request was judged by
  std::vector<json::Value> keys = {};                // key files of the people concerned; hsm::KeyFile reads them
  std::string nonce = {};                            // hex, over which proofs of possession were made; may be empty
  std::map<std::string, std::string> releases = {};  // target path -> release.json

  // parse is strict: no unknown member, no other format; digests of the drafts must be those that are stated.
  // Errors: E_PARSE; E_LIMIT; E_MISMATCH for a payload_sha256.
  static Result<SigningRequest> parse(ByteView file);
  std::string to_text() const;

  // id names the request in responses and logs: the digest of its canonical form.
  Sha256 id() const;
  const RequestedDocument* find(std::string_view role) const;

 private:
  json::Value to_json() const;
};

}  // namespace tenon::policies
