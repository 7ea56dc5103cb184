#include <tenon/client/bundle/bundle_index.h>
#include <tenon/client/bundle/member_header.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/bundle_plan.h>
#include <tenon/repo_tools/role_tree.h>

#include <algorithm>
#include <charconv>
#include <tuple>

namespace tenon::repo_tools {
namespace {

using metadata::TargetPath;
using policies::Label;

using AskedFiles = std::map<std::string, Bytes>;

// RecordingFiles keeps the metadata that a client was given.
class RecordingFiles final : public ServedFiles {
 public:
  RecordingFiles(const ServedFiles& files, AskedFiles& asked) : files_(&files), asked_(&asked) {}

  Result<client::Reply> metadata(const std::string& file, std::size_t max_bytes) const override {
    TENON_TRY(client::Reply reply, files_->metadata(file, max_bytes));
    if (const Bytes* content = std::get_if<Bytes>(&reply)) asked_->insert_or_assign(file, *content);
    return reply;
  }
  Result<Bytes> read_target(const TargetPath& path, const Sha256& sha256, std::size_t max_bytes) const override {
    return files_->read_target(path, sha256, max_bytes);
  }

 private:
  const ServedFiles* files_;
  AskedFiles* asked_;
};

// The order in which a device asks: roots by their versions, timestamp, snapshot; then the roles that list targets, by
// name.
std::tuple<int, std::uint64_t, std::string> place_of(const std::string& file) {
  std::uint64_t version = 0;
  const auto [end, error] = std::from_chars(file.data(), file.data() + file.size(), version);
  const std::string role(error == std::errc() ? end : file.data(), file.data() + file.size());
  const int rank = role == ".root.json" ? 0 : role == "timestamp.json" ? 1 : role == ".snapshot.json" ? 2 : 3;
  return {rank, rank == 0 ? version : 0, role};
}

std::string list_of(const std::vector<TargetPath>& paths) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < paths.size() && i < kShown; ++i)
    text += (i == 0 ? "" : ", ") + printable(paths[i].text());
  return text + (paths.size() > kShown ? ", ..." : "");
}

// What a team calls so is no channel: those are of the repository's products.
bool is_asked_for(const TargetPath& channel, const BundleRequest& request, const std::vector<Label>& products) {
  const auto is_of = [&](const Label& product) {
    if (request.channel) return channel == policies::channel_path(product, *request.channel);
    return channel.text().starts_with(product.text() + "/channels/");
  };
  return request.product ? is_of(*request.product) : std::ranges::any_of(products, is_of);
}

Result<BundleScope> scope_of(const BundleRequest& request, const Repository& repository, const RepositoryView& view,
                             const client::TrustedRepository& trusted) {
  if (!request.targets.empty()) return BundleScope{.targets = request.targets};
  TENON_TRY(std::vector<TargetPath> published, channel_paths(view, trusted));
  std::ranges::sort(published);
  published.erase(std::unique(published.begin(), published.end()), published.end());
  BundleScope scope;
  std::ranges::copy_if(published, std::back_inserter(scope.channels), [&](const TargetPath& path) {
    return is_asked_for(path, request, repository.settings().products);
  });
  if (!scope.channels.empty()) return scope;
  if (!request.product || published.empty()) {
    return Error{ErrorCode::kUsage, "no channel is published: there is nothing that a device would install"}.with_hint(
        "publish a channel first, or name single files with --target");
  }
  return Error{ErrorCode::kUsage, "product " + request.product->text() + " has no published channel" +
                                      (request.channel ? " " + request.channel->text() : "")}
      .with_hint("published are " + list_of(published));
}

// A person may have mistyped it.
Result<void> check_is_listed(CheckingClient& client, const TargetPath& path) {
  TENON_TRY(const CheckingClient::Walk walk, client.walk(path));
  if (walk.found) return {};
  return Error{ErrorCode::kUsage, "--target " + printable(path.text()) + ": no role that may speak for it lists it"}
      .with_hint("tenon-repo explain says which roles were asked");
}

// A bundle carries files: of what other servers have, the repository knows the digest alone.
Result<void> check_files_are_here(const Repository& repository, const RepositoryView& view,
                                  const BundledTargets& targets) {
  TENON_TRY(const RoleTree tree, RoleTree::read_published(repository));
  for (const auto& [member, found] : targets) {
    Result<std::filesystem::path> file = view.target(found.target.path(), found.sha256);
    if (file) continue;
    if (!tree.is_served_elsewhere(RoleId::of(found.target.signed_by()))) {
      return std::move(file).error().with_hint("restore public/ from its mirror or a backup");
    }
    return Error{ErrorCode::kPolicy, printable(found.target.path().text()) +
                                         ": its file is served elsewhere, and is not in this repository"}
        .with_hint("carry it by other means, or take it off the list of targets");
  }
  return {};
}

Result<std::uint64_t> bytes_of(const BundlePlan& plan) {
  std::uint64_t bytes = 2 * client::kTarBlockBytes;
  std::size_t names = 0;
  const auto add = [&](const std::string& name, std::uint64_t size) -> Result<void> {
    TENON_TRY(const Bytes header, client::member_header(name, size));
    bytes += header.size() + client::padded(size);
    names += name.size();
    return {};
  };
  for (const auto& [name, content] : plan.metadata) TENON_TRY_VOID(add(name, content.size()));
  for (const auto& [name, found] : plan.targets) TENON_TRY_VOID(add(name, found.target.length()));
  const std::size_t members = plan.metadata.size() + plan.targets.size();
  if (members <= client::kMaxBundleMembers && names <= client::kMaxBundleNameBytes) return bytes;
  return Error{ErrorCode::kLimit, "a bundle of " + std::to_string(members) + " files; devices read " +
                                      std::to_string(client::kMaxBundleMembers) + ", and " +
                                      std::to_string(client::kMaxBundleNameBytes) + " bytes of names"}
      .with_hint("narrow it with --product and --channel, or with fewer times --target");
}

}  // namespace

std::vector<std::string> BundlePlan::members() const {
  std::vector<std::string> names;
  for (const auto& [name, content] : metadata) names.push_back(name);
  for (const auto& [name, found] : targets) names.push_back(name);
  return names;
}

Result<BundledTargets> targets_in(CheckingClient& client, const BundleScope& scope) {
  BundledTargets targets;
  const auto add = [&](const TargetPath& path) -> Result<void> {
    TENON_TRY(CheckingClient::Found found, client.find(path));
    targets.insert_or_assign("targets/" + path.hash_prefixed(found.sha256.hex()), std::move(found));
    return {};
  };
  const auto add_release = [&](const policies::Release& release) -> Result<void> {
    const auto path_of = [&](const Label& file) {
      return policies::release_file_path(release.product, release.version, file.text());
    };
    TENON_TRY_VOID(add(policies::release_path(release.product, release.version)));
    for (const policies::Image& image : release.images) {
      TENON_TRY_VOID(add(path_of(image.segments_file)));
      for (const policies::Payload& payload : image.payloads) {
        if (payload.kind != policies::Payload::kFull) continue;  // a bundle is for a device that runs whatever it may
        TENON_TRY_VOID(add(path_of(payload.file)));
      }
    }
    return {};
  };
  for (const TargetPath& path : scope.channels) {
    TENON_TRY(const CurrentRelease current, check_channel_pin(client, path));
    TENON_TRY_VOID(add(path));
    TENON_TRY_VOID(add_release(current.release));
    TENON_TRY(const std::vector<policies::Release> bridges, bridges_to(client, current.release));
    for (const policies::Release& bridge : bridges) TENON_TRY_VOID(add_release(bridge));
  }
  for (const TargetPath& path : scope.targets) TENON_TRY_VOID(add(path));
  return targets;
}

Result<BundlePlan> plan_bundle(const Repository& repository, const BundleRequest& request, metadata::UtcTime now) {
  TENON_TRY(const std::shared_ptr<const PublishedState> published, repository.published_state());
  if (!published) return Error{ErrorCode::kUsage, "nothing is published yet: there is nothing to export"};
  const RepositoryView view = RepositoryView::published(repository);
  AskedFiles asked;
  const RecordingFiles recorder(view, asked);
  TENON_TRY(const Bytes embedded_root, repository.initial_root());
  CheckingClient client(recorder, embedded_root, {}, now);
  if (Result<void> refreshed = client.refresh(); !refreshed) {
    Error error = std::move(refreshed).error();
    if (error.code != ErrorCode::kExpired) return error;
    return std::move(error).with_hint("tenon-repo refresh, with the online keys, and export again");
  }
  TENON_TRY(BundleScope scope, scope_of(request, repository, view, client.repository()));
  for (const TargetPath& path : scope.targets) TENON_TRY_VOID(check_is_listed(client, path));
  TENON_TRY(BundledTargets targets, targets_in(client, scope));
  TENON_TRY_VOID(check_files_are_here(repository, view, targets));

  BundlePlan plan{std::move(scope), {}, std::move(targets), client.repository().timestamp->header.expires};
  plan.valid_until = std::min(plan.valid_until, client.repository().snapshot->header.expires);
  plan.valid_until = std::min(plan.valid_until, client.repository().root->header.expires);
  for (const auto& [member, found] : plan.targets) {
    plan.valid_until = std::min(plan.valid_until, found.target.valid_until());
  }
  for (auto& [file, content] : asked) plan.metadata.emplace_back(file, std::move(content));
  std::ranges::sort(plan.metadata, {}, [](const auto& file) { return place_of(file.first); });
  for (auto& [name, content] : plan.metadata) name.insert(0, "metadata/");
  TENON_TRY(plan.file_bytes, bytes_of(plan));
  return plan;
}

}  // namespace tenon::repo_tools
