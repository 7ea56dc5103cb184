// tenon-keyctl response merge: responses of any people, in any order, twice or for other requests, in; complete metadata
// out, or who is missing. A signature counts when it verifies under a key that must sign, once for each key.
// Thread: one.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/keyctl/review_text.h>
#include <tenon/policies/signing_response.h>

#include <functional>
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

// joined_with gives what to write where a file of that name is there: one with the same signed part keeps the signatures
// that only it has, and only a later version takes the place of another one.
// Errors: E_POLICY for another file of that version or a later one; E_PARSE for one that is no metadata.
Result<std::string> joined_with(const MergedFile& file, ByteView there);

// WriteFiles puts the finished files where they belong; what it gives back ends the merging. Errors: any.
using WriteFiles = std::function<Result<void>(const std::vector<MergedFile>& files)>;

// merge_responses writes when all documents are complete, and only then remembers the new root and policy, so that it can
// be repeated. Returns: what became of each signature, and who is missing: then with status 7, and nothing was written.
// Errors: those of review_request and of write; E_POLICY when a rule refuses; E_SIG when a file that seemed complete does
// not verify as a client would.
Result<Report> merge_responses(Home& home, policies::SigningRequest request,
                               const std::vector<NamedResponse>& responses, const WriteFiles& write,
                               metadata::UtcTime now);

}  // namespace tenon::keyctl
