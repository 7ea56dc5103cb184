// tenon-keyctl response merge: responses of any people, in any order, twice or for other requests, in; complete metadata
// out, or who is missing. A signature counts when it verifies under a key that must sign, once for each key.
// Thread: one.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/keyctl/review_text.h>
#include <tenon/policies/signing_response.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tenon::keyctl {

struct NamedResponse {
  std::string name;  // for messages: the file
  policies::SigningResponse response;
};

// MergedFile is a document with enough signatures.
struct MergedFile {
  std::string name;  // "2.root.json", "1.policy.json", "targets.json", "releases.demo.json"
  std::string content;
};

struct Merged {
  std::vector<MergedFile> files;  // of the documents that are complete
  bool complete = false;          // all are
  Report report;                  // what became of each signature; who is missing
};

// merge_responses Errors: those of review_request; E_SIG when a file that seemed complete does not verify as a client
// would. When all is complete, the new root and policy are remembered.
Result<Merged> merge_responses(Home& home, policies::SigningRequest request,
                               const std::vector<NamedResponse>& responses, metadata::UtcTime now);

}  // namespace tenon::keyctl
