// RecordPair: a small piece of state that must outlive any power cut: one file of two records of 4 KiB, written in
// turn. The file has its size from the start, so a write changes no folder and no length, and it never touches the
// record that counts: a cut inside it leaves that one.
// Thread: one at a time. Readers beside the one writer see the old
// content or the new.
#pragma once

#include <tenon/client/ports/trust_store.h>
#include <tenon/client/store/folder.h>
#include <tenon/client/store/record_format.h>

#include <array>
#include <optional>
#include <string>

namespace tenon::client {

class RecordPair {
 public:
  // Caller must: keep the folder alive.
  RecordPair(const Folder& folder, std::string name) : folder_(folder), name_(std::move(name)) {}

  // load gives Absent when there is no file, Damaged when neither record is whole.
  // Errors: E_STORAGE when neither record is whole and the disk reported an error.
  Result<RecordContent> load();

  // spoiled counts the records that were written and are not whole: one after a cut, until the next save.
  // Errors: E_STORAGE
  Result<std::size_t> spoiled() const;

  // save Errors: E_LIMIT above 4072 bytes; E_STORAGE: then load() gives the old content until the next save succeeds,
  // and after a restart the old or the new.
  Result<void> save(ByteView content);

 private:
  struct Copies {
    std::array<std::optional<StoredRecord>, 2> records;
    std::optional<Error> disk_error = {};
    std::optional<std::size_t> newest() const;
  };

  Result<std::optional<FileDescriptor>> open(int flags) const;
  Copies read(const FileDescriptor& file) const;
  Result<void> create(ByteView content) const;
  Result<void> overwrite(const FileDescriptor& file, std::size_t index, std::uint64_t sequence, ByteView content);

  const Folder& folder_;
  std::string name_;
  // The record whose last write failed. The page cache may show it whole though the disk never had it, so it does not
  // count, and the next write goes there again: the other one may be the only copy on the disk.
  std::optional<std::size_t> unsure_ = {};
  bool name_is_durable_ = false;
};

}  // namespace tenon::client
