#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/repository_view.h>

namespace tenon::repo_tools {

Result<client::Reply> RepositoryView::metadata(const std::string& file, std::size_t max_bytes) const {
  if (const auto at = overlay_.find(file); at != overlay_.end()) {
    if (at->second.length() <= max_bytes) {
      TENON_TRY(Bytes content, at->second.read());
      return client::Reply(std::move(content));
    }
    return Error{ErrorCode::kLimit, file + ": larger than " + std::to_string(max_bytes) + " bytes"};
  }
  if (hidden_.contains("metadata/" + file)) return client::Reply(client::NotFound{});
  TENON_TRY(std::optional<Bytes> content, read_if_there(repository_->public_metadata(file), max_bytes));
  if (!content) return client::Reply(client::NotFound{});
  return client::Reply(*std::move(content));
}

Result<Bytes> RepositoryView::read_target(const metadata::TargetPath& path, const Sha256& sha256,
                                          std::size_t max_bytes) const {
  TENON_TRY(const std::filesystem::path file, target(path, sha256));
  return hsm::read_file(file, max_bytes);
}

Result<std::filesystem::path> RepositoryView::target(const metadata::TargetPath& path, const Sha256& sha256) const {
  const std::string file = path.hash_prefixed(sha256.hex());
  std::error_code error;
  const std::filesystem::path staged = repository_->staged_target(file);
  if (with_staged_targets_ && std::filesystem::exists(staged, error)) return staged;
  const std::filesystem::path served = repository_->public_target(file);
  if (!hidden_.contains("targets/" + file) && std::filesystem::exists(served, error)) return served;
  return Error{ErrorCode::kNet, "targets/" + printable(file) + ": is listed and not there"};
}

}  // namespace tenon::repo_tools
