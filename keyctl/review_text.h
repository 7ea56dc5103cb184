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

}  // namespace tenon::keyctl
