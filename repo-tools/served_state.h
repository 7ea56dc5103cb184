// ServedState: what a timestamp file leads to, as far as snapshot, in a folder's view or in a store. It was parsed, and
// snapshot compared with its pin; nothing of it is authenticated here.
#pragma once

#include <tenon/metadata/snapshot.h>
#include <tenon/metadata/timestamp.h>
#include <tenon/repo_tools/object_store.h>
#include <tenon/repo_tools/repository_view.h>

#include <functional>
#include <optional>
#include <string>

namespace tenon::repo_tools {

inline constexpr const char* kTimestampName = "metadata/timestamp.json";

struct ServedState {
  Bytes timestamp_file;
  metadata::Timestamp timestamp;
  std::string snapshot_name;  // below metadata/
  Bytes snapshot_file;
  metadata::Snapshot snapshot;

  // of reads what a timestamp file leads to; read gives a file of metadata/, nothing when there is none.
  // Errors: E_PARSE; E_MISMATCH for a snapshot that is missing or not the one that is pinned; those of read.
  using ReadFile = std::function<Result<std::optional<Bytes>>(const std::string& file)>;
  static Result<ServedState> of(Bytes timestamp_file, const ReadFile& read);
};

// read_file_of gives a file of metadata/ as a view has it, nothing when there is none. Errors: those of the view.
Result<std::optional<Bytes>> read_file_of(const RepositoryView& view, const std::string& file);

// read_file_of gives it as a store has it. Errors: those of the store.
Result<std::optional<Bytes>> read_file_of(ObjectStore& store, const std::string& file);

}  // namespace tenon::repo_tools
