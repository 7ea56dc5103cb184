// PendingFile: a metadata file that is not public yet: held in memory, or a draft on disk that is read again when it is
// wanted, and must then be what it was when it was looked at. So what was checked is what is written, and a repository of
// any size needs no memory for it.
// Thread: immutable.
#pragma once

#include <tenon/metadata/envelope.h>

#include <filesystem>
#include <optional>

namespace tenon::repo_tools {

class PendingFile {
 public:
  static PendingFile of_bytes(Bytes content);
  // of_draft Pre: the file has this identity now.
  static PendingFile of_draft(std::filesystem::path draft, metadata::FileIdentity identity);

  std::uint64_t length() const { return identity_.length; }
  // read Errors: E_MISMATCH when the draft has changed; E_STORAGE.
  Result<Bytes> read() const;

 private:
  PendingFile(std::optional<Bytes> content, std::filesystem::path draft, metadata::FileIdentity identity)
      : content_(std::move(content)), draft_(std::move(draft)), identity_(identity) {}

  std::optional<Bytes> content_;
  std::filesystem::path draft_;
  metadata::FileIdentity identity_;
};

}  // namespace tenon::repo_tools
