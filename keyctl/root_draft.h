// Drafting a root: from public key files to an unsigned root version 1, or the reasons why not.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/keyctl/root_file.h>

#include <map>
#include <string>
#include <vector>

namespace tenon::keyctl {

struct RoleRequest {
  std::vector<hsm::KeyFile> keys;
  metadata::Threshold threshold;
};

struct RootRequest {
  std::map<metadata::TopRole, RoleRequest> roles;  // all four
  metadata::UtcTime expires;
  bool lab = false;        // a demo or a test: one root key may be enough
  bool rehearsal = false;  // marked as one, and gone within a day
};

struct RootDraft {
  RootFile file;
  std::vector<std::string> warnings;
};

// draft_root Errors: E_POLICY, for
//   a threshold above the number of distinct keys, one key twice in a role;
//   a key of timestamp or snapshot, which lives on a server, in root or targets;
//   an expiry that is not in the future, or for a rehearsal not within a day; a root that one key can sign, unless lab.
Result<RootDraft> draft_root(const RootRequest& request, metadata::UtcTime now);

}  // namespace tenon::keyctl
