#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/client_check.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/publish_log.h>
#include <tenon/repo_tools/publisher.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::Envelope;
using metadata::TargetPath;
using metadata::Targets;
using metadata::UtcTime;

Error first_blocker(const RepositoryStatus& status, UtcTime now) {
  for (const RoleStatus& role : status.roles) {
    if (!role.is_staged) continue;
    if (Result<void> complete = require_complete(role); !complete) return complete.error();
    if (role.expires <= now) {
      return Error{ErrorCode::kExpired,
                   role.role.text() + " v" + std::to_string(role.version.value()) + " expired " + role.expires.text()}
          .with_hint("tenon-repo renew for a targets role, then tenon-repo sign");
    }
  }
  return Error{ErrorCode::kSig, status.blockers.front()}.with_hint("tenon-repo sign with the keys that are missing");
}

// A version above the next would let one mistake make all later versions look old. A timestamp of the version that is
// published, in other words, would be passed over by devices that have seen that one.
Result<void> check_version_is_next(const Repository& repository, const RoleStatus& role) {
  TENON_TRY(const metadata::Version next, repository.next_version(role.role));
  if (role.role == RoleId::timestamp() && role.version < next) {
    return Error{ErrorCode::kPolicy, "another timestamp v" + std::to_string(role.version.value()) +
                                         " or newer was published since this one was signed"}
        .with_hint("tenon-repo sign, with the key of timestamp, gives it the next version");
  }
  if (role.version <= next) return {};
  return Error{ErrorCode::kPolicy, printable(role.role.text()) + " v" + std::to_string(role.version.value()) +
                                       " is staged, the next version is " + std::to_string(next.value())};
}

// What the role lists now and did not before: the rest was checked when it was published.
Result<std::vector<std::pair<std::string, metadata::TargetEntry>>> new_targets(const Repository& repository,
                                                                               const RoleId& role,
                                                                               bool delegations_changed) {
  TENON_TRY(const Targets staged, repository.newest_targets(role));
  TENON_TRY(const std::optional<Envelope> there, repository.published(role));
  Targets before;
  if (there && !delegations_changed) {
    TENON_TRY(before, Targets::parse(there->signed_part()));
  }
  std::vector<std::pair<std::string, metadata::TargetEntry>> fresh;
  for (const auto& [path, entry] : staged.targets) {
    const auto old = before.targets.find(path);
    if (old == before.targets.end() || !(old->second == entry)) fresh.emplace_back(path, entry);
  }
  return fresh;
}

// New names are of characters that every client, file system and server reads alike, so that no two of them are told
// apart by one and not by another: no composed and decomposed spelling of one word, no letter that looks like another.
Result<void> check_name_is_portable(std::string_view name) {
  constexpr std::string_view kPortable = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._~-=@,/";
  if (name.find_first_not_of(kPortable) == name.npos) return {};
  return Error{ErrorCode::kPolicy, printable(name) + ": is not of A-Z a-z 0-9 . _ ~ - = @ , / alone"}.with_hint(
      "give the file a plain name");
}

Result<void> check_target(const Repository& repository, CheckingClient& client, const RoleId& role,
                          const std::string& name, const metadata::TargetEntry& entry) {
  TENON_TRY_VOID(check_name_is_portable(name));
  TENON_TRY(const TargetPath path, TargetPath::parse(name));
  TENON_TRY(const CheckingClient::Located located, client.locate(path));
  if (located.target.signed_by().text() != role.text() || located.target.hashes() != entry.hashes) {
    return Error{ErrorCode::kPolicy, printable(name) + ": clients get it from role " +
                                         printable(located.target.signed_by().text()) + ", not from " +
                                         printable(role.text())};
  }
  std::error_code error;
  const std::uint64_t length = fs::file_size(located.file, error);
  if (error || length != entry.length) {
    return Error{ErrorCode::kMismatch, printable(located.file.native()) + ": has " + std::to_string(length) +
                                           " bytes, listed are " + std::to_string(entry.length)};
  }
  const bool is_staged = fs::exists(repository.staged_target(path.hash_prefixed(located.sha256.hex())), error);
  if (!is_staged) return {};
  TENON_TRY(const Sha256 digest, digest_file(located.file));
  if (digest == located.sha256) return {};
  return Error{ErrorCode::kMismatch, printable(located.file.native()) + ": is not the file that was signed"}.with_hint(
      "remove the release's draft and add it again");
}

// Every channel must still lead to a release, whichever role changed: the release may be the one that goes.
Result<void> check_channels(const Repository& repository, CheckingClient& client) {
  TENON_TRY(const std::vector<RoleId> roles, repository.roles());
  for (const RoleId& role : roles) {
    if (!role.lists_targets()) continue;
    TENON_TRY(const Targets targets, repository.newest_targets(role));
    for (const auto& [name, entry] : targets.targets) {
      if (!is_channel_path(name)) continue;
      TENON_TRY(const TargetPath path, TargetPath::parse(name));
      TENON_TRY_VOID(check_channel_pin(client, path));
    }
  }
  return {};
}

// Rank is the order of publishing. Delegated roles come before targets names them; new roots just before the timestamp
// that may be signed by their keys.
enum class Rank { kDelegated, kTargets, kSnapshot, kRoot, kTimestamp };

Rank rank_of(const RoleId& role) {
  if (role == RoleId::timestamp()) return Rank::kTimestamp;
  if (role == RoleId::snapshot()) return Rank::kSnapshot;
  return role.is_delegated() ? Rank::kDelegated : Rank::kTargets;
}

Result<void> add_staged_targets(const Repository& repository, const RoleId& role, Publication& publication) {
  TENON_TRY(const Targets targets, repository.newest_targets(role));
  for (const auto& [name, entry] : targets.targets) {
    TENON_TRY(const TargetPath path, TargetPath::parse(name));
    if (!entry.hashes.sha256) return Error{ErrorCode::kPolicy, printable(name) + ": is listed without sha256"};
    const std::string file = path.hash_prefixed(entry.hashes.sha256->hex());
    std::error_code error;
    if (fs::exists(repository.staged_target(file), error)) {
      publication.targets.push_back({file, *entry.hashes.sha256});
    }
  }
  return {};
}

// Immutable files that are public already must be the same.
Result<void> check_collisions(const Repository& repository, const Publication& publication) {
  for (const Publication::MetadataFile& file : publication.metadata) {
    if (file.replaces) continue;
    const fs::path path = repository.public_metadata(file.name);
    TENON_TRY(const std::optional<Bytes> there, read_if_there(path, metadata::Limits{}.listed_bytes));
    if (there && *there != file.content) {
      return Error{ErrorCode::kPolicy,
                   printable(path.native()) + ": is published with other bytes and is never overwritten"}
          .with_hint("somebody published meanwhile: draft it again from what is published now");
    }
  }
  return {};
}

// What a device knows that came by while the published metadata was valid.
ClientState state_of_a_known_device(const Repository& repository, ByteView embedded_root) {
  const RepositoryView now = RepositoryView::published(repository);
  CheckingClient client(now, embedded_root, {}, UtcTime::epoch());
  (void)client.refresh();  // a damaged publication leaves it with what it could verify
  return client.state();
}

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

Result<Publication> staged_publication(const Repository& repository, UtcTime now) {
  TENON_TRY(const RepositoryStatus status, repository_status(repository, now));
  Publication publication;
  if (!status.anything_staged) return publication;
  if (!status.blockers.empty()) return first_blocker(status, now);

  std::vector<std::pair<Rank, Publication::MetadataFile>> files;
  for (const RoleStatus& role : status.roles) {
    if (!role.is_staged) continue;
    TENON_TRY_VOID(check_version_is_next(repository, role));
    TENON_TRY(Bytes content, hsm::read_file(repository.draft(role.role.draft_name()), metadata::Limits{}.listed_bytes));
    const Rank rank = rank_of(role.role);
    files.push_back(
        {rank, {role.role.public_name(role.version), std::move(content), rank == Rank::kTimestamp, role.role}});
    if (!role.role.lists_targets()) continue;
    publication.targets_roles.push_back(role.role);
    TENON_TRY_VOID(add_staged_targets(repository, role.role, publication));
  }
  TENON_TRY(const auto roots, repository.staged_roots());
  for (const auto& [version, content] : roots) {
    files.push_back({Rank::kRoot, {std::to_string(version.value()) + ".root.json", content}});
  }
  std::ranges::stable_sort(files, {}, [](const auto& file) { return file.first; });
  for (auto& [rank, file] : files) publication.metadata.push_back(std::move(file));
  return publication;
}

Result<Publication> online_publication(const OnlineRoles& roles) {
  Publication publication;
  if (roles.snapshot) {
    TENON_TRY(const metadata::RoleHeader header, header_of(*roles.snapshot, RoleId::snapshot()));
    publication.metadata.push_back({RoleId::snapshot().public_name(header.version), to_bytes(roles.snapshot->to_text()),
                                    false, RoleId::snapshot()});
  }
  publication.metadata.push_back(
      {RoleId::timestamp().draft_name(), to_bytes(roles.timestamp.to_text()), true, RoleId::timestamp()});
  return publication;
}

RepositoryView view_of(const Repository& repository, const Publication& publication) {
  std::map<std::string, Bytes> overlay;
  for (const Publication::MetadataFile& file : publication.metadata) overlay.emplace(file.name, file.content);
  return RepositoryView::with_staging(repository, std::move(overlay));
}

Result<void> check_publication(const Repository& repository, const Publication& publication, UtcTime now) {
  TENON_TRY_VOID(check_collisions(repository, publication));
  const RepositoryView next = view_of(repository, publication);
  TENON_TRY(const Bytes embedded_root, repository.initial_root());

  CheckingClient known(next, embedded_root, state_of_a_known_device(repository, embedded_root), now);
  TENON_TRY_VOID(known.refresh().with_context("a device that knows what is published now"));
  CheckingClient fresh(next, embedded_root, {}, now);
  TENON_TRY_VOID(fresh.refresh().with_context("a new device"));

  if (!publication.targets_roles.empty())
    TENON_TRY_VOID(check_channels(repository, fresh).with_context("a new device"));
  const bool delegations_changed = std::ranges::count(publication.targets_roles, RoleId::targets()) > 0;
  for (const RoleId& role : publication.targets_roles) {
    TENON_TRY(const auto targets, new_targets(repository, role, delegations_changed));
    for (const auto& [name, entry] : targets) {
      TENON_TRY_VOID(check_target(repository, fresh, role, name, entry).with_context("a new device"));
    }
  }
  return {};
}

Result<void> write_publication(const Repository& repository, FileWriter& writer, const Publication& publication,
                               UtcTime now) {
  TENON_TRY_VOID(remove_leftovers(repository, writer));
  for (const Publication::TargetFile& file : publication.targets) {
    TENON_TRY_VOID(
        writer.copy_new(repository.staged_target(file.name), repository.public_target(file.name), file.sha256));
  }
  for (const Publication::MetadataFile& file : publication.metadata) {
    const fs::path path = repository.public_metadata(file.name);
    if (!file.replaces) {
      TENON_TRY_VOID(writer.put_new(path, file.content));
      continue;
    }
    TENON_TRY(const LogEntry entry, LogEntry::of(publication, now));
    TENON_TRY_VOID(append_to_log(repository, writer, entry));
    TENON_TRY_VOID(writer.put(path, file.content));
  }
  return {};
}

Result<void> clear_staging(const Repository& repository, FileWriter& writer) {
  TENON_TRY_VOID(remove_leftovers(repository, writer));
  TENON_TRY(const std::vector<RoleId> roles, repository.roles());
  for (const RoleId& role : roles) TENON_TRY_VOID(writer.remove(repository.draft(role.draft_name())));
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::recursive_directory_iterator at(repository.staged_targets(), error), end; !error && at != end;
       at.increment(error)) {
    if (!at->is_directory(error)) files.push_back(at->path());
  }
  for (fs::directory_iterator at(repository.drafts(), error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().native();
    if (name.ends_with(".root.json") || is_leftover(name)) files.push_back(at->path());
  }
  for (const fs::path& file : files) TENON_TRY_VOID(writer.remove(file));
  return {};
}

}  // namespace tenon::repo_tools
