#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/parallel.h>
#include <tenon/repo_tools/role_tree.h>
#include <tenon/repo_tools/store_files.h>
#include <tenon/repo_tools/upload.h>

#include <functional>
#include <mutex>
#include <vector>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;
using metadata::Envelope;
using metadata::FileIdentity;
using metadata::MetaEntry;
using metadata::Snapshot;
using metadata::TargetEntry;
using metadata::TargetPath;
using metadata::Targets;
using metadata::UtcTime;
using metadata::Version;
using Presence = ObjectStore::Presence;

constexpr metadata::Limits kLimits;

// ServedSnapshot is what a timestamp file leads to, as far as snapshot, compared with its pin; signatures are looked at
// elsewhere.
struct ServedSnapshot {
  metadata::Timestamp timestamp;
  std::string name;  // below metadata/
  Bytes file;
  Snapshot snapshot;
};

using ReadFile = std::function<Result<std::optional<Bytes>>(const std::string& file, const MetaEntry& pin)>;

Result<ServedSnapshot> served_snapshot(ByteView timestamp_file, const ReadFile& read) {
  TENON_TRY(const Envelope envelope, Envelope::parse(timestamp_file, kLimits.timestamp_bytes));
  TENON_TRY(metadata::Timestamp timestamp, metadata::Timestamp::parse(envelope.signed_part()));
  const MetaEntry& pin = timestamp.snapshot;
  std::string name = RoleId::snapshot().public_name(pin.version);
  TENON_TRY(std::optional<Bytes> file, read(name, pin));
  if (!file) return Error{ErrorCode::kMismatch, name + " is pinned by the timestamp and not there"};
  TENON_TRY_VOID(pin.check_file(pin.identify(*file)).with_context(name));
  TENON_TRY(const Envelope snapshot_envelope, Envelope::parse(*file, kLimits.listed_bytes).with_context(name));
  TENON_TRY(Snapshot snapshot, Snapshot::parse(snapshot_envelope.signed_part()).with_context(name));
  return ServedSnapshot{std::move(timestamp), std::move(name), *std::move(file), std::move(snapshot)};
}

Result<std::optional<Bytes>> file_in(const RepositoryView& view, const std::string& file) {
  TENON_TRY(client::Reply reply, view.metadata(file, kLimits.listed_bytes));
  auto* const content = std::get_if<Bytes>(&reply);
  return content == nullptr ? std::optional<Bytes>() : std::optional(std::move(*content));
}

// RoleFile is a targets role that the store does not lead to yet, and what it leads to in its place.
struct RoleFile {
  RoleId role;
  Version version;
  std::optional<MetaEntry> before = {};
};

class Upload {
 public:
  Upload(const Repository& repository, const RepositoryView& view, ObjectStore& store, RoleTree tree,
         Bytes timestamp_file, ServedSnapshot ours)
      : repository_(&repository),
        view_(&view),
        store_(&store),
        tree_(std::move(tree)),
        timestamp_file_(std::move(timestamp_file)),
        ours_(std::move(ours)) {}

  // What the store leads to now, and whether its devices take ours. True: it leads to all of ours already.
  Result<bool> look(UtcTime now) {
    TENON_TRY(old_, store_->read(kTimestampName, kLimits.timestamp_bytes));
    if (old_ == timestamp_file_) return true;
    if (!old_) return false;
    TENON_TRY(const Bytes embedded_root, repository_->initial_root());
    const StoreFiles files(*store_);
    CheckingClient theirs(files, embedded_root, {}, UtcTime::epoch());
    (void)theirs.refresh();  // what is damaged leaves it with what it could verify
    if (files.failure()) return *files.failure();
    CheckingClient known(*view_, embedded_root, theirs.state(), now);
    const Result<void> takes_ours =
        known.refresh().with_context("a device that knows what " + store_->address() + " has");
    TENON_TRY_VOID(check_nothing_came(takes_ours ? std::optional(known.repository().root.value()) : std::nullopt));
    TENON_TRY_VOID(takes_ours);

    const auto read = [&](const std::string& name, const MetaEntry& pin) -> Result<std::optional<Bytes>> {
      TENON_TRY(std::optional<Bytes> here, read_if_there(repository_->public_metadata(name), kLimits.listed_bytes));
      if (here && pin.check_file(pin.identify(*here))) return here;
      return store_->read("metadata/" + name, kLimits.listed_bytes);
    };
    Result<ServedSnapshot> there = served_snapshot(*old_, read);
    if (there) there_ = std::move(there->snapshot.meta);  // else all is looked for one by one
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

  Result<void> upload_snapshot() { return create_file(ours_.name, ours_.file); }

  // All that clients walk to from the first of devices, which may be given to them alone.
  Result<void> upload_roots() {
    TENON_TRY(const Bytes first, repository_->initial_root());
    TENON_TRY(const metadata::Authentic<metadata::Root> root, metadata::embedded_root(first));
    for (Version version = root->header.version;;) {
      const std::string name = std::to_string(version.value()) + ".root.json";
      TENON_TRY(const std::optional<Bytes> file, file_in(*view_, name));
      if (file) {
        TENON_TRY_VOID(create_file(name, *file));
      } else if (version != root->header.version) {
        return {};
      }
      TENON_TRY(version, version.next());
    }
  }

  Result<void> switch_timestamp() {
    TENON_TRY(const bool replaced, store_->replace(kTimestampName, timestamp_file_, old_));
    TENON_TRY(const std::optional<Bytes> now, store_->read(kTimestampName, kLimits.timestamp_bytes));
    if (now == timestamp_file_) {
      count(timestamp_file_.size());
      return {};
    }
    // A third publication may have come right behind ours.
    const bool lied = replaced && (!now || now == old_ || !Envelope::parse(*now, kLimits.timestamp_bytes));
    return lied ? lies(kTimestampName) : meanwhile();
  }

  UploadReport report() const { return report_; }

 private:
  // A timestamp that is not older than ours, of those who may sign one: by the root of who takes ours, else by the
  // folder's.
  Result<void> check_nothing_came(std::optional<metadata::Root> root) const {
    if (!root) {
      TENON_TRY(const metadata::Authentic<metadata::Root> published, repository_->published_root());
      root = published.value();
    }
    const std::optional<metadata::Timestamp> other = timestamp_under(*root, *old_);
    if (!other || other->header.version < ours_.timestamp.header.version) return {};
    return meanwhile();
  }

  Result<std::vector<RoleFile>> new_roles() const {
    std::vector<RoleFile> roles;
    for (const auto& [name, pin] : ours_.snapshot.meta) {
      const auto there = there_.find(name);
      if (there != there_.end() && there->second == pin) continue;
      TENON_TRY(const RoleId role, RoleId::of_meta_name(name));
      roles.push_back({role, pin.version, there == there_.end() ? std::nullopt : std::optional(there->second)});
    }
    return roles;
  }

  Result<Bytes> file_of(const RoleId& role, Version version) const {
    const std::string name = role.public_name(version);
    TENON_TRY(std::optional<Bytes> file, file_in(*view_, name));
    if (!file) return Error{ErrorCode::kMismatch, "public/metadata/" + printable(name) + " is listed and not there"};
    return *std::move(file);
  }

  // The targets that the role did not list in the version to which the store leads.
  Result<std::vector<std::pair<TargetPath, TargetEntry>>> new_targets(const RoleFile& role, ByteView file) const {
    std::vector<std::pair<TargetPath, TargetEntry>> list;
    if (tree_.is_served_elsewhere(role.role)) return list;
    Targets before;
    if (role.before) {
      TENON_TRY(const std::optional<Bytes> old, file_in(*view_, role.role.public_name(role.before->version)));
      if (old && role.before->check_file(role.before->identify(*old))) {
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
      TENON_TRY(const Presence there, store_->compare(name, identity));
      return there == Presence::kSame ? Result<void>() : Result<void>(file.error());
    }
    TENON_TRY(const bool created, store_->create(name, {*file, identity}));
    TENON_TRY(const Presence there, store_->compare(name, identity));
    if (there != Presence::kSame) return created ? lies(name) : taken(name);
    if (created) count(identity.length);
    return {};
  }

  // A file of metadata/, read back: devices must find these whole.
  Result<void> create_file(const std::string& file, const Bytes& content) {
    const std::string name = "metadata/" + file;
    TENON_TRY(const bool created, store_->create(name, {content, FileIdentity::of(content)}));
    TENON_TRY(const std::optional<Bytes> there, store_->read(name, kLimits.listed_bytes));
    if (there != content) return created ? lies(name) : taken(name);
    if (created) count(content.size());
    return {};
  }

  Error meanwhile() const {
    return Error{ErrorCode::kBusy, store_->address() + ": another publication came there meanwhile",
                 "run it again: it goes on from what is there now, and says what must be signed again"};
  }
  Error lies(const std::string& name) const {
    return Error{ErrorCode::kMismatch,
                 store_->address() + "/" + printable(name) + ": the store gives other bytes than it took",
                 "devices would refuse them: do not use this store until that is understood"};
  }
  Error taken(const std::string& name) const {
    const Result<std::optional<Bytes>> now = store_->read(kTimestampName, kLimits.timestamp_bytes);
    if (now && *now != old_) return meanwhile();
    return Error{
        ErrorCode::kPolicy,
        store_->address() + "/" + printable(name) + ": is there with other bytes and is never overwritten",
        "a publication that is under way, or never ended, has left it: tenon-repo sign draws the next version of "
        "snapshot, tenon-repo renew that of a targets role"};
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
  Bytes timestamp_file_;
  ServedSnapshot ours_;
  std::optional<Bytes> old_ = {};        // the timestamp that is there
  decltype(Snapshot::meta) there_ = {};  // to which it leads
  std::mutex mutex_;
  UploadReport report_;
  std::uint64_t done_ = 0;
};

}  // namespace

Result<UploadReport> upload(const Repository& repository, const RepositoryView& view, ObjectStore& store, UtcTime now,
                            unsigned workers, Progress& progress) {
  TENON_TRY(std::optional<Bytes> timestamp, file_in(view, RoleId::timestamp().draft_name()));
  if (!timestamp) return Error{ErrorCode::kUsage, "nothing is published yet"};
  const auto read = [&](const std::string& file, const MetaEntry&) { return file_in(view, file); };
  TENON_TRY(ServedSnapshot ours, served_snapshot(*timestamp, read));
  TENON_TRY(RoleTree tree, RoleTree::read(repository));
  Upload upload(repository, view, store, std::move(tree), *std::move(timestamp), std::move(ours));
  TENON_TRY(const bool is_there, upload.look(now));
  if (!is_there) {
    TENON_TRY_VOID(upload.upload_roles(workers, progress));
    TENON_TRY_VOID(upload.upload_snapshot());
  }
  TENON_TRY_VOID(upload.upload_roots());  // the timestamp does not lead to these: a root may be all that is new
  if (!is_there) TENON_TRY_VOID(upload.switch_timestamp());
  return upload.report();
}

}  // namespace tenon::repo_tools
