#include <tenon/hsm/file_io.h>
#include <tenon/repo_tools/client_check.h>
#include <tenon/repo_tools/prune.h>
#include <tenon/repo_tools/role_tree.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <set>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::Envelope;
using metadata::Snapshot;
using metadata::TargetPath;
using metadata::Targets;
using metadata::Version;

// "3.snapshot.json" is version 3 of "snapshot.json".
struct VersionedName {
  std::int64_t version;
  std::string file;

  static std::optional<VersionedName> parse(const std::string& name) {
    VersionedName parsed{0, {}};
    if (name.empty() || name[0] < '1' || name[0] > '9') return std::nullopt;
    const auto [end, failed] = std::from_chars(name.data(), name.data() + name.size(), parsed.version);
    if (failed != std::errc() || end == name.data() + name.size() || *end != '.') return std::nullopt;
    parsed.file = std::string(end + 1, name.data() + name.size());
    return parsed;
  }
};

// So long a device may go on with a snapshot that it has accepted.
constexpr std::int64_t kSessionSeconds = std::chrono::seconds(metadata::Limits{}.session_age).count();

// Needed is what somebody may still ask for, by its name below public/.
class Needed {
 public:
  Needed(const Repository& repository, metadata::UtcTime now) : repository_(&repository), now_(now) {}

  Result<void> collect() {
    TENON_TRY(const std::shared_ptr<const PublishedState> published, repository_->published_state());
    if (!published) return Error{ErrorCode::kUsage, "nothing is published yet: there is nothing to prune"};
    const Snapshot& current = published->snapshot;
    current_.emplace(RoleId::snapshot().draft_name(), current.header.version.value());
    for (const auto& [name, entry] : current.meta) {
      TENON_TRY(const RoleId role, RoleId::of_meta_name(name));
      current_.emplace(role.draft_name(), entry.version.value());
    }
    TENON_TRY_VOID(add_snapshot(current));
    TENON_TRY_VOID(add_older_snapshots(current.header.version));
    TENON_TRY(const std::vector<RoleId> drafts, repository_->drafted_roles());
    for (const RoleId& role : drafts) {
      if (!role.lists_targets()) continue;
      TENON_TRY(const Targets targets, repository_->newest_targets(role));
      TENON_TRY_VOID(add_targets(targets));
    }
    return {};
  }

  bool has(const std::string& name) const { return names_.contains(name); }
  // is_superseded is true for an older version of a role that is published: newer ones may belong to a publication that
  // was cut, and their versions stand for these bytes for ever.
  bool is_superseded(const VersionedName& name) const {
    const auto current = current_.find(name.file);
    return current != current_.end() && name.version < current->second;
  }

 private:
  Result<void> add_older_snapshots(Version current) {
    std::error_code error;
    for (fs::directory_iterator at(repository_->public_metadata(""), error), end; !error && at != end;
         at.increment(error)) {
      const std::optional<VersionedName> name = VersionedName::parse(at->path().filename().native());
      if (!name || name->file != RoleId::snapshot().draft_name() || name->version >= current.value()) continue;
      TENON_TRY(const Envelope envelope, read(at->path().filename().native()));
      TENON_TRY(const Snapshot snapshot,
                Snapshot::parse(envelope.signed_part()).with_context(at->path().filename().native()));
      if (snapshot.header.expires.plus_seconds(kSessionSeconds) > now_) TENON_TRY_VOID(add_snapshot(snapshot));
    }
    if (error) return Error{ErrorCode::kStorage, "public/metadata: " + error.message()};
    return {};
  }

  Result<void> add_snapshot(const Snapshot& snapshot) {
    names_.insert("metadata/" + RoleId::snapshot().public_name(snapshot.header.version));
    for (const auto& [meta, entry] : snapshot.meta) {
      TENON_TRY(const RoleId role, RoleId::of_meta_name(meta));
      const std::string name = role.public_name(entry.version);
      if (!names_.insert("metadata/" + name).second) continue;
      TENON_TRY(const Envelope envelope, read(name));
      TENON_TRY(const Targets targets, Targets::parse(envelope.signed_part()).with_context(name));
      TENON_TRY_VOID(add_targets(targets));
    }
    return {};
  }

  Result<void> add_targets(const Targets& targets) {
    for (const auto& [name, entry] : targets.targets) {
      TENON_TRY(const TargetPath path, TargetPath::parse(name));
      if (entry.hashes.sha256) names_.insert("targets/" + path.hash_prefixed(entry.hashes.sha256->hex()));
      if (entry.hashes.sha512) names_.insert("targets/" + path.hash_prefixed(entry.hashes.sha512->hex()));
    }
    return {};
  }

  Result<Envelope> read(const std::string& name) const {
    const std::size_t limit = metadata::Limits{}.listed_bytes;
    TENON_TRY(const Bytes file, hsm::read_file(repository_->public_metadata(name), limit));
    return Envelope::parse(file, limit).with_context(name);
  }

  const Repository* repository_;
  metadata::UtcTime now_;
  std::set<std::string> names_;
  std::map<std::string, std::int64_t> current_;  // by the file of a role: the version that is published
};

// Every file below a folder of public/, by its name below public/.
Result<std::vector<PrunedFile>> files_below(const fs::path& public_folder, std::string_view folder) {
  std::vector<PrunedFile> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(public_folder / folder, error), end; !error && at != end;
       at.increment(error)) {
    if (at->is_symlink(error) || !at->is_regular_file(error)) continue;
    files.push_back({at->path().lexically_relative(public_folder).native(), at->file_size(error)});
  }
  if (error == std::errc::no_such_file_or_directory) return files;
  if (error) return Error{ErrorCode::kStorage, public_folder.native() + ": " + error.message()};
  return files;
}

bool may_go(const Needed& needed, const std::string& path) {
  const std::string name = fs::path(path).filename().native();
  if (is_leftover(name)) return true;
  if (needed.has(path)) return false;
  if (path.starts_with("targets/")) return is_hash_prefixed(name);
  const std::optional<VersionedName> versioned =
      VersionedName::parse(path.substr(std::string_view("metadata/").size()));
  return versioned && needed.is_superseded(*versioned);
}

// The file of every target that clients find: what a role lists that nobody delegates to any more, they do not.
Result<void> find_all(CheckingClient& client, const RepositoryView& view, const Targets& targets) {
  for (const auto& [name, entry] : targets.targets) {
    TENON_TRY(const TargetPath path, TargetPath::parse(name));
    TENON_TRY(const CheckingClient::Walk walk, client.walk(path));
    if (walk.found && walk.found->hashes().sha256) TENON_TRY_VOID(view.target(path, *walk.found->hashes().sha256));
  }
  return {};
}

}  // namespace

Result<std::vector<PrunedFile>> prunable(const Repository& repository, metadata::UtcTime now) {
  Needed needed(repository, now);
  TENON_TRY_VOID(needed.collect());
  std::vector<PrunedFile> files;
  for (const char* folder : {"metadata", "targets"}) {
    TENON_TRY(std::vector<PrunedFile> there, files_below(repository.public_folder(), folder));
    std::ranges::copy_if(there, std::back_inserter(files),
                         [&](const PrunedFile& file) { return may_go(needed, file.name); });
  }
  std::ranges::sort(files, {}, [](const PrunedFile& file) {
    return std::make_pair(!file.name.ends_with(".snapshot.json"), file.name);
  });
  return files;
}

Result<void> check_pruned(const Repository& repository, const std::vector<PrunedFile>& files, metadata::UtcTime now) {
  std::set<std::string> hidden;
  for (const PrunedFile& file : files) hidden.insert(file.name);
  const RepositoryView view = RepositoryView::published_without(repository, std::move(hidden));
  TENON_TRY(const Bytes embedded_root, repository.initial_root());
  CheckingClient client(view, embedded_root, {}, now);
  TENON_TRY_VOID(client.refresh().with_context("a new device"));
  TENON_TRY(const RoleTree tree, RoleTree::read_published(repository));
  TENON_TRY(const std::vector<RoleId> roles, repository.published_roles());
  for (const RoleId& role : roles) {
    if (!role.lists_targets() || tree.is_served_elsewhere(role)) continue;
    TENON_TRY(const std::optional<Envelope> envelope, repository.published(role));
    TENON_TRY(const Targets targets, Targets::parse(envelope->signed_part()));
    TENON_TRY_VOID(find_all(client, view, targets).with_context("a new device"));
  }
  return {};
}

Result<void> remove_pruned(const Repository& repository, FileWriter& writer, const std::vector<PrunedFile>& files) {
  for (const PrunedFile& file : files) TENON_TRY_VOID(writer.remove(repository.public_folder() / file.name));
  return {};
}

}  // namespace tenon::repo_tools
