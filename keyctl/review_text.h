// A review in plain words and as data. What is shown is all that is signed: the weightiest changes first and counted,
// never cut; only long lists of new targets are, with their number said.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/keyctl/report.h>
#include <tenon/keyctl/request_review.h>

#include <string>

namespace tenon::keyctl {

// describe_review Returns: text for a terminal, and data with every change, finding and digest.
Report describe_review(const Review& review);

// describe_findings says what the policy has against a document, one finding in a few lines; empty when it has nothing.
std::string describe_findings(const policies::Judgement& judgement);

}  // namespace tenon::keyctl
