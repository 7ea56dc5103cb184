#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/publication.h>
#include <tenon/repo_tools/role_tree.h>

#include <algorithm>
#include <numeric>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::Envelope;
using metadata::TargetPath;
using metadata::Targets;
using metadata::UtcTime;
using MetadataFile = Publication::MetadataFile;

Error first_blocker(const RepositoryStatus& status, UtcTime now) {
  for (const RoleStatus& role : status.roles) {
    if (!role.is_staged) continue;
    if (Result<void> complete = require_complete(role); !complete) return complete.error();
    if (role.expires <= now) {
      return Error{ErrorCode::kExpired, printable(role.role.text()) + " v" + std::to_string(role.version.value()) +
                                            " expired " + role.expires.text()}
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

// Rank is the order of publishing. Delegated roles come before targets names them; new roots just before the timestamp
// that may be signed by their keys.
enum class Rank { kDelegated, kTargets, kSnapshot, kRoot, kTimestamp };

Rank rank_of(const RoleId& role) {
  if (role == RoleId::timestamp()) return Rank::kTimestamp;
  if (role == RoleId::snapshot()) return Rank::kSnapshot;
  return role.is_delegated() ? Rank::kDelegated : Rank::kTargets;
}

Result<void> add_staged_targets(const Repository& repository, const Envelope& envelope, Publication& publication) {
  TENON_TRY(const Targets targets, Targets::parse(envelope.signed_part()));
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

std::vector<metadata::KeyId> signers_of(const Envelope& envelope) {
  std::vector<metadata::KeyId> keyids;
  for (const metadata::Signature& signature : envelope.signatures()) keyids.push_back(signature.keyid);
  return keyids;
}

Result<MetadataFile> online_file(const RoleId& role, const Envelope& envelope) {
  TENON_TRY(const metadata::RoleHeader header, header_of(envelope, role));
  return MetadataFile{role.public_name(header.version), PendingFile::of_bytes(to_bytes(envelope.to_text())),
                      header.version, role, signers_of(envelope)};
}

}  // namespace

std::uint64_t Publication::metadata_bytes() const {
  return std::accumulate(metadata.begin(), metadata.end(), std::uint64_t{0},
                         [](std::uint64_t sum, const MetadataFile& file) { return sum + file.content.length(); });
}

Result<Publication> staged_publication(const Repository& repository, UtcTime now) {
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  Publication publication;
  std::vector<std::pair<Rank, MetadataFile>> files;
  const auto take = [&](const RoleStatus& role, const Envelope& envelope) -> Result<void> {
    files.emplace_back(rank_of(role.role), MetadataFile{role.role.public_name(role.version),
                                                        PendingFile::of_draft(repository.draft(role.role.draft_name()),
                                                                              envelope.identity()),
                                                        role.version, role.role, signers_of(envelope)});
    return role.role.lists_targets() ? add_staged_targets(repository, envelope, publication) : Result<void>();
  };
  TENON_TRY(const RepositoryStatus status, status_of_roles(repository, tree, tree.staged_roles(), now, take));
  if (!status.anything_staged) return Publication{};
  if (!status.blockers.empty()) return first_blocker(status, now);
  for (const RoleStatus& role : status.roles) TENON_TRY_VOID(check_version_is_next(repository, role));
  TENON_TRY(const auto roots, repository.staged_roots());
  for (const auto& [version, content] : roots) {
    TENON_TRY(const Envelope envelope, Envelope::parse(content, content.size()));
    files.emplace_back(Rank::kRoot,
                       MetadataFile{std::to_string(version.value()) + ".root.json", PendingFile::of_bytes(content),
                                    version, std::nullopt, signers_of(envelope)});
  }
  std::ranges::stable_sort(files, {}, [](const auto& file) { return file.first; });
  for (auto& [rank, file] : files) publication.metadata.push_back(std::move(file));
  return publication;
}

Result<Publication> online_publication(const OnlineRoles& roles) {
  Publication publication;
  if (roles.snapshot) {
    TENON_TRY(MetadataFile snapshot, online_file(RoleId::snapshot(), *roles.snapshot));
    publication.metadata.push_back(std::move(snapshot));
  }
  TENON_TRY(MetadataFile timestamp, online_file(RoleId::timestamp(), roles.timestamp));
  publication.metadata.push_back(std::move(timestamp));
  return publication;
}

RepositoryView view_of(const Repository& repository, const Publication& publication) {
  std::map<std::string, PendingFile> overlay;
  for (const MetadataFile& file : publication.metadata) overlay.emplace(file.name, file.content);
  return RepositoryView::with_staging(repository, std::move(overlay));
}

}  // namespace tenon::repo_tools
