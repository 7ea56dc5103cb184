// Pruning: what of public/ no client can need any more goes. Kept is every root; whatever a snapshot leads to that is
// published now or expired less than a session ago, since somebody may hold a timestamp of it; what the drafts list; and
// every file whose name is not one of ours. Before anything is removed, clients look at the repository as it will be.
#pragma once

#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/repository.h>

#include <cstdint>
#include <string>
#include <vector>

namespace tenon::repo_tools {

struct PrunedFile {
  std::string name;     // below public/, "metadata/3.snapshot.json"
  std::uint64_t bytes;  // that it takes
};

// prunable lists what may go, snapshots first: what they lead to goes only after them.
// Errors: E_USAGE when nothing is published; E_PARSE, E_STORAGE for a file of metadata that cannot be read.
Result<std::vector<PrunedFile>> prunable(const Repository& repository, metadata::UtcTime now);

// check_pruned refreshes as a new device and finds the file of every target that one can find, without these files.
// Errors: those of a client.
Result<void> check_pruned(const Repository& repository, const std::vector<PrunedFile>& files, metadata::UtcTime now);

// remove_pruned Pre: check_pruned passed. Errors: E_STORAGE; call it again to go on.
Result<void> remove_pruned(const Repository& repository, FileWriter& writer, const std::vector<PrunedFile>& files);

}  // namespace tenon::repo_tools
