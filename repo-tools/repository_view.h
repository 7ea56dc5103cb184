// RepositoryView answers what a client would ask of the repository: what is published, or what would be if the drafts
// were published now.
// Thread: immutable.
#pragma once

#include <tenon/repo_tools/pending_file.h>
#include <tenon/repo_tools/repository.h>
#include <tenon/repo_tools/served_files.h>

#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>

namespace tenon::repo_tools {

class RepositoryView final : public ServedFiles {
 public:
  // Each Caller must keep the repository alive.
  static RepositoryView published(const Repository& repository) { return {repository, {}, false}; }
  // published_without has all but some files of public/, which are given by their names there.
  static RepositoryView published_without(const Repository& repository, std::set<std::string> hidden) {
    RepositoryView view(repository, {}, false);
    view.hidden_ = std::move(hidden);
    return view;
  }
  // with_staging has the staged target files, and the given files of metadata/, in front of the published ones.
  static RepositoryView with_staging(const Repository& repository, std::map<std::string, PendingFile> metadata) {
    return {repository, std::move(metadata), true};
  }

  Result<client::Reply> metadata(const std::string& file, std::size_t max_bytes) const override;
  Result<Bytes> read_target(const metadata::TargetPath& path, const Sha256& sha256,
                            std::size_t max_bytes) const override;

  // target gives where a target's file lies. Errors: E_NET when there is none, as a client would see it.
  Result<std::filesystem::path> target(const metadata::TargetPath& path, const Sha256& sha256) const;

 private:
  RepositoryView(const Repository& repository, std::map<std::string, PendingFile> overlay, bool with_staged_targets)
      : repository_(&repository), overlay_(std::move(overlay)), with_staged_targets_(with_staged_targets) {}

  const Repository* repository_;
  std::map<std::string, PendingFile> overlay_;
  bool with_staged_targets_;
  std::set<std::string> hidden_ = {};
};

}  // namespace tenon::repo_tools
