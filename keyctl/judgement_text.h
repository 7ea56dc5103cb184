// A judgement in words, for people who are about to sign.
#pragma once

#include <tenon/policies/rule.h>

#include <string>

namespace tenon::keyctl {

// describe says each finding with both sides and what it means, errors first, and the verdict in the last line. Safe for a
// terminal.
std::string describe(const policies::Judgement& judgement);

}  // namespace tenon::keyctl
