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

Result<std::optional<Envelope>> read_envelope(const fs::path& path) {
  TENON_TRY(const std::optional<Bytes> file, read_if_there(path, kLimits.listed_bytes));
  if (!file) return std::optional<Envelope>();
  TENON_TRY(Envelope envelope, Envelope::parse(*file, kLimits.listed_bytes).with_context(printable(path.native())));
  return std::optional(std::move(envelope));
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

Result<std::optional<Envelope>> Repository::published(const RoleId& role) const {
  TENON_TRY(std::optional<Envelope> timestamp, read_envelope(public_metadata(RoleId::timestamp().draft_name())));
  if (!timestamp || role == RoleId::timestamp()) return timestamp;

  const auto read_pinned = [&](const RoleId& pinned, Version version) -> Result<std::optional<Envelope>> {
    const std::string name = pinned.public_name(version);
    TENON_TRY(std::optional<Envelope> envelope, read_envelope(public_metadata(name)));
    if (envelope) return envelope;
    return Error{ErrorCode::kMismatch, "public/metadata/" + name + " is listed and not there"}.with_hint(
        "restore public/ from its mirror or a backup");
  };
  TENON_TRY(const metadata::Timestamp pins, metadata::Timestamp::parse(timestamp->signed_part()));
  TENON_TRY(std::optional<Envelope> snapshot, read_pinned(RoleId::snapshot(), pins.snapshot.version));
  if (role == RoleId::snapshot()) return snapshot;
  TENON_TRY(const metadata::Snapshot listed, metadata::Snapshot::parse(snapshot->signed_part()));
  const auto entry = listed.meta.find(role.meta_name());
  if (entry == listed.meta.end()) return std::optional<Envelope>();
  return read_pinned(role, entry->second.version);
}

Result<std::optional<Envelope>> Repository::staged(const RoleId& role) const {
  TENON_TRY(std::optional<Envelope> envelope, read_envelope(draft(role.draft_name())));
  if (!envelope) return envelope;
  TENON_TRY(const std::optional<Envelope> there, published(role));
  if (there && there->identity() == envelope->identity()) return std::optional<Envelope>();
  return envelope;
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

Result<std::vector<RoleId>> Repository::roles() const {
  std::vector<RoleId> candidates{RoleId::targets()};
  TENON_TRY(const std::optional<Envelope> top, newest(RoleId::targets()));
  if (top) {
    TENON_TRY(const Targets targets, Targets::parse(top->signed_part()));
    if (targets.delegations) {
      for (const metadata::DelegatedRole& role : targets.delegations->roles)
        candidates.push_back(RoleId::of(role.name));
    }
  }
  candidates.push_back(RoleId::snapshot());
  candidates.push_back(RoleId::timestamp());
  std::vector<RoleId> there;
  for (const RoleId& role : candidates) {
    TENON_TRY(const std::optional<Envelope> envelope, newest(role));
    if (envelope) there.push_back(role);
  }
  std::ranges::sort(there);
  return there;
}

Result<std::vector<RoleId>> Repository::staged_roles() const {
  TENON_TRY(std::vector<RoleId> all, roles());
  std::vector<RoleId> drafts;
  for (RoleId& role : all) {
    TENON_TRY(const std::optional<Envelope> envelope, staged(role));
    if (envelope) drafts.push_back(std::move(role));
  }
  return drafts;
}

Result<Signatories> Repository::signatories(const RoleId& role) const {
  if (!role.is_delegated()) {
    TENON_TRY(const metadata::Authentic<Root> trusted, root());
    const auto top = std::ranges::find(metadata::kTopRoles, role.text(), [](auto name) { return to_string(name); });
    TENON_CHECK(top != std::end(metadata::kTopRoles));
    return Signatories{trusted->keys, trusted->role(*top)};
  }
  TENON_TRY(const Targets targets, newest_targets(RoleId::targets()));
  if (targets.delegations) {
    for (const metadata::DelegatedRole& delegated : targets.delegations->roles) {
      if (delegated.name.text() == role.text()) return Signatories{targets.delegations->keys, delegated.keys};
    }
  }
  return Error{ErrorCode::kPolicy, "targets does not delegate to " + printable(role.text())};
}

Result<Version> Repository::next_version(const RoleId& role) const {
  TENON_TRY(const std::optional<Envelope> there, published(role));
  Version version = Version::first();
  if (there) {
    TENON_TRY(const metadata::RoleHeader header, header_of(*there, role));
    TENON_TRY(version, header.version.next());
  }
  if (role == RoleId::timestamp()) return version;
  std::error_code error;
  while (fs::exists(public_metadata(role.public_name(version)), error)) {
    TENON_TRY(version, version.next());
  }
  return version;
}

}  // namespace tenon::repo_tools
