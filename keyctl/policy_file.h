// PolicyFile: a signing policy as it lies in a file, well-formed and not trusted: what is signed, and by whom it says it is
// signed. Read once: what is shown, what is judged by and what is signed all come from the one envelope.
// Thread: immutable.
#pragma once

#include <tenon/keyctl/report.h>
#include <tenon/metadata/envelope.h>
#include <tenon/policies/signing_policy.h>

#include <filesystem>

namespace tenon::keyctl {

struct PolicyFile {
  metadata::Envelope envelope;
  policies::SigningPolicy policy;

  // unsigned_of is the file that signers start from.
  static PolicyFile unsigned_of(policies::SigningPolicy policy);
  // parse Errors: E_PARSE, E_LIMIT
  static Result<PolicyFile> parse(ByteView file);
};

// read_policy_file reads POLICY.json, or POLICY.toml as people write it, which nobody has signed.
// Errors: E_STORAGE, E_LIMIT, E_PARSE; E_USAGE for a wrong POLICY.toml.
Result<PolicyFile> read_policy_file(const std::filesystem::path& path);

// describe says all of a policy in plain words, and as data.
Report describe(const PolicyFile& file, metadata::UtcTime now);

}  // namespace tenon::keyctl
