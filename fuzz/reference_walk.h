// ReferenceWalk: the search for a target a second time, written from the specification: a recursive walk in pre-order
// over the files that the device has and the repository serves. Signatures are looked up in the ledger, patterns
// matched by naive_glob; no code of TargetSearch or of trust_targets() is used.
// Spec: 5.6.7
#pragma once

#include <tenon/client/workflow/refresh_session.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include <tests/support/repository_simulator.h>

namespace tenon::fuzz {

struct WalkResult {
  std::optional<ErrorCode> refused = {};
  std::vector<std::string> visited = {};
  std::optional<std::string> found_in = {};  // the role that lists the target
  std::optional<metadata::TargetEntry> entry = {};
  std::map<std::string, Bytes> fetched =
      {};  // files of roles that were fetched and are good, by their name in the store
};

// reference_bin names the bin of a path as TAP 15 has it: the prefix, and the first bits of the path's SHA-256 in hex.
std::string reference_bin(const metadata::SuccinctRoles& bins, const std::string& path);

// reference_walk Pre: the path is a target path.
WalkResult reference_walk(const client::TrustedRepository& trusted, tests::RepositorySimulator& repository,
                          const std::map<std::string, Bytes>& stored, const metadata::Rules& rules,
                          const std::string& path);

}  // namespace tenon::fuzz
