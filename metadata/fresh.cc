#include <tenon/metadata/fresh.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>

namespace tenon::metadata {
namespace {

Result<void> check_not_expired(const RoleHeader& header, const Rules& rules) {
  if (header.expires > rules.now) return {};
  return Error{ErrorCode::kExpired, "expired " + header.expires.text() + ", it is " + rules.now.text()};
}

Result<void> check_floor(std::string_view what, Version version, std::optional<Version> floor) {
  if (!floor || version >= *floor) return {};
  return Error{ErrorCode::kRollback, printable(what) + " version " + std::to_string(version.value()) + " < trusted " +
                                         std::to_string(floor->value())};
}

Result<void> check_pin_is_complete(const MetaEntry& pin, const Rules& rules) {
  if (!rules.require_snapshot_hashes || (pin.length && pin.hashes && pin.hashes->any_known())) return {};
  return Error{ErrorCode::kPolicy, "length and digest are required and not both listed"};
}

// Of one role's delegations a search follows no more than it may visit, and skips no more than it has visited: names
// are unique among them. Those behind are never reached.
std::size_t most_of_interest(const Limits& limits) {
  return 2 * (limits.roles_per_search + 1);
}

Result<void> check_pin(const MetaEntry& pin, const FileIdentity& file, Version version) {
  TENON_TRY_VOID(pin.check_file(file));
  if (version == pin.version) return {};
  return Error{ErrorCode::kMismatch,
               "version " + std::to_string(version.value()) + ", listed " + std::to_string(pin.version.value())};
}

}  // namespace

Authority authority(const Fresh<Root>& root, TopRole role, const Rules& rules) {
  return Authority(std::make_shared<const KeyMap>(allowed_keys(root->role(role), root->keys, rules)), root->role(role),
                   std::string(to_string(role)) + " keys of root v" + std::to_string(root->header.version.value()));
}

Result<Fresh<Root>> freshen(Authentic<Root> root, const VersionFloors& floors, const Rules& rules) {
  TENON_TRY_VOID(check_floor("root", root->header.version, floors.root));
  TENON_TRY_VOID(check_not_expired(root->header, rules));
  return Fresh<Root>(std::move(root).take());
}

Result<Fresh<Timestamp>> freshen(Authentic<Timestamp> timestamp, const VersionFloors& floors, const Rules& rules) {
  TENON_TRY_VOID(check_floor("timestamp", timestamp->header.version, floors.timestamp));
  TENON_TRY_VOID(check_floor("snapshot in timestamp", timestamp->snapshot.version, floors.snapshot));
  TENON_TRY_VOID(check_not_expired(timestamp->header, rules));
  TENON_TRY_VOID(check_pin_is_complete(timestamp->snapshot, rules));
  return Fresh<Timestamp>(std::move(timestamp).take());
}

Result<Fresh<Snapshot>> freshen(Authentic<Snapshot> snapshot, const Fresh<Timestamp>& timestamp,
                                const VersionFloors& floors, const Rules& rules) {
  TENON_TRY_VOID(check_pin(timestamp->snapshot, snapshot.identity(), snapshot->header.version));
  TENON_TRY_VOID(check_floor("snapshot", snapshot->header.version, floors.snapshot));
  for (const auto& [name, floor] : floors.targets) {
    const auto entry = snapshot->meta.find(name);
    if (entry == snapshot->meta.end()) {
      return Error{ErrorCode::kRollback, "role " + printable(name) + " was listed and is not any more"};
    }
    TENON_TRY_VOID(check_floor(name, entry->second.version, floor));
  }
  TENON_TRY_VOID(check_not_expired(snapshot->header, rules));
  return Fresh<Snapshot>(std::move(snapshot).take());
}

// TargetsLadder holds the steps that top-level and delegated targets share.
class TargetsLadder {
 public:
  static Result<TrustedTargets> climb(ByteView file, RoleName name, const Authority& authority,
                                      const Fresh<Snapshot>& snapshot, std::optional<TargetPath> only_for,
                                      UtcTime valid_until, const Rules& rules) {
    TENON_TRY(const MetaEntry* pin, listed_pin(snapshot, name, rules));
    const FileIdentity identity = pin->identify(file);
    TENON_TRY_VOID(pin->check_file(identity));
    TENON_TRY(const Envelope envelope, Envelope::parse(file, identity, rules.limits.listed_bytes, rules.limits));
    TENON_TRY(Authentic<Targets> targets, authenticate<Targets>(envelope, authority));
    TENON_TRY_VOID(check_pin(*pin, targets.identity(), targets->header.version));
    TENON_TRY_VOID(check_not_expired(targets->header, rules));
    valid_until = std::min(valid_until, targets->header.expires);
    return TrustedTargets(std::move(name), Fresh<Targets>(std::move(targets).take()), std::move(only_for), valid_until);
  }

  static Result<TrustedTargets> climb_along(ByteView file, const Edge& edge, const Fresh<Snapshot>& snapshot,
                                            const Rules& rules) {
    return climb(file, edge.name_, edge.authority_, snapshot, edge.path_, edge.valid_until_, rules);
  }
};

Result<TrustedTargets> trust_targets(ByteView file, const Fresh<Root>& root, const Fresh<Snapshot>& snapshot,
                                     const Rules& rules) {
  return TargetsLadder::climb(file, RoleName::targets(), authority(root, TopRole::kTargets, rules), snapshot,
                              std::nullopt, std::min(root->header.expires, snapshot->header.expires), rules);
}

Result<TrustedTargets> trust_targets(ByteView file, const Edge& edge, const Fresh<Snapshot>& snapshot,
                                     const Rules& rules) {
  return TargetsLadder::climb_along(file, edge, snapshot, rules);
}

const TargetEntry* TrustedTargets::find(const TargetPath& path) const {
  return may_speak_for(path) ? targets_->find(path) : nullptr;
}

std::vector<Result<Edge>> TrustedTargets::edges_to(const TargetPath& path, const Rules& rules) const {
  std::vector<Result<Edge>> edges;
  const auto& delegations = targets_->delegations;
  if (!may_speak_for(path) || !delegations) return edges;
  const std::vector<Result<DelegatedRole>> roles = delegations->matching(path, most_of_interest(rules.limits));
  const auto keys = std::make_shared<KeyMap>();
  for (const Result<DelegatedRole>& role : roles) {
    if (role) keys->merge(allowed_keys(role->keys, delegations->keys, rules));
  }
  for (const Result<DelegatedRole>& role : roles) {
    if (!role) {
      edges.push_back(role.error());
      continue;
    }
    Authority authority(keys, role->keys, "keys delegated to " + printable(role->name.text()));
    edges.push_back(Edge(*role, std::move(authority), path, valid_until_));
  }
  return edges;
}

Result<const MetaEntry*> listed_pin(const Fresh<Snapshot>& snapshot, const RoleName& role, const Rules& rules) {
  const MetaEntry* pin = snapshot->find(role);
  if (pin == nullptr) {
    return Error{ErrorCode::kMismatch, "snapshot v" + std::to_string(snapshot->header.version.value()) +
                                           " does not list role " + printable(role.text())};
  }
  if (pin->length.value_or(0) > rules.limits.listed_bytes) {
    return Error{ErrorCode::kLimit, "listed length " + std::to_string(*pin->length) + " is above " +
                                        std::to_string(rules.limits.listed_bytes)};
  }
  TENON_TRY_VOID(check_pin_is_complete(*pin, rules));
  return pin;
}

Result<std::optional<VerifiedTarget>> VerifiedTarget::find_in(const TrustedTargets& role, const TargetPath& path) {
  const TargetEntry* entry = role.find(path);
  if (entry == nullptr) return std::optional<VerifiedTarget>();
  if (!entry->hashes.any_known()) {
    return Error{ErrorCode::kPolicy, printable(path.text()) + ": " + printable(role.name().text()) +
                                         " lists no digest of it that is known here"};
  }
  return std::optional(VerifiedTarget(path, *entry, role));
}

Result<void> VerifiedTarget::check(ByteView file) const {
  if (file.size() != entry_.length) {
    return Error{ErrorCode::kMismatch, printable(path_.text()) + ": length " + std::to_string(file.size()) +
                                           ", listed " + std::to_string(entry_.length)};
  }
  if (!entry_.hashes.match(FileIdentity::of(file, entry_.hashes.sha512.has_value()))) {
    return Error{ErrorCode::kMismatch, printable(path_.text()) + ": digest is not the one listed"};
  }
  return {};
}

}  // namespace tenon::metadata
