#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/parallel.h>
#include <tenon/repo_tools/role_tree.h>
#include <tenon/repo_tools/served_state.h>
#include <tenon/repo_tools/upload.h>

#include <map>
#include <mutex>
#include <vector>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::Envelope;
using metadata::FileIdentity;
using metadata::TargetEntry;
using metadata::TargetPath;
using metadata::Targets;
using metadata::Version;

constexpr metadata::Limits kLimits;

Error meanwhile(const ObjectStore& store, Version version) {
  return Error{ErrorCode::kBusy,
               store.address() + ": timestamp v" + std::to_string(version.value()) +
                   " was published there meanwhile; nothing was replaced",
               "run it again: it goes on from what is there now"};
}

// RoleFile is a targets role that the store does not lead to yet, and the version to which it does.
struct RoleFile {
  RoleId role;
  Version version;
  std::optional<Version> before = {};
};

class Upload {
 public:
  Upload(const Repository& repository, const RepositoryView& view, ObjectStore& store, RoleTree tree, ServedState ours)
      : repository_(&repository), view_(&view), store_(&store), tree_(std::move(tree)), ours_(std::move(ours)) {}

  // What the store leads to now. True: to all of ours already.
  Result<bool> look() {
    TENON_TRY(std::optional<ObjectStore::Object> there, store_->read(kTimestampName, kLimits.timestamp_bytes));
    if (!there) return false;
    if (there->content == ours_.timestamp_file) return true;
    tag_ = std::move(there->tag);
    const auto read = [&](const std::string& file) -> Result<std::optional<Bytes>> {
      TENON_TRY(std::optional<Bytes> here, read_if_there(repository_->public_metadata(file), kLimits.listed_bytes));
      return here ? Result<std::optional<Bytes>>(std::move(here)) : read_file_of(*store_, file);
    };
    TENON_TRY(const ServedState state,
              ServedState::of(std::move(there->content), read).with_context(store_->address()));
    if (state.timestamp.header.version >= ours_.timestamp.header.version) {
      return meanwhile(*store_, state.timestamp.header.version);
    }
    there_ = state.snapshot.meta;
    return false;
  }

  Result<void> upload_roles(unsigned workers, Progress& progress) {
    TENON_TRY(const std::vector<RoleFile> roles, new_roles());
    std::uint64_t total = 0;
    for (const RoleFile& role : roles) {
      TENON_TRY(const std::uint64_t bytes, bytes_of(role));
      total += bytes;
    }
    Progress& shown = if_worth_showing(progress, total);
    shown.begin("upload", total);
    TENON_TRY_VOID(in_parallel(roles.size(), workers, [&](std::size_t i) { return upload_role(roles[i], shown); }));
    shown.end();
    return {};
  }

  Result<void> upload_snapshot() { return create_file(ours_.snapshot_name, ours_.snapshot_file); }

  Result<void> upload_roots() {
    for (Version version = Version::first();;) {
      const std::string name = std::to_string(version.value()) + ".root.json";
      TENON_TRY(const std::optional<Bytes> file, read_file_of(*view_, name));
      if (file) {
        TENON_TRY_VOID(create_file(name, *file));
      } else if (version != Version::first()) {  // the first is often given to devices alone
        return {};
      }
      TENON_TRY(version, version.next());
    }
  }

  // A reply that is lost makes a write that was done look refused: what is there now decides.
  Result<void> switch_timestamp() {
    TENON_TRY([[maybe_unused]] const bool replaced, store_->replace(kTimestampName, ours_.timestamp_file, tag_));
    TENON_TRY(const std::optional<ObjectStore::Object> now, store_->read(kTimestampName, kLimits.timestamp_bytes));
    if (now && now->content == ours_.timestamp_file) {
      count(ours_.timestamp_file.size());
      return {};
    }
    const Result<Envelope> envelope =
        now ? Envelope::parse(now->content, now->content.size()) : Error{ErrorCode::kMismatch, "there is no timestamp"};
    const Result<metadata::Timestamp> other =
        envelope ? metadata::Timestamp::parse(envelope->signed_part()) : envelope.error();
    if (other && (!replaced || other->header.version >= ours_.timestamp.header.version)) {
      return meanwhile(*store_, other->header.version);
    }
    return lies(kTimestampName);
  }

  UploadReport report() const { return report_; }

 private:
  Result<std::vector<RoleFile>> new_roles() const {
    std::vector<RoleFile> roles;
    for (const auto& [name, pin] : ours_.snapshot.meta) {
      const auto there = there_.find(name);
      if (there != there_.end() && there->second == pin) continue;
      TENON_TRY(const RoleId role, RoleId::of_meta_name(name));
      roles.push_back({role, pin.version, there == there_.end() ? std::nullopt : std::optional(there->second.version)});
    }
    return roles;
  }

  Result<Bytes> file_of(const RoleId& role, Version version) const {
    const std::string name = role.public_name(version);
    TENON_TRY(std::optional<Bytes> file, read_file_of(*view_, name));
    if (!file) return Error{ErrorCode::kMismatch, "public/metadata/" + printable(name) + " is listed and not there"};
    return *std::move(file);
  }

  // The targets that the role did not list in the version to which the store leads.
  Result<std::vector<std::pair<TargetPath, TargetEntry>>> new_targets(const RoleFile& role, ByteView file) const {
    std::vector<std::pair<TargetPath, TargetEntry>> list;
    if (tree_.is_served_elsewhere(role.role)) return list;
    Targets before;
    if (role.before) {
      TENON_TRY(const std::optional<Bytes> old, read_file_of(*view_, role.role.public_name(*role.before)));
      if (old) {
        TENON_TRY(before, targets_in(*old));
      }
    }
    TENON_TRY(const Targets now, targets_in(file));
    for (const auto& [name, entry] : now.targets) {
      const auto old = before.targets.find(name);
      if (old != before.targets.end() && old->second == entry) continue;
      TENON_TRY(TargetPath path, TargetPath::parse(name));
      list.emplace_back(std::move(path), entry);
    }
    return list;
  }

  static Result<Targets> targets_in(ByteView file) {
    TENON_TRY(const Envelope envelope, Envelope::parse(file, kLimits.listed_bytes));
    return Targets::parse(envelope.signed_part());
  }

  Result<std::uint64_t> bytes_of(const RoleFile& role) const {
    TENON_TRY(const Bytes file, file_of(role.role, role.version));
    TENON_TRY(const auto targets, new_targets(role, file));
    std::uint64_t bytes = file.size();
    for (const auto& [path, entry] : targets) bytes += entry.length;
    return bytes;
  }

  Result<void> upload_role(const RoleFile& role, Progress& progress) {
    TENON_TRY(const Bytes file, file_of(role.role, role.version));
    TENON_TRY(const auto targets, new_targets(role, file));
    for (const auto& [path, entry] : targets) {
      TENON_TRY_VOID(upload_target(path, entry));
      advance(progress, entry.length);
    }
    TENON_TRY_VOID(create_file(role.role.public_name(role.version), file));
    advance(progress, file.size());
    return {};
  }

  Result<void> upload_target(const TargetPath& path, const TargetEntry& entry) {
    if (!entry.hashes.sha256) return Error{ErrorCode::kPolicy, printable(path.text()) + ": is listed without sha256"};
    const std::string name = "targets/" + path.hash_prefixed(entry.hashes.sha256->hex());
    const FileIdentity identity{entry.length, *entry.hashes.sha256, std::nullopt};
    const Result<fs::path> file = view_->target(path, *entry.hashes.sha256);
    if (!file) {  // a folder that has caught up has the metadata of others, not their files
      TENON_TRY(const std::optional<FileIdentity> there, store_->identify(name));
      return there == identity ? Result<void>() : Result<void>(file.error());
    }
    TENON_TRY(const bool created, store_->create(name, {*file, identity}));
    TENON_TRY(const std::optional<FileIdentity> there, store_->identify(name));
    if (there != identity) return created ? lies(name) : taken(name);
    if (created) count(identity.length);
    return {};
  }

  // A file of metadata/, read back: devices must find these whole.
  Result<void> create_file(const std::string& file, const Bytes& content) {
    const std::string name = "metadata/" + file;
    TENON_TRY(const bool created, store_->create(name, {content, FileIdentity::of(content)}));
    TENON_TRY(const std::optional<ObjectStore::Object> there, store_->read(name, kLimits.listed_bytes));
    if (!there || there->content != content) return created ? lies(name) : taken(name);
    if (created) count(content.size());
    return {};
  }

  Error lies(const std::string& name) const {
    return Error{ErrorCode::kMismatch,
                 store_->address() + "/" + printable(name) + ": the store gives other bytes than it took",
                 "devices would refuse them: do not use this store until that is understood"};
  }
  Error taken(const std::string& name) const {
    return Error{ErrorCode::kPolicy,
                 store_->address() + "/" + printable(name) + ": is there with other bytes and is never overwritten",
                 "a publication that never ended has left it: tenon-repo sign draws the next version of snapshot, "
                 "tenon-repo renew that of a targets role"};
  }

  void count(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    ++report_.objects;
    report_.bytes += bytes;
  }
  void advance(Progress& progress, std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    progress.advance(done_ += bytes);
  }

  const Repository* repository_;
  const RepositoryView* view_;
  ObjectStore* store_;
  RoleTree tree_;
  ServedState ours_;
  std::optional<std::string> tag_ = {};            // of the timestamp that is there
  decltype(metadata::Snapshot::meta) there_ = {};  // to which it leads
  std::mutex mutex_;
  UploadReport report_;
  std::uint64_t done_ = 0;
};

}  // namespace

Result<UploadReport> upload(const Repository& repository, const RepositoryView& view, ObjectStore& store,
                            unsigned workers, Progress& progress) {
  const auto read = [&](const std::string& file) { return read_file_of(view, file); };
  TENON_TRY(std::optional<Bytes> timestamp, read(RoleId::timestamp().draft_name()));
  if (!timestamp) return Error{ErrorCode::kUsage, "nothing is published yet"};
  TENON_TRY(ServedState ours, ServedState::of(*std::move(timestamp), read));
  TENON_TRY(RoleTree tree, RoleTree::read(repository));
  Upload upload(repository, view, store, std::move(tree), std::move(ours));
  TENON_TRY(const bool is_there, upload.look());
  if (is_there) return upload.report();
  TENON_TRY_VOID(upload.upload_roles(workers, progress));
  TENON_TRY_VOID(upload.upload_snapshot());
  TENON_TRY_VOID(upload.upload_roots());
  TENON_TRY_VOID(upload.switch_timestamp());
  return upload.report();
}

}  // namespace tenon::repo_tools
