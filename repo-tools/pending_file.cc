#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/pending_file.h>

namespace tenon::repo_tools {

using metadata::FileIdentity;

PendingFile PendingFile::of_bytes(Bytes content) {
  const FileIdentity identity = FileIdentity::of(content);
  return {std::move(content), {}, identity};
}

PendingFile PendingFile::of_draft(std::filesystem::path draft, FileIdentity identity) {
  return {std::nullopt, std::move(draft), identity};
}

Result<Bytes> PendingFile::read() const {
  if (content_) return *content_;
  TENON_TRY(Bytes content, hsm::read_file(draft_, metadata::Limits{}.listed_bytes));
  if (FileIdentity::of(content) == identity_) return content;
  return Error{ErrorCode::kMismatch, printable(draft_.native()) + ": was changed while it was being published",
               "nothing is public yet: publish again"};
}

}  // namespace tenon::repo_tools
