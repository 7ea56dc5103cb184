#include <tenon/repo_tools/publish_log.h>
#include <tenon/repo_tools/publisher.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;

// What publishing that was ended while it wrote left beside the metadata and the log.
Result<void> remove_leftovers(const Repository& repository, FileWriter& writer) {
  for (const fs::path& folder : {repository.public_metadata(""), repository.log_file().parent_path()}) {
    std::error_code error;
    for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
      const bool is_ours = is_leftover(at->path().filename().native()) && at->is_regular_file(error);
      if (is_ours) TENON_TRY_VOID(writer.remove(at->path()));
    }
  }
  return {};
}

}  // namespace

Result<void> write_publication(const Repository& repository, FileWriter& writer, const Publication& publication,
                               metadata::UtcTime now, Progress& progress, const BeforeSwitch& before_switch) {
  TENON_TRY_VOID(remove_leftovers(repository, writer));
  for (const Publication::TargetFile& file : publication.targets) {
    TENON_TRY_VOID(
        writer.copy_new(repository.staged_target(file.name), repository.public_target(file.name), file.sha256));
  }
  std::uint64_t done = 0;
  progress.begin("write metadata", publication.metadata_bytes());
  ManyFiles many(writer);
  bool is_switching = false;
  for (const Publication::MetadataFile& file : publication.metadata) {
    TENON_TRY(const Bytes content, file.content.read());
    const fs::path path = repository.public_metadata(file.name);
    if (file.is_seen_at_once() && !is_switching) {
      is_switching = true;
      TENON_TRY_VOID(many.finish());
      if (before_switch) TENON_TRY_VOID(before_switch());
    }
    if (file.replaces()) {
      TENON_TRY_VOID(append_to_log(repository, writer, LogEntry::of(publication, now)));
      TENON_TRY_VOID(writer.put(path, content));
    } else {
      TENON_TRY_VOID(writer.put_new(path, content));
    }
    progress.advance(done += content.size());
  }
  progress.end();
  return many.finish();
}

Result<void> clear_staging(const Repository& repository, const RoleTree& tree, FileWriter& writer) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(repository.staged_targets(), error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_directory(error)) files.push_back(at->path());
  }
  for (fs::directory_iterator at(repository.drafts(), error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().native();
    const std::optional<RoleId> role = RoleId::of_draft_name(name);
    const bool is_role = role && (!role->is_delegated() || tree.way_to(*role));
    if (is_role || name.ends_with(".root.json") || is_leftover(name)) files.push_back(at->path());
  }
  ManyFiles many(writer);
  for (const fs::path& file : files) TENON_TRY_VOID(writer.remove(file));
  return many.finish();
}

}  // namespace tenon::repo_tools
