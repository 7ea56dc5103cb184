// Rules: what a refresh is judged by. They are given once and hold to its end.
#pragma once

#include <tenon/metadata/limits.h>
#include <tenon/metadata/utc_time.h>

namespace tenon::metadata {

// RootCap says what happens after Limits::roots_per_refresh new roots.
enum class RootCap {
  kStop,     // E_LIMIT, and the next refresh goes on: a mirror cannot hide a revocation behind old roots
  kContinue  // as the specification has it, with the root reached
};

// VisitedRule says when a search skips a delegated role. Limits::roles_per_search counts every visit.
enum class VisitedRule {
  kGlobal,   // when it was visited before, whichever edge reached it first: the text of the specification
  kPerChain  // only when it is already on the way from top-level targets to the edge that names it
};

struct Rules {
  UtcTime now = UtcTime::epoch();  // Spec: 5.1, the fixed start time
  Limits limits = {};
  bool require_snapshot_hashes = false;  // length and digest of every role must be listed; on in tenond
  bool strict_keyids = false;            // a key whose id is not the SHA-256 of its canonical form is worth zero
  RootCap root_cap = RootCap::kStop;
  VisitedRule visited = VisitedRule::kGlobal;
};

}  // namespace tenon::metadata
