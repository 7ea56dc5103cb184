// The groups that the signing rules are written in; signing_rules() puts them together.
#pragma once

#include <tenon/policies/signing_rules.h>

#include <span>

namespace tenon::policies {

std::span<const SigningRule> key_rules();         // what keys are
std::span<const SigningRule> token_rules();       // where keys live, and who has proved it
std::span<const SigningRule> role_rules();        // how many keys and people
std::span<const SigningRule> change_rules();      // what one version may change
std::span<const SigningRule> lifetime_rules();    // versions and expiry
std::span<const SigningRule> delegation_rules();  // paths, children, targets
std::span<const SigningRule> process_rules();     // the request, the output, the log

}  // namespace tenon::policies
