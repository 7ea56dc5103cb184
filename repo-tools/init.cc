#include <tenon/metadata/authentic.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/release.h>
#include <tenon/repo_tools/drafts.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/init.h>
#include <tenon/repo_tools/publish_policy.h>

#include <cerrno>
#include <cstdlib>

#include <sys/stat.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::DelegatedRole;
using metadata::Targets;

Result<DelegatedRole> delegate(metadata::Delegations& delegations, const std::string& name, const std::string& pattern,
                               const RoleHolders& holders) {
  TENON_TRY(metadata::RoleKeys keys, take_holders(delegations, name, holders));
  TENON_TRY(const metadata::RoleName role, metadata::RoleName::parse_delegated(name));
  TENON_TRY(metadata::PathPattern path, metadata::PathPattern::parse(pattern));
  return DelegatedRole{role, std::move(keys), metadata::PathSet{.patterns = std::vector{std::move(path)}}, true};
}

// The root as a repository needs it: valid by itself, not expired, with consistent snapshots, without which files would
// be replaced under the clients that read them.
Result<metadata::Authentic<metadata::Root>> check_root(ByteView file, metadata::UtcTime now) {
  TENON_TRY(metadata::Authentic<metadata::Root> root, metadata::embedded_root(file).with_context("the root"));
  if (!root->consistent_snapshot) {
    return Error{ErrorCode::kPolicy, "the root says consistent_snapshot false"}.with_hint(
        "make a root with consistent_snapshot true");
  }
  if (root->header.expires <= now) {
    return Error{ErrorCode::kExpired, "the root expired " + root->header.expires.text() + ", it is " + now.text()};
  }
  TENON_TRY_VOID(refuse_rehearsal(root.value()));
  return root;
}

// What is drafted never lives for longer than the policy lets it be published.
ExpiryDays within(const policies::SigningPolicy& policy, const policies::Label& product) {
  ExpiryDays expiry;
  const auto shorten = [](Days& days, const policies::RoleLimits& limits) {
    if (const Result<Days> most = Days::create(limits.max_expiry_days)) days = std::min(days, *most);
  };
  const auto delegated = [&](const std::string& name) -> const policies::RoleLimits& {
    return policy.limits(*metadata::RoleName::parse_delegated(name));  // of a label, so it is one
  };
  shorten(expiry.targets, policy.limits(metadata::TopRole::kTargets));
  shorten(expiry.releases, delegated(policies::releases_role(product)));
  shorten(expiry.rollout, delegated(policies::rollout_role(product)));
  shorten(expiry.snapshot, policy.limits(metadata::TopRole::kSnapshot));
  shorten(expiry.timestamp, policy.limits(metadata::TopRole::kTimestamp));
  return expiry;
}

Result<Settings> settings_for(const ProductRequest& product, const Governance& governance, const metadata::Root& root) {
  Settings settings{.products = {product.product}, .is_lab = governance.is_lab};
  if (governance.policy) {
    TENON_TRY(const policies::SigningPolicy policy, read_signed_policy(*governance.policy, root, governance.is_lab));
    settings.expiry = within(policy, product.product);
  } else if (!governance.is_lab) {
    return Error{ErrorCode::kUsage, "a repository for production needs the policy that root's keys signed",
                 "--policy N.policy.json, as tenon-keyctl response merge wrote it; --lab for a demo or a test"};
  }
  return settings;
}

// A folder that takes the place of the wanted one when it is complete, and is gone if it is not.
class NewFolder {
 public:
  static Result<NewFolder> beside(const fs::path& wanted) {
    std::error_code error;
    if (fs::exists(wanted, error) && !fs::is_empty(wanted, error)) {
      return Error{ErrorCode::kPolicy, printable(wanted.native()) + ": is not empty"}.with_hint(
          "name a new folder for the repository");
    }
    fs::path target = wanted.lexically_normal();
    if (!target.has_filename()) target = target.parent_path();  // "repo/"
    if (target.has_parent_path()) fs::create_directories(target.parent_path(), error);
    std::string scratch = target.native() + ".XXXXXX";
    if (::mkdtemp(scratch.data()) == nullptr || ::chmod(scratch.c_str(), 0755) != 0) {
      return storage_error(target, "cannot make the folder", errno);
    }
    return NewFolder(target, scratch);
  }
  NewFolder(NewFolder&& other) noexcept
      : target_(std::move(other.target_)), scratch_(std::exchange(other.scratch_, {})) {}
  NewFolder& operator=(NewFolder&&) = delete;
  ~NewFolder() {
    std::error_code error;
    if (!scratch_.empty()) fs::remove_all(scratch_, error);
  }

  const fs::path& path() const { return scratch_; }
  Result<void> keep() {
    DiskWriter disk;
    TENON_TRY_VOID(disk.move(scratch_, target_));  // over an empty folder, too
    scratch_.clear();
    return {};
  }

 private:
  NewFolder(fs::path target, fs::path scratch) : target_(std::move(target)), scratch_(std::move(scratch)) {}
  fs::path target_;
  fs::path scratch_;
};

}  // namespace

Result<void> delegate_product(Targets& targets, const ProductRequest& request) {
  metadata::Delegations delegations = targets.delegations.value_or(metadata::Delegations{});
  const std::string product = request.product.text();
  TENON_TRY(DelegatedRole releases, delegate(delegations, policies::releases_role(request.product),
                                             product + "/releases/*/*", request.releases));
  TENON_TRY(DelegatedRole rollout,
            delegate(delegations, policies::rollout_role(request.product), product + "/channels/*", request.rollout));
  for (const DelegatedRole& role : delegations.roles) {
    if (role.name == releases.name || role.name == rollout.name) {
      return Error{ErrorCode::kUsage, "product " + product + " is there already"};
    }
  }
  delegations.roles.push_back(std::move(releases));
  delegations.roles.push_back(std::move(rollout));
  targets.delegations = std::move(delegations);
  return {};
}

Result<void> init_repository(const fs::path& folder, ByteView root_file, const ProductRequest& product,
                             const Governance& governance, metadata::UtcTime now) {
  TENON_TRY(const metadata::Authentic<metadata::Root> root, check_root(root_file, now));
  Targets targets;
  TENON_TRY_VOID(delegate_product(targets, product));
  TENON_TRY(const Settings settings, settings_for(product, governance, root.value()));

  TENON_TRY(NewFolder build, NewFolder::beside(folder));
  DiskWriter disk;
  TENON_TRY_VOID(disk.put(build.path() / "tenon-repo.json", as_bytes(settings.to_text())));
  TENON_TRY_VOID(disk.put(build.path() / "root.json", root_file));
  TENON_TRY(const Repository repository, Repository::open(build.path()));
  if (governance.policy) TENON_TRY_VOID(disk.put(repository.policy_file(), *governance.policy));
  const std::string root_name = std::to_string(root->header.version.value()) + ".root.json";
  TENON_TRY_VOID(disk.put(repository.draft(root_name), root_file));
  const auto draft = [&](const RoleId& role, Targets content) {
    return write_draft(repository, disk, role, std::move(content), settings.expiry.of(role).after(now));
  };
  for (const metadata::DelegatedRole& role : targets.delegations->roles) {
    TENON_TRY_VOID(draft(RoleId::of(role.name), Targets{}));
  }
  TENON_TRY_VOID(draft(RoleId::targets(), std::move(targets)));
  return build.keep();
}

}  // namespace tenon::repo_tools
