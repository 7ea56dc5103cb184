#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/catalog.h>
#include <tenon/repo_tools/repository_view.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

using metadata::TargetEntry;
using metadata::TargetPath;
using metadata::Targets;
using policies::Label;

// Reads a target as it is listed.
Result<Bytes> read_target(const Repository& repository, const TargetPath& path, const TargetEntry& entry,
                          std::size_t max_bytes) {
  if (!entry.hashes.sha256) return Error{ErrorCode::kPolicy, printable(path.text()) + ": is listed without sha256"};
  const RepositoryView view = RepositoryView::with_staging(repository, {});
  TENON_TRY(const std::filesystem::path file, view.target(path, *entry.hashes.sha256));
  TENON_TRY(Bytes content, hsm::read_file(file, max_bytes));
  if (Sha256::of(content) == *entry.hashes.sha256) return content;
  return Error{ErrorCode::kMismatch, printable(file.native()) + ": is not the file that is listed"};
}

Result<policies::Channel> read_channel(const Repository& repository, const TargetPath& path, const TargetEntry& entry) {
  TENON_TRY(const Bytes file, read_target(repository, path, entry, policies::kMaxChannelBytes));
  return policies::Channel::parse(file).with_context(printable(path.text()));
}

RoleId role_of(const std::string& name) {
  return RoleId::of(*metadata::RoleName::parse_delegated(name));
}

}  // namespace

RoleId releases_role_of(const Label& product) {
  return role_of(policies::releases_role(product));
}
RoleId rollout_role_of(const Label& product) {
  return role_of(policies::rollout_role(product));
}

Result<std::vector<ListedRelease>> listed_releases(const Repository& repository, const Label& product) {
  TENON_TRY_VOID(repository.settings().require_product(product));
  TENON_TRY(const Targets targets, repository.newest_targets(releases_role_of(product)));
  std::vector<ListedRelease> releases;
  for (const auto& [name, entry] : targets.targets) {
    if (!name.ends_with("/release.json")) continue;
    TENON_TRY(const TargetPath path, TargetPath::parse(name));
    TENON_TRY(const Bytes file, read_target(repository, path, entry, policies::kMaxReleaseBytes));
    TENON_TRY(policies::Release release, policies::Release::parse(file).with_context(printable(name)));
    releases.push_back({std::move(release), *entry.hashes.sha256});
  }
  std::ranges::sort(releases, {}, [](const ListedRelease& listed) { return listed.release.sequence; });
  return releases;
}

Result<ListedRelease> find_release(const Repository& repository, const Label& product, const Label& version) {
  TENON_TRY(std::vector<ListedRelease> releases, listed_releases(repository, product));
  std::string known;
  for (ListedRelease& listed : releases) {
    if (listed.release.version == version) return std::move(listed);
    known += (known.empty() ? "" : ", ") + listed.release.version.text();
  }
  return Error{ErrorCode::kUsage, product.text() + " has no release " + version.text()}.with_hint(
      known.empty() ? "add one with tenon-repo release add" : "it has: " + known);
}

Result<std::optional<policies::Channel>> listed_channel(const Repository& repository, const Label& product,
                                                        const Label& channel) {
  TENON_TRY_VOID(repository.settings().require_product(product));
  TENON_TRY(const Targets targets, repository.newest_targets(rollout_role_of(product)));
  const TargetPath path = policies::channel_path(product, channel);
  const TargetEntry* entry = targets.find(path);
  if (entry == nullptr) return std::optional<policies::Channel>();
  TENON_TRY(policies::Channel document, read_channel(repository, path, *entry));
  return std::optional(std::move(document));
}

Result<std::vector<policies::Channel>> listed_channels(const Repository& repository, const Label& product) {
  TENON_TRY_VOID(repository.settings().require_product(product));
  TENON_TRY(const Targets targets, repository.newest_targets(rollout_role_of(product)));
  std::vector<policies::Channel> channels;
  for (const auto& [name, entry] : targets.targets) {
    TENON_TRY(const TargetPath path, TargetPath::parse(name));
    TENON_TRY(policies::Channel document, read_channel(repository, path, entry));
    channels.push_back(std::move(document));
  }
  return channels;
}

}  // namespace tenon::repo_tools
