// Editing a draft of the next targets role: to whom it delegates which paths.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/hsm/key_file.h>
#include <tenon/metadata/envelope.h>
#include <tenon/metadata/targets.h>

#include <string>
#include <vector>

namespace tenon::keyctl {

// TargetsFile is a targets role as it lies in a file, well-formed and not trusted.
struct TargetsFile {
  metadata::Envelope envelope;
  metadata::Targets targets;

  // parse Errors: E_PARSE, E_LIMIT
  static Result<TargetsFile> parse(ByteView file);
  // draft_of has no signatures.
  static TargetsFile draft_of(metadata::Targets targets);
};

// next_targets is the role after that one: the next version, the same content, a new expiry, no signatures.
// Errors: E_LIMIT at the last version; E_POLICY for an expiry that is not after now.
Result<TargetsFile> next_targets(const TargetsFile& previous, metadata::UtcTime expires, metadata::UtcTime now);

// empty_targets is the first version of a role that lists nothing yet.
Result<TargetsFile> empty_targets(metadata::UtcTime expires, metadata::UtcTime now);

struct DelegationRequest {
  metadata::RoleName name;
  std::vector<hsm::KeyFile> keys;
  std::int64_t threshold = 1;
  std::vector<metadata::PathPattern> paths;
  bool terminating = true;
};

// add_delegation puts a delegation at the end of the order of trust; replace_delegation leaves it where it stands.
// Errors: E_POLICY for a role that is there already, or is not; for a threshold that the keys cannot meet; without a path.
Result<void> add_delegation(metadata::Targets& targets, const DelegationRequest& request);
Result<void> replace_delegation(metadata::Targets& targets, const DelegationRequest& request);
Result<void> remove_delegation(metadata::Targets& targets, const metadata::RoleName& name);

}  // namespace tenon::keyctl
