// TargetFolder: the finished targets of the conformance client, one flat file each. A target is hashed while it is
// written to .new, and gets its name only when it is the one that was verified and is durable.
// Thread: one; one process at a time.
#pragma once

#include <tenon/client/ports/fetcher.h>
#include <tenon/client/store/folder.h>
#include <tenon/metadata/fresh.h>

#include <string>

namespace tenon::tests {

class TargetFolder {
 public:
  // Errors: E_STORAGE
  static Result<TargetFolder> open(const std::string& path);

  // has is true when the file is there already, with the length and the digests of the target.
  // Errors: E_STORAGE
  Result<bool> has(const metadata::VerifiedTarget& target) const;

  // download fetches the target from url_path. Errors: those of the fetcher; E_NET when it is not found; E_MISMATCH
  // when it is another file; E_STORAGE. After an error the folder is as it was.
  Result<void> download(client::Fetcher& fetcher, const std::string& url_path,
                        const metadata::VerifiedTarget& target) const;

 private:
  explicit TargetFolder(client::Folder folder) : folder_(std::move(folder)) {}
  Result<void> fill(const client::FileDescriptor& file, client::Fetcher& fetcher, const std::string& url_path,
                    const metadata::VerifiedTarget& target) const;

  client::Folder folder_;
};

}  // namespace tenon::tests
