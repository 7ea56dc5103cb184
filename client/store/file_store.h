// FileStore: what the device must not forget, in one data folder:
//
//   lock        held by the one process that may write
//   metadata/   the trusted metadata files, the bytes as received
//   records/    floors, journal, checkpoint, stamps, deferral: a RecordPair each
//
// The data folder itself is never made here: a device whose data partition is not mounted must not begin anew.
// Thread: one at a time.
#pragma once

#include <tenon/client/ports/trust_store.h>
#include <tenon/client/store/folder.h>
#include <tenon/client/store/record_pair.h>

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tenon::client {

class FileStore final : public TrustStore, public RecordStore {
 public:
  // open takes the store's lock until the FileStore ends, and makes metadata/ and records/ when they are missing.
  // Errors: E_BUSY when another process holds the lock; E_STORAGE, for a missing data folder too.
  static Result<std::unique_ptr<FileStore>> open(const std::filesystem::path& data_folder);

  // open_for_reading takes no lock and changes nothing: for showing the state. Every save() is then E_STORAGE.
  // Errors: E_STORAGE
  static Result<std::unique_ptr<FileStore>> open_for_reading(const std::filesystem::path& data_folder);

  // RecordPairs refer to the folder beside them.
  FileStore(const FileStore&) = delete;
  FileStore& operator=(const FileStore&) = delete;

  std::optional<Bytes> load(const std::string& file_name) override;
  // save Errors: E_STORAGE, for a name that is not one plain path component and for more than 16 MiB too.
  Result<void> save(const std::string& file_name, ByteView content) override;

  Result<RecordContent> load(Record record) override;
  Result<void> save(Record record, ByteView content) override;
  // spoiled counts the copies of a record that were written and are not whole. Errors: E_STORAGE
  Result<std::size_t> spoiled(Record record);

 private:
  FileStore(std::filesystem::path data_folder, FileDescriptor lock, std::optional<Folder> metadata,
            std::optional<Folder> records);

  RecordPair& pair(Record record) { return pairs_[static_cast<std::size_t>(record)]; }
  Result<void> check_writable() const;

  std::filesystem::path data_folder_;
  FileDescriptor lock_;             // none: opened for reading
  std::optional<Folder> metadata_;  // nothing: opened for reading before anything was written
  std::optional<Folder> records_;
  std::vector<RecordPair> pairs_;  // one for each Record, in its order; none without records_
};

}  // namespace tenon::client
