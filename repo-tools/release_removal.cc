#include <tenon/repo_tools/bridges.h>
#include <tenon/repo_tools/catalog.h>
#include <tenon/repo_tools/release_removal.h>

namespace tenon::repo_tools {

using policies::Label;

Result<ReleaseRemoved> remove_release(const Repository& repository, FileWriter& writer, const Label& product,
                                      const Label& version, metadata::UtcTime now) {
  TENON_TRY(const ListedRelease listed, find_release(repository, product, version));
  TENON_TRY(const std::vector<ListedRelease> all, listed_releases(repository, product));
  if (all.back().release.version == version) {
    return Error{ErrorCode::kPolicy, "release " + version.text() + " has the highest sequence of " + product.text()}
        .with_hint("add a newer one first; to take it back from devices: tenon-repo channel withdraw");
  }
  TENON_TRY(const std::vector<policies::Channel> channels, listed_channels(repository, product));
  for (const policies::Channel& channel : channels) {
    if (channel.release_sha256 != listed.sha256) continue;
    return Error{ErrorCode::kPolicy, "channel " + channel.channel.text() + " leads to release " + version.text()}
        .with_hint("tenon-repo channel set it to another one first");
  }
  if (const policies::Release* other = leads_over(version, all)) {
    return Error{ErrorCode::kPolicy,
                 "release " + other->title() + " leads older devices over release " + version.text()}
        .with_hint("it is a bridge as long as " + other->version.text() + " is listed");
  }
  const RoleId role = releases_role_of(product);
  TENON_TRY(metadata::Targets targets, repository.newest_targets(role));
  std::string folder = policies::release_path(product, version).text();
  folder.resize(folder.rfind('/') + 1);
  std::vector<std::string> paths;
  for (auto at = targets.targets.begin(); at != targets.targets.end();) {
    if (!at->first.starts_with(folder)) {
      ++at;
      continue;
    }
    paths.push_back(at->first);
    at = targets.targets.erase(at);
  }
  Settings settings = repository.settings();
  settings.removed.insert(product.text() + "/" + version.text());
  TENON_TRY_VOID(writer.put(repository.settings_file(), as_bytes(settings.to_text())));
  TENON_TRY(Draft draft, write_draft(repository, writer, role, std::move(targets),
                                     repository.settings().expiry.of(role).after(now)));
  return ReleaseRemoved{std::move(paths), std::move(draft)};
}

}  // namespace tenon::repo_tools
