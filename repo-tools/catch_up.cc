#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/catch_up.h>
#include <tenon/repo_tools/publish_log.h>
#include <tenon/repo_tools/store_files.h>

#include <deque>
#include <set>

namespace tenon::repo_tools {
namespace {

using metadata::DelegatedRole;
using metadata::Envelope;
using metadata::MetaEntry;
using metadata::Snapshot;
using metadata::Targets;
using metadata::UtcTime;
using metadata::Version;

constexpr metadata::Limits kLimits;

// The roots behind ours, each signed as a device demands it.
Result<void> take_roots(const Repository& repository, FileWriter& writer, ObjectStore& store) {
  TENON_TRY(metadata::Authentic<metadata::Root> root, repository.published_root());
  for (std::size_t i = 0; i < kLimits.roots_per_refresh; ++i) {
    TENON_TRY(const Version next, root->header.version.next());
    const std::string name = std::to_string(next.value()) + ".root.json";
    TENON_TRY(const std::optional<Bytes> file, store.read("metadata/" + name, kLimits.root_bytes));
    if (!file) return {};
    TENON_TRY(root, metadata::next_root(root, *file).with_context(store.address() + ": " + name));
    TENON_TRY_VOID(writer.put_new(repository.public_metadata(name), *file));
  }
  return {};
}

// Roles takes over what a snapshot lists, from targets down to the last team.
class Roles {
 public:
  Roles(const Repository& repository, FileWriter& writer, ObjectStore& store, const Snapshot& snapshot, LogEntry& log)
      : repository_(&repository), writer_(&writer), store_(&store), snapshot_(&snapshot), log_(&log) {}

  // targets_file was verified by a client.
  Result<void> take(const Bytes& targets_file) {
    TENON_TRY(Targets top, take_file(RoleId::targets(), targets_file));
    std::deque<Targets> delegators;
    delegators.push_back(std::move(top));
    for (; !delegators.empty(); delegators.pop_front()) {
      if (!delegators.front().delegations) continue;
      const metadata::Delegations& delegations = *delegators.front().delegations;
      for (const DelegatedRole& edge : delegations.roles) {
        TENON_TRY(std::optional<Targets> role, take_delegate(delegations, edge));
        if (role) delegators.push_back(*std::move(role));
      }
      for (std::uint64_t i = 0; delegations.bins && i < delegations.bins->count(); ++i) {
        TENON_TRY_VOID(take_delegate(delegations, delegations.bins->bin(i)));
      }
    }
    return take_the_rest();
  }

 private:
  // Nothing for a role that came before, or that snapshot does not list.
  Result<std::optional<Targets>> take_delegate(const metadata::Delegations& delegations, const DelegatedRole& edge) {
    const RoleId role = RoleId::of(edge.name);
    const auto pin = snapshot_->meta.find(role.meta_name());
    if (pin == snapshot_->meta.end() || !seen_.insert(role.meta_name()).second) return std::optional<Targets>();
    TENON_TRY(const Bytes file, read(role, pin->second));
    TENON_TRY(const Envelope envelope, Envelope::parse(file, kLimits.listed_bytes).with_context(shown(role)));
    if (!metadata::tally(envelope, delegations.keys, edge.keys).met(edge.keys.threshold)) {
      return Error{ErrorCode::kSig, shown(role) + ": too few of the keys that are named for it have signed"};
    }
    TENON_TRY(Targets targets, take_file(role, file));
    return std::optional(std::move(targets));
  }

  // Roles that nobody delegates to any more; a client never asks for them, but snapshot lists them for ever.
  Result<void> take_the_rest() {
    for (const auto& [name, pin] : snapshot_->meta) {
      TENON_TRY(const RoleId role, RoleId::of_meta_name(name));
      if (seen_.contains(name) || role == RoleId::targets()) continue;
      if (!role.lists_targets()) return Error{ErrorCode::kPolicy, "snapshot lists " + printable(name)};
      TENON_TRY(const Bytes file, read(role, pin));
      TENON_TRY_VOID(take_file(role, file));
    }
    return {};
  }

  // The bytes that the pin names, from here if they are.
  Result<Bytes> read(const RoleId& role, const MetaEntry& pin) {
    if (!pin.hashes || !pin.hashes->sha256) {
      return Error{ErrorCode::kPolicy, shown(role) + ": is listed without sha256"};
    }
    const std::string name = role.public_name(pin.version);
    TENON_TRY(std::optional<Bytes> file, read_if_there(repository_->public_metadata(name), kLimits.listed_bytes));
    if (file && pin.check_file(pin.identify(*file))) return *std::move(file);
    TENON_TRY(const std::optional<Version> published, repository_->published_version(role));
    if (file && published == pin.version) {
      return Error{ErrorCode::kPolicy,
                   printable(name) + ": is published here with other bytes than " + store_->address() + " has",
                   "one of the two was published by itself: restore the folder from before that"};
    }
    TENON_TRY(file, store_->read("metadata/" + name, kLimits.listed_bytes));
    if (!file) return Error{ErrorCode::kMismatch, shown(role) + ": is listed and not there"};
    TENON_TRY_VOID(pin.check_file(pin.identify(*file)).with_context(shown(role)));
    return *std::move(file);
  }

  Result<Targets> take_file(const RoleId& role, const Bytes& file) {
    TENON_TRY(const Envelope envelope, Envelope::parse(file, kLimits.listed_bytes).with_context(shown(role)));
    TENON_TRY(Targets targets, Targets::parse(envelope.signed_part()).with_context(shown(role)));
    const auto pin = snapshot_->meta.find(role.meta_name());
    if (pin == snapshot_->meta.end() || targets.header.version != pin->second.version) {
      return Error{ErrorCode::kMismatch, shown(role) + ": is another version than snapshot lists"};
    }
    const std::filesystem::path path = repository_->public_metadata(role.public_name(targets.header.version));
    TENON_TRY(const std::optional<Bytes> here, read_if_there(path, kLimits.listed_bytes));
    if (here == file) return targets;
    LogEntry::Role entry{role.text(), targets.header.version.value(), {}};
    for (const metadata::Signature& signature : envelope.signatures())
      entry.signed_by.push_back(signature.keyid.text());
    log_->roles.push_back(std::move(entry));
    TENON_TRY_VOID(writer_->put(path, file));  // over what a publication that was cut has left
    return targets;
  }

  std::string shown(const RoleId& role) const { return store_->address() + ": " + printable(role.text()); }

  const Repository* repository_;
  FileWriter* writer_;
  ObjectStore* store_;
  const Snapshot* snapshot_;
  LogEntry* log_;
  std::set<std::string> seen_ = {};
};

}  // namespace

Result<std::optional<Version>> catch_up(const Repository& repository, FileWriter& writer, ObjectStore& store,
                                        UtcTime now) {
  TENON_TRY_VOID(take_roots(repository, writer, store));
  TENON_TRY(const std::optional<Bytes> there, store.read(kTimestampName, kLimits.timestamp_bytes));
  TENON_TRY(const std::shared_ptr<const PublishedState> here, repository.published_state());
  if (!there || (here && here->timestamp_file == *there)) return std::optional<Version>();
  TENON_TRY(const metadata::Authentic<metadata::Root> root, repository.published_root());
  const std::optional<metadata::Timestamp> timestamp = timestamp_under(root.value(), *there);
  if (!timestamp || (here && timestamp->header.version < here->timestamp.header.version)) {
    return std::optional<Version>();
  }
  if (here && timestamp->header.version == here->timestamp.header.version) {
    return Error{ErrorCode::kPolicy,
                 store.address() + " and this folder have different timestamps v" +
                     std::to_string(timestamp->header.version.value()),
                 "one of the two was published by itself: restore the folder from before that"};
  }

  TENON_TRY(const Bytes embedded_root, repository.initial_root());
  const StoreFiles files(store);
  // What has expired must be taken over too, to be renewed.
  TENON_TRY(ClientState state, state_of_a_known_device(repository));
  CheckingClient client(files, embedded_root, std::move(state), UtcTime::epoch());
  TENON_TRY_VOID(client.refresh().with_context(store.address()));
  const auto accepted = [&](const RoleId& role) -> const Bytes& { return client.state().files.at(role.draft_name()); };
  const Version version = client.repository().timestamp->header.version;
  const Snapshot& snapshot = client.repository().snapshot.value();

  LogEntry log{now, version.value(), {}, {}};
  ManyFiles many(writer);
  Roles roles(repository, writer, store, snapshot, log);
  TENON_TRY_VOID(roles.take(accepted(RoleId::targets())));
  TENON_TRY_VOID(writer.put(repository.public_metadata(RoleId::snapshot().public_name(snapshot.header.version)),
                            accepted(RoleId::snapshot())));
  TENON_TRY_VOID(many.finish());
  TENON_TRY_VOID(append_to_log(repository, writer, log));
  TENON_TRY_VOID(
      writer.put(repository.public_metadata(RoleId::timestamp().draft_name()), accepted(RoleId::timestamp())));
  return std::optional(version);
}

}  // namespace tenon::repo_tools
