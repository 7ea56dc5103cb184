// The signing rules P01 to P36: what must hold before root, targets, a delegated role or the policy itself is signed, and
// before anything is published. Each is a small function over SigningFacts; its limits come from the policy.
// Thread: any.
#pragma once

#include <tenon/policies/rule.h>
#include <tenon/policies/signing_facts.h>

#include <span>
#include <string_view>

namespace tenon::policies {

using SigningRule = Rule<SigningFacts>;

// signing_rules are all of them, by id.
std::span<const SigningRule> signing_rules();

// find_signing_rule gives null for an id that is not known.
const SigningRule* find_signing_rule(std::string_view id);

// judge asks all rules, under the waivers of the policy in the facts.
Judgement judge(const SigningFacts& facts);

}  // namespace tenon::policies
