// MetadataFolder: the trusted metadata of one repository as the conformance suite looks at it: ROLE.json for each
// trusted role, without a version, the bytes as received. root.json is the newest root; the next session starts there.
// The floors are kept beside them in .floors, so that a damaged file, or a cut after a rotation of keys, costs nothing.
// Thread: one; one process at a time.
#pragma once

#include <tenon/client/store/folder.h>
#include <tenon/client/workflow/exchange.h>
#include <tenon/metadata/floors.h>

#include <optional>
#include <string>

namespace tenon::tests {

class MetadataFolder {
 public:
  // open takes the size up to which files are read, in bytes. Errors: E_STORAGE
  static Result<MetadataFolder> open(const std::string& path, std::size_t max_bytes);

  // initialise makes root the one to start from, and forgets the floors.
  // Errors: those of metadata::embedded_root(); E_STORAGE
  Result<void> initialise(ByteView root) const;
  // Errors: E_STORAGE
  Result<Bytes> trusted_root() const;

  // load answers a WantCached. Roots are never found: the newest one is where the session started.
  std::optional<Bytes> load(const std::string& file_name) const;
  // Errors: E_STORAGE
  Result<void> save(const client::Persist& file) const;
  // remove takes a file away; that it is not there is no error. Errors: E_STORAGE
  Result<void> remove(const std::string& file_name) const;

  // floors gives nothing when they were never stored. Errors: E_STORAGE, E_PARSE
  Result<std::optional<metadata::VersionFloors>> floors() const;
  // Errors: E_STORAGE
  Result<void> save(const metadata::VersionFloors& floors) const;

 private:
  MetadataFolder(client::Folder folder, std::size_t max_bytes) : folder_(std::move(folder)), max_bytes_(max_bytes) {}
  Result<std::optional<Bytes>> read(const std::string& name) const;

  client::Folder folder_;
  std::size_t max_bytes_;
};

// read_whole reads an open file. Errors: E_STORAGE; E_LIMIT when it is larger than max_bytes.
Result<Bytes> read_whole(const client::FileDescriptor& file, const std::string& shown, std::size_t max_bytes);

}  // namespace tenon::tests
