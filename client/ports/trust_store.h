// TrustStore: the trusted metadata files of the device, the bytes as received.
// RecordStore: the small records that must outlive any power cut.
// Both belong to one process at a time, which holds the store's lock.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <optional>
#include <string>
#include <variant>

namespace tenon::client {

class TrustStore {
 public:
  virtual ~TrustStore() = default;

  // load gives nothing for a file that is not there or cannot be read: it is fetched again. file_name is one path
  // component, as the workflow's Persist named it.
  virtual std::optional<Bytes> load(const std::string& file_name) = 0;

  // save has the file durable when it returns; a cut leaves the old one or the new one.
  // Errors: E_STORAGE, and nothing has changed.
  virtual Result<void> save(const std::string& file_name, ByteView content) = 0;
};

enum class Record { kFloors, kJournal, kCheckpoint, kStamps, kDeferral };

struct Absent {};   // never written
struct Damaged {};  // was written, and no copy can be read: not the same as absent
using RecordContent = std::variant<Absent, Damaged, Bytes>;

class RecordStore {
 public:
  virtual ~RecordStore() = default;

  // load Errors: E_STORAGE when the disk fails.
  virtual Result<RecordContent> load(Record record) = 0;

  // save has the record durable when it returns; a cut leaves the old content or the new.
  // Errors: E_LIMIT when it does not fit 4 KiB with its header; E_STORAGE.
  virtual Result<void> save(Record record, ByteView content) = 0;
};

}  // namespace tenon::client
