#include <tenon/hsm/file_descriptor.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/client_check.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/publication_check.h>
#include <tenon/repo_tools/role_tree.h>
#include <tenon/repo_tools/target_name.h>
#include <tenon/repo_tools/target_routes.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include <fcntl.h>
#include <sys/stat.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::Envelope;
using metadata::TargetEntry;
using metadata::TargetPath;
using metadata::Targets;
using metadata::UtcTime;

Result<void> check_length(const fs::path& file, std::uint64_t listed) {
  std::error_code error;
  const std::uint64_t length = fs::file_size(file, error);
  if (!error && length == listed) return {};
  return Error{ErrorCode::kMismatch, printable(file.native()) + ": has " + std::to_string(length) +
                                         " bytes, listed are " + std::to_string(listed)};
}

// TargetCheck is that a new device finds each target with its role, and that its file is there.
class TargetCheck {
 public:
  TargetCheck(const Repository& repository, const RepositoryView& view, CheckingClient& client)
      : repository_(&repository), view_(&view), client_(&client), routes_(repository) {}

  // What the role listed before was checked when it was published, unless its way there has changed.
  Result<void> check(const RoleId& role, bool served_elsewhere, bool all) {
    Targets before;
    if (!all) {
      TENON_TRY(const std::optional<Envelope> there, repository_->published(role));
      if (there) {
        TENON_TRY(before, Targets::parse(there->signed_part()));
      }
    }
    TENON_TRY(const std::shared_ptr<const Targets> now, routes_.targets(role));
    for (const auto& [name, entry] : now->targets) {
      const auto old = before.targets.find(name);
      if (old != before.targets.end() && old->second == entry) continue;
      TENON_TRY_VOID(check_target(role, served_elsewhere, name, entry));
    }
    return {};
  }

 private:
  Result<void> check_target(const RoleId& role, bool served_elsewhere, const std::string& name,
                            const TargetEntry& entry) {
    TENON_TRY_VOID(check_name_is_portable(name));
    TENON_TRY(const TargetPath path, TargetPath::parse(name));
    if (!entry.hashes.sha256) return Error{ErrorCode::kPolicy, printable(name) + ": is listed without sha256"};
    TENON_TRY_VOID(check_route(role, path, entry));
    return served_elsewhere ? Result<void>() : check_file(path, entry);
  }

  Result<void> check_route(const RoleId& role, const TargetPath& path, const TargetEntry& entry) {
    TENON_TRY(const TargetRoutes::Route route, routes_.route(path));
    if (!route.entry || route.asked.back().text() != role.text() || !(*route.entry == entry)) {
      return Error{ErrorCode::kPolicy, printable(path.text()) +
                                           (route.entry ? ": clients get it from role " +
                                                              printable(route.asked.back().text()) + ", not from "
                                                        : ": no delegation leads clients to it in ") +
                                           printable(role.text())};
    }
    if (walked_.contains(route.asked)) return {};
    TENON_TRY(const CheckingClient::Walk walk, client_->walk(path));
    if (!walk.found || walk.asked != route.asked || walk.found->hashes() != entry.hashes) {
      return Error{ErrorCode::kPolicy,
                   printable(path.text()) + ": a client does not get it from " + printable(role.text())};
    }
    walked_.insert(route.asked);
    return {};
  }

  Result<void> check_file(const TargetPath& path, const TargetEntry& entry) {
    TENON_TRY(const fs::path file, view_->target(path, *entry.hashes.sha256));
    TENON_TRY_VOID(check_length(file, entry.length));
    if (file != repository_->staged_target(path.hash_prefixed(entry.hashes.sha256->hex()))) return {};
    TENON_TRY(const Sha256 digest, digest_file(file));
    if (digest == *entry.hashes.sha256) return {};
    return Error{ErrorCode::kMismatch, printable(file.native()) + ": is not the file that was signed",
                 "take it out of the draft and add it again"};
  }

  const Repository* repository_;
  const RepositoryView* view_;
  CheckingClient* client_;
  TargetRoutes routes_;
  std::set<std::vector<metadata::RoleName>> walked_;  // by a client, with every signature
};

bool is_channel_of_ours(const Repository& repository, std::string_view path) {
  const auto is_of = [&](const policies::Label& product) { return path.starts_with(product.text() + "/"); };
  return is_channel_path(path) && std::ranges::any_of(repository.settings().products, is_of);
}

// FilesOfBridges is that all files are there in full length of which devices install a bridge; their digests were
// checked when they were published.
class FilesOfBridges {
 public:
  FilesOfBridges(const RepositoryView& view, const RoleTree& tree, CheckingClient& client)
      : view_(&view), tree_(&tree), client_(&client) {}

  Result<void> check(const policies::Release& to) {
    TENON_TRY(const std::vector<policies::Release> bridges, bridges_to(*client_, to));
    for (const policies::Release& bridge : bridges) {
      if (!checked_.insert(policies::release_path(bridge.product, bridge.version)).second) continue;
      const std::string where = "bridge " + bridge.title() + " to " + to.title();
      for (const policies::Image& image : bridge.images) {
        TENON_TRY_VOID(check_file(bridge, image.segments_file).with_context(where));
        for (const policies::Payload& payload : image.payloads) {
          TENON_TRY_VOID(check_file(bridge, payload.file).with_context(where));
          if (payload.index) TENON_TRY_VOID(check_file(bridge, *payload.index).with_context(where));
        }
      }
    }
    return {};
  }

 private:
  Result<void> check_file(const policies::Release& bridge, const policies::Label& name) {
    const TargetPath path = policies::release_file_path(bridge.product, bridge.version, name.text());
    TENON_TRY(const CheckingClient::Found found, client_->find(path));
    if (tree_->is_served_elsewhere(RoleId::of(found.target.signed_by()))) return {};
    TENON_TRY(const fs::path file, view_->target(path, found.sha256));
    return check_length(file, found.target.length());
  }

  const RepositoryView* view_;
  const RoleTree* tree_;
  CheckingClient* client_;
  std::set<TargetPath> checked_;
};

// Every channel must still lead to a release and over its bridges, whichever role changed: one of them may be what
// goes.
Result<void> check_channels(const Repository& repository, const RepositoryView& view, const RoleTree& tree,
                            CheckingClient& client) {
  FilesOfBridges bridges(view, tree, client);
  for (const RoleId& role : tree.named_roles()) {
    TENON_TRY(const Targets targets, repository.newest_targets(role));
    for (const auto& [name, entry] : targets.targets) {
      if (!is_channel_of_ours(repository, name)) continue;
      TENON_TRY(const TargetPath path, TargetPath::parse(name));
      TENON_TRY(const CurrentRelease current, check_channel_pin(client, path));
      TENON_TRY_VOID(bridges.check(current.release).with_context(printable(name)));
    }
  }
  return {};
}

// Immutable files that are public already must be the same.
Result<void> check_collisions(const Repository& repository, const Publication& publication) {
  for (const Publication::MetadataFile& file : publication.metadata) {
    if (file.replaces()) continue;
    const fs::path path = repository.public_metadata(file.name);
    TENON_TRY(const std::optional<Bytes> there, read_if_there(path, metadata::Limits{}.listed_bytes));
    if (!there) continue;
    TENON_TRY(const Bytes content, file.content.read());
    if (*there != content) {
      return Error{ErrorCode::kPolicy,
                   printable(path.native()) + ": is published with other bytes and is never overwritten"}
          .with_hint("somebody published meanwhile: draft it again from what is published now");
    }
  }
  return {};
}

// Whether a delegation began, ended or changed: then targets that were published may no longer be found.
Result<bool> delegations_change(const Repository& repository, const RoleTree& tree, const Publication& publication) {
  TENON_TRY(const RoleTree before, RoleTree::read_published(repository));
  return std::ranges::any_of(publication.metadata, [&](const Publication::MetadataFile& file) {
    return file.lists_targets() && (tree.delegator(*file.role) != nullptr || before.delegator(*file.role) != nullptr);
  });
}

// A client that comes to a role which snapshot does not list ends its search with an error.
Result<void> check_delegates_are_there(const Repository& repository, const RoleTree& tree) {
  TENON_TRY(const std::shared_ptr<const PublishedState> published, repository.published_state());
  for (const auto& [delegator, targets] : tree.delegators()) {
    const auto check = [&, &from = delegator](const metadata::RoleName& name) -> Result<void> {
      const RoleId role = RoleId::of(name);
      if (std::ranges::binary_search(tree.staged_roles(), role)) return {};
      if (published && published->snapshot.find(name) != nullptr) return {};
      return Error{ErrorCode::kPolicy, printable(from.text()) + " delegates to " + printable(role.text()) +
                                           ", which was never published and is not staged"};
    };
    for (const metadata::DelegatedRole& one : targets.delegations->roles) TENON_TRY_VOID(check(one.name));
    const std::optional<metadata::SuccinctRoles>& bins = targets.delegations->bins;
    for (std::uint64_t i = 0; bins && i < bins->count(); ++i) TENON_TRY_VOID(check(bins->bin(i).name));
  }
  return {};
}

// What stays as it is must be there: a client may ask for any of it.
Result<void> check_files_are_there(const Repository& repository, const Publication& publication) {
  TENON_TRY(const std::shared_ptr<const PublishedState> published, repository.published_state());
  if (!published) return {};
  const fs::path path = repository.public_metadata("");
  const hsm::FileDescriptor folder(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) return storage_error(path, "cannot open the folder", errno);
  std::set<std::string> replaced;
  for (const Publication::MetadataFile& file : publication.metadata) {
    if (file.lists_targets()) replaced.insert(file.role->meta_name());
  }
  for (const auto& [name, pin] : published->snapshot.meta) {
    if (replaced.contains(name)) continue;
    TENON_TRY(const RoleId role, RoleId::of_meta_name(name));
    const std::string file = role.public_name(pin.version);
    struct stat status {};
    const bool is_there = ::fstatat(folder.get(), file.c_str(), &status, 0) == 0 && S_ISREG(status.st_mode);
    const auto length = static_cast<std::uint64_t>(status.st_size);
    if (is_there && length == pin.length.value_or(length)) continue;
    return Error{ErrorCode::kMismatch,
                 "public/metadata/" + printable(file) + " is listed and not there, or another file",
                 "restore public/ from its mirror or a backup"};
  }
  return {};
}

}  // namespace

Result<void> check_publication(const Repository& repository, const Publication& publication, UtcTime now,
                               Progress& progress) {
  TENON_TRY_VOID(check_collisions(repository, publication));
  const RepositoryView next = view_of(repository, publication);
  TENON_TRY(const Bytes embedded_root, repository.initial_root());

  TENON_TRY(ClientState state, state_of_a_known_device(repository));
  CheckingClient known(next, embedded_root, std::move(state), now);
  TENON_TRY_VOID(known.refresh().with_context("a device that knows what is published now"));
  CheckingClient fresh(next, embedded_root, {}, now);
  TENON_TRY_VOID(fresh.refresh().with_context("a new device"));
  if (std::ranges::none_of(publication.metadata, &Publication::MetadataFile::lists_targets)) return {};
  TENON_TRY(const RoleTree tree, RoleTree::read(repository));
  TENON_TRY_VOID(check_delegates_are_there(repository, tree));
  TENON_TRY_VOID(check_files_are_there(repository, publication));
  TENON_TRY_VOID(check_channels(repository, next, tree, fresh).with_context("a new device"));

  TENON_TRY(const bool delegations_changed, delegations_change(repository, tree, publication));
  TargetCheck targets(repository, next, fresh);
  std::uint64_t done = 0;
  progress.begin("check as a new device", publication.metadata_bytes());
  for (const Publication::MetadataFile& file : publication.metadata) {
    if (!file.lists_targets()) continue;
    const bool served_elsewhere = tree.is_served_elsewhere(*file.role);
    TENON_TRY_VOID(targets.check(*file.role, served_elsewhere, delegations_changed).with_context("a new device"));
    progress.advance(done += file.content.length());
  }
  progress.end();
  return {};
}

}  // namespace tenon::repo_tools
