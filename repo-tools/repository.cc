#include <tenon/hsm/file_io.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/repository.h>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::Envelope;
using metadata::Root;
using metadata::Targets;
using metadata::Version;

constexpr metadata::Limits kLimits;
constexpr std::string_view kSettingsFile = "tenon-repo.json";

// A file that timestamp or snapshot lists.
Result<Envelope> read_listed(const Repository& repository, const RoleId& role, Version version) {
  const std::string name = role.public_name(version);
  TENON_TRY(const std::optional<Bytes> file, read_if_there(repository.public_metadata(name), kLimits.listed_bytes));
  if (file) return Envelope::parse(*file, kLimits.listed_bytes).with_context(printable(name));
  return Error{ErrorCode::kMismatch, "public/metadata/" + name + " is listed and not there"}.with_hint(
      "restore public/ from its mirror or a backup");
}

// The version in "7.root.json".
std::optional<Version> root_version_in(const std::string& file) {
  const std::size_t dot = file.find('.');
  if (dot == 0 || dot == file.npos || dot > 9 || file.substr(dot) != ".root.json") return std::nullopt;
  if (file.find_first_not_of("0123456789") != dot) return std::nullopt;
  const Result<Version> version = Version::create(std::stoll(file.substr(0, dot)));
  return version ? std::optional(*version) : std::nullopt;
}

Result<std::vector<std::string>> files_in(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    names.push_back(at->path().filename().native());
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return storage_error(folder, "cannot list it", error.value());
  }
  std::ranges::sort(names);
  return names;
}

}  // namespace

Result<std::optional<Bytes>> read_if_there(const fs::path& path, std::size_t max_bytes) {
  std::error_code error;
  if (!fs::exists(fs::symlink_status(path, error))) return std::optional<Bytes>();
  TENON_TRY(Bytes file, hsm::read_file(path, max_bytes));
  return std::optional(std::move(file));
}

Result<metadata::RoleHeader> header_of(const Envelope& envelope, const RoleId& role) {
  TENON_TRY(json::Fields fields, json::Fields::of(envelope.signed_part(), role.text()));
  return metadata::RoleHeader::read(fields, role.type());
}

Result<Repository> Repository::open(const fs::path& folder) {
  TENON_TRY(const std::optional<Bytes> file, read_if_there(folder / kSettingsFile, Settings::kMaxBytes));
  if (!file) {
    return Error{ErrorCode::kUsage, printable(folder.native()) + ": is no repository, it has no tenon-repo.json"}
        .with_hint("make one with tenon-repo init");
  }
  TENON_TRY(Settings settings, Settings::parse(*file).with_context(printable((folder / kSettingsFile).native())));
  return Repository(folder, std::move(settings));
}

Result<hsm::FileDescriptor> Repository::lock() const {
  const fs::path path = folder_ / ".lock";
  hsm::FileDescriptor fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return storage_error(path, "cannot open it", errno);
  if (::flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return storage_error(path, "cannot lock it", errno);
  return Error{ErrorCode::kBusy, printable(folder_.native()) + ": another tenon-repo is working on it"}.with_hint(
      "try again when it is done");
}

Result<Bytes> Repository::initial_root() const {
  return hsm::read_file(folder_ / "root.json", kLimits.root_bytes);
}

Result<metadata::Authentic<Root>> Repository::walk_roots(bool with_staged) const {
  TENON_TRY(const Bytes first, initial_root());
  TENON_TRY(metadata::Authentic<Root> root, metadata::embedded_root(first).with_context("root.json"));
  for (;;) {
    TENON_TRY(const Version next, root->header.version.next());
    const std::string name = std::to_string(next.value()) + ".root.json";
    std::optional<Bytes> file;
    if (with_staged) {
      TENON_TRY(file, read_if_there(draft(name), kLimits.root_bytes));
    }
    if (!file) {
      TENON_TRY(file, read_if_there(public_metadata(name), kLimits.root_bytes));
    }
    if (!file) return root;
    TENON_TRY(root, metadata::next_root(root, *file).with_context(name));
  }
}

Result<std::map<Version, Bytes>> Repository::staged_roots() const {
  TENON_TRY(const std::vector<std::string> names, files_in(drafts()));
  std::map<Version, Bytes> roots;
  for (const std::string& name : names) {
    const std::optional<Version> version = root_version_in(name);
    if (!version) continue;
    TENON_TRY(Bytes file, hsm::read_file(draft(name), kLimits.root_bytes));
    TENON_TRY(const std::optional<Bytes> there, read_if_there(public_metadata(name), kLimits.root_bytes));
    if (there != file) roots.emplace(*version, std::move(file));
  }
  return roots;
}

Result<std::shared_ptr<const PublishedState>> Repository::published_state() const {
  TENON_TRY(std::optional<Bytes> file,
            read_if_there(public_metadata(RoleId::timestamp().draft_name()), kLimits.timestamp_bytes));
  if (!file) return std::shared_ptr<const PublishedState>();
  if (last_read_ && last_read_->timestamp_file == *file) return last_read_;

  TENON_TRY(const Envelope timestamp_file,
            Envelope::parse(*file, kLimits.timestamp_bytes).with_context("timestamp.json"));
  TENON_TRY(metadata::Timestamp timestamp, metadata::Timestamp::parse(timestamp_file.signed_part()));
  TENON_TRY(const Envelope snapshot_file, read_listed(*this, RoleId::snapshot(), timestamp.snapshot.version));
  TENON_TRY(metadata::Snapshot snapshot, metadata::Snapshot::parse(snapshot_file.signed_part()));
  last_read_ = std::make_shared<const PublishedState>(
      PublishedState{*std::move(file), std::move(timestamp), snapshot_file.identity(), std::move(snapshot)});
  return last_read_;
}

Result<std::optional<Envelope>> Repository::published(const RoleId& role) const {
  TENON_TRY(const std::shared_ptr<const PublishedState> state, published_state());
  if (!state) return std::optional<Envelope>();
  if (role == RoleId::timestamp()) {
    TENON_TRY(Envelope timestamp, Envelope::parse(state->timestamp_file, kLimits.timestamp_bytes));
    return std::optional(std::move(timestamp));
  }
  TENON_TRY(const std::optional<Version> version, published_version(role));
  if (!version) return std::optional<Envelope>();
  TENON_TRY(Envelope envelope, read_listed(*this, role, *version));
  return std::optional(std::move(envelope));
}

Result<std::vector<RoleId>> Repository::published_roles() const {
  std::vector<RoleId> roles;
  TENON_TRY(const std::shared_ptr<const PublishedState> state, published_state());
  if (!state) return roles;
  for (const auto& [name, entry] : state->snapshot.meta) {
    TENON_TRY(RoleId role, RoleId::of_meta_name(name));
    roles.push_back(std::move(role));
  }
  roles.push_back(RoleId::snapshot());
  roles.push_back(RoleId::timestamp());
  return roles;
}

// The file of a draft that is not what is published. What snapshot pins tells it without reading the published file.
Result<std::optional<Bytes>> Repository::read_draft(const RoleId& role) const {
  TENON_TRY(std::optional<Bytes> file, read_if_there(draft(role.draft_name()), kLimits.listed_bytes));
  if (!file) return file;
  TENON_TRY(const std::shared_ptr<const PublishedState> state, published_state());
  if (!state) return file;
  const metadata::FileIdentity identity = metadata::FileIdentity::of(*file);
  if (role.lists_targets()) {
    const auto entry = state->snapshot.meta.find(role.meta_name());
    if (entry == state->snapshot.meta.end()) return file;
    if (entry->second.hashes && entry->second.hashes->sha256) {
      if (*entry->second.hashes->sha256 == identity.sha256) file.reset();
      return file;
    }
  }
  if (role == RoleId::snapshot()) {
    if (state->snapshot_file == identity) file.reset();
    return file;
  }
  TENON_TRY(const std::optional<Envelope> there, published(role));
  if (there->identity() == identity) file.reset();
  return file;
}

Result<std::optional<Envelope>> Repository::staged(const RoleId& role) const {
  TENON_TRY(const std::optional<Bytes> file, read_draft(role));
  if (!file) return std::optional<Envelope>();
  TENON_TRY(Envelope envelope,
            Envelope::parse(*file, kLimits.listed_bytes).with_context(printable(draft(role.draft_name()).native())));
  return std::optional(std::move(envelope));
}

Result<std::vector<RoleId>> Repository::drafted_roles() const {
  TENON_TRY(const std::vector<std::string> names, files_in(drafts()));
  std::vector<RoleId> roles;
  for (const std::string& name : names) {
    std::optional<RoleId> role = RoleId::of_draft_name(name);
    if (!role) continue;
    TENON_TRY(const std::optional<Bytes> file, read_draft(*role));
    if (file) roles.push_back(*std::move(role));
  }
  std::ranges::sort(roles);
  return roles;
}

Result<std::optional<Envelope>> Repository::newest(const RoleId& role) const {
  TENON_TRY(std::optional<Envelope> envelope, staged(role));
  if (envelope) return envelope;
  return published(role);
}

Result<Targets> Repository::newest_targets(const RoleId& role) const {
  TENON_TRY(const std::optional<Envelope> envelope, newest(role));
  if (!envelope) return Error{ErrorCode::kUsage, "there is no role " + printable(role.text())};
  return Targets::parse(envelope->signed_part()).with_context(printable(role.text()));
}

Result<std::optional<Version>> Repository::published_version(const RoleId& role) const {
  TENON_TRY(const std::shared_ptr<const PublishedState> state, published_state());
  if (!state) return std::optional<Version>();
  if (role.lists_targets()) {
    const auto entry = state->snapshot.meta.find(role.meta_name());
    return entry == state->snapshot.meta.end() ? std::nullopt : std::optional(entry->second.version);
  }
  if (role == RoleId::snapshot()) return std::optional(state->snapshot.header.version);
  return std::optional(state->timestamp.header.version);
}

Result<Version> Repository::next_version(const RoleId& role) const {
  TENON_TRY(const std::optional<Version> there, published_version(role));
  Version version = Version::first();
  if (there) {
    TENON_TRY(version, there->next());
  }
  if (role == RoleId::timestamp()) return version;
  std::error_code error;
  while (fs::exists(public_metadata(role.public_name(version)), error)) {
    TENON_TRY(version, version.next());
  }
  return version;
}

}  // namespace tenon::repo_tools
