// tenon-keyctl custodian add and list: who holds which key, and who has proved it lately. (A drill is key proof.)
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/keyctl/report.h>
#include <tenon/metadata/root.h>
#include <tenon/metadata/utc_time.h>
#include <tenon/policies/signing_policy.h>

#include <optional>
#include <string>
#include <vector>

namespace tenon::keyctl {

struct CustodianRequest {
  std::string organisation;
  std::string contact;
};

// custodian_lines gives the lines of policy.toml for one key: the person is the key file's name, the token what the file
// says of one. Errors: E_USAGE for text with control characters.
Result<std::string> custodian_lines(const hsm::KeyFile& file, const CustodianRequest& request, metadata::UtcTime now);

// Drill is what a list of custodians is made from.
struct Drill {
  const policies::SigningPolicy& policy;
  const std::vector<hsm::KeyFile>& files;             // with the proofs
  std::optional<hsm::Nonce> nonce = std::nullopt;     // only proofs over it count: those of this drill
  std::optional<metadata::Root> root = std::nullopt;  // whose roles are counted
};
// list_custodians says for everybody in the policy when the last proof was made, as far as the key files tell, and for each
// role of the root how many of its keys can still sign.
// Returns: status 7 if a proof that the policy or the nonce demands is missing, or a role cannot be signed for.
Report list_custodians(const Drill& drill, metadata::UtcTime now);

}  // namespace tenon::keyctl
