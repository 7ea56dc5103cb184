// tenon-keyctl custodian add and list: who holds which key, and who has proved it lately. (A drill is key proof.)
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/keyctl/report.h>
#include <tenon/metadata/utc_time.h>
#include <tenon/policies/signing_policy.h>

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

// list_custodians says for everybody in the policy when the last proof was made, as far as the key files tell.
// Returns: status 7 if a proof that the policy demands is missing or too old.
Report list_custodians(const policies::SigningPolicy& policy, const std::vector<hsm::KeyFile>& files,
                       metadata::UtcTime now);

}  // namespace tenon::keyctl
