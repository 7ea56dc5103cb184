// policy.toml, the form of a signing policy that people write. What it leaves out is as in policies/default.toml.
// Strict: a key that is not known, or a value of another kind, is an error that names the line.
// Thread: any.
#pragma once

#include <tenon/policies/signing_policy.h>

#include <string>
#include <string_view>

namespace tenon::keyctl {

// parse_policy_toml Errors: E_USAGE, naming file and line.
Result<policies::SigningPolicy> parse_policy_toml(std::string_view text, const std::string& file_name);

}  // namespace tenon::keyctl
