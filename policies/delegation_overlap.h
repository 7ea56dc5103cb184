// Whether two delegations could both speak for one path: what signers are refused (P25) and lint warns of.
// Thread: any; pure.
#pragma once

#include <tenon/metadata/targets.h>

namespace tenon::policies {

// may_overlap is true when some path could belong to both sets, and when that cannot be told: for an undefined pattern, or
// for patterns on one side and prefixes of digests on the other.
bool may_overlap(const metadata::PathSet& a, const metadata::PathSet& b);

}  // namespace tenon::policies
