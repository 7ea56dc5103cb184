// StoreFiles: an object store as the server that a client asks, and what its timestamp is to those who know a root.
// Thread: one call at a time.
#pragma once

#include <tenon/metadata/authentic.h>
#include <tenon/repo_tools/client_check.h>
#include <tenon/repo_tools/object_store.h>
#include <tenon/repo_tools/served_files.h>

#include <optional>
#include <string>

namespace tenon::repo_tools {

inline constexpr const char* kTimestampName = "metadata/timestamp.json";

class StoreFiles final : public ServedFiles {
 public:
  // StoreFiles Caller must keep the store alive.
  explicit StoreFiles(ObjectStore& store) : store_(&store) {}

  // metadata Errors: those of the store.
  Result<client::Reply> metadata(const std::string& file, std::size_t max_bytes) const override;
  // read_target Errors: E_NET: here only metadata is looked at.
  Result<Bytes> read_target(const metadata::TargetPath& path, const Sha256& sha256,
                            std::size_t max_bytes) const override;

  // failure is the last error of the store itself, if there was one: a client that ended with it has seen too little.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  ObjectStore* store_;
  mutable std::optional<Error> failure_ = {};
};

// timestamp_under gives what a file says, nothing unless root's timestamp keys signed it: then it is rubbish, or those keys
// were rotated since; either way no device that knows this root will take it, or keep a floor of its.
std::optional<metadata::Timestamp> timestamp_under(const metadata::Root& root, ByteView file);

}  // namespace tenon::repo_tools
