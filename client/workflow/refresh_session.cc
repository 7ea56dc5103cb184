#include <tenon/client/workflow/refresh_session.h>

#include <algorithm>

namespace tenon::client {

using metadata::Authentic;
using metadata::Envelope;
using metadata::MetaEntry;
using metadata::Root;
using metadata::Snapshot;
using metadata::Timestamp;
using metadata::TopRole;
using metadata::Version;

namespace {

constexpr const char* kTimestampFile = "timestamp.json";
constexpr const char* kSnapshotFile = "snapshot.json";
constexpr const char* kTargetsFile = "targets.json";

const Bytes* found(const Reply& reply) {
  return std::get_if<Bytes>(&reply);
}

Error must_exist() {
  return Error{ErrorCode::kNet, "the repository does not have it"}.with_hint(
      "check the repository's address, and that it was published");
}

std::string damaged(const std::string& file_name, const Error& error) {
  return "stored " + file_name + " is not used: " + error.message;
}

std::size_t max_length(const MetaEntry& pin, std::size_t unlisted) {
  return pin.length ? static_cast<std::size_t>(*pin.length) : unlisted;
}

}  // namespace

Result<RefreshSession> RefreshSession::start(ByteView embedded_root, metadata::VersionFloors floors,
                                             metadata::Rules rules) {
  TENON_TRY(Authentic<Root> root, metadata::embedded_root(embedded_root, rules).with_context("the embedded root"));
  return RefreshSession(std::move(root), std::move(floors), rules);
}

RefreshSession::RefreshSession(Authentic<Root> root, metadata::VersionFloors floors, metadata::Rules rules)
    : rules_(rules), floors_(std::move(floors)), chain_(root) {
  follow(std::move(root));
}

std::string RefreshSession::next_root_file() const {
  const Result<Version> next = chain_->header.version.next();
  return (next ? std::to_string(next->value()) : "0") + ".root.json";
}

std::string RefreshSession::versioned(const std::string& name, Version version) const {
  return (*root_)->consistent_snapshot ? std::to_string(version.value()) + "." + name : name;
}

Result<Step> RefreshSession::next() const {
  switch (phase_) {
    case Phase::kCachedRoot: return Step(WantCached{next_root_file()});
    case Phase::kRemoteRoot:
      if (remote_roots_ >= rules_.limits.roots_per_refresh) {  // RootCap::kStop: the other never comes here
        return Error{ErrorCode::kLimit, "root v" + std::to_string(root_version().value()) + " reached after " +
                                            std::to_string(remote_roots_) + " new roots, and more may follow"}
            .with_hint("check again: the next refresh goes on from here");
      }
      return Step(WantRemote{next_root_file(), rules_.limits.root_bytes});
    case Phase::kRootCap:
    case Phase::kCachedTimestamp: return Step(WantCached{kTimestampFile});
    case Phase::kRemoteTimestamp: return Step(WantRemote{kTimestampFile, rules_.limits.timestamp_bytes});
    case Phase::kCachedSnapshot: return Step(WantCached{kSnapshotFile});
    case Phase::kRemoteSnapshot: {
      const MetaEntry& pin = (*timestamp_)->snapshot;
      return Step(WantRemote{versioned(kSnapshotFile, pin.version), max_length(pin, rules_.limits.snapshot_bytes)});
    }
    case Phase::kCachedTargets: return Step(WantCached{kTargetsFile});
    case Phase::kRemoteTargets: {
      TENON_TRY(const MetaEntry* pin, listed_pin(*snapshot_, metadata::RoleName::targets(), rules_));
      return Step(WantRemote{versioned(kTargetsFile, pin->version), max_length(*pin, rules_.limits.targets_bytes)});
    }
    case Phase::kDone: return Step(Done{});
  }
  return Step(Done{});
}

Result<Progress> RefreshSession::feed(const Reply& reply) {
  switch (phase_) {
    case Phase::kCachedRoot: return feed_cached_root(reply);
    case Phase::kRemoteRoot: return feed_remote_root(reply).with_context(next_root_file());
    case Phase::kRootCap:
      TENON_TRY_VOID(end_root_chain());
      phase_ = Phase::kCachedTimestamp;
      return feed_cached_timestamp(reply);
    case Phase::kCachedTimestamp: return feed_cached_timestamp(reply);
    case Phase::kRemoteTimestamp: return feed_remote_timestamp(reply).with_context(kTimestampFile);
    case Phase::kCachedSnapshot: return feed_cached_snapshot(reply);
    case Phase::kRemoteSnapshot: return feed_remote_snapshot(reply).with_context(kSnapshotFile);
    case Phase::kCachedTargets: return feed_cached_targets(reply);
    case Phase::kRemoteTargets: return feed_remote_targets(reply).with_context(kTargetsFile);
    case Phase::kDone: break;
  }
  return Progress{};
}

// The stored chain is walked from the embedded root like the repository's: a file that was tampered with ends it, and
// the repository supplies the rest.
Result<Progress> RefreshSession::feed_cached_root(const Reply& reply) {
  Progress progress;
  if (const Bytes* file = found(reply)) {
    Result<Authentic<Root>> root = next_root(chain_, *file, rules_);
    if (root) {
      follow(*std::move(root));
      return progress;
    }
    progress.warning = damaged(next_root_file(), root.error());
  }
  stored_under_ = metadata::VersionFloors{}.under(chain_.value());
  phase_ = Phase::kRemoteRoot;
  return progress;
}

// Spec: 5.3.3 to 5.3.9
Result<Progress> RefreshSession::feed_remote_root(const Reply& reply) {
  const Bytes* file = found(reply);
  if (file == nullptr) {
    TENON_TRY_VOID(end_root_chain());
    phase_ = Phase::kCachedTimestamp;
    return Progress{};
  }
  TENON_TRY(Authentic<Root> root, next_root(chain_, *file, rules_));
  Progress progress{.persist = Persist{next_root_file(), *file}};
  follow(std::move(root));
  ++remote_roots_;
  if (remote_roots_ >= rules_.limits.roots_per_refresh && rules_.root_cap == metadata::RootCap::kContinue) {
    phase_ = Phase::kRootCap;
  }
  return progress;
}

// Takes a root into the chain. What was learned under keys that it no longer lists counts no more, at each step, so
// that it does not matter how many roots one session walks. Roots up to the floor had this effect when they raised it.
// Spec: 5.3.11
void RefreshSession::follow(Authentic<Root> root) {
  if (!floors_.root || root->header.version > *floors_.root) floors_ = floors_.under(root.value());
  floors_.raise_root(root.value());
  stored_under_ = stored_under_.under(root.value());
  chain_ = std::move(root);
}

// Spec: 5.3.10
Result<void> RefreshSession::end_root_chain() {
  metadata::VersionFloors floors = floors_.under(chain_.value());
  metadata::Rules rules = rules_;
  if (floors.issued) rules.now = std::max(rules.now, *floors.issued);
  TENON_TRY(root_, freshen(chain_, floors, rules));
  floors_ = std::move(floors);
  rules_ = rules;
  floors_.forget_stored |= stored_under_.forget_stored;
  return {};
}

Result<Authentic<Timestamp>> RefreshSession::authenticate_timestamp(ByteView file) const {
  TENON_TRY(const Envelope envelope, Envelope::parse(file, rules_.limits.timestamp_bytes, rules_.limits));
  return metadata::authenticate<Timestamp>(envelope, authority(*root_, TopRole::kTimestamp, rules_));
}

Result<Authentic<Snapshot>> RefreshSession::authenticate_snapshot(ByteView file,
                                                                  const metadata::FileIdentity& identity) const {
  TENON_TRY(const Envelope envelope, Envelope::parse(file, identity, rules_.limits.listed_bytes, rules_.limits));
  return metadata::authenticate<Snapshot>(envelope, authority(*root_, TopRole::kSnapshot, rules_));
}

Result<Progress> RefreshSession::feed_cached_timestamp(const Reply& reply) {
  Progress progress;
  if (const Bytes* file = found(reply); file != nullptr && !floors_.forget_stored) {
    Result<Authentic<Timestamp>> timestamp = authenticate_timestamp(*file);
    if (timestamp) {
      floors_.raise_timestamp(timestamp->value());
      cached_timestamp_ = *std::move(timestamp);
    } else {
      progress.warning = damaged(kTimestampFile, timestamp.error());
    }
  }
  phase_ = Phase::kRemoteTimestamp;
  return progress;
}

// Spec: 5.4
Result<Progress> RefreshSession::feed_remote_timestamp(const Reply& reply) {
  const Bytes* file = found(reply);
  if (file == nullptr) return must_exist();
  // The stored bytes again need no second look.
  const bool same = cached_timestamp_ && cached_timestamp_->identity() == metadata::FileIdentity::of(*file);
  TENON_TRY(Authentic<Timestamp> timestamp,
            same ? Result<Authentic<Timestamp>>(*cached_timestamp_) : authenticate_timestamp(*file));
  Progress progress;
  if (!same && cached_timestamp_ && (*cached_timestamp_)->header.version == timestamp->header.version) {
    progress.warning = "the repository has other bytes of the same version; the stored ones are kept";
    timestamp = *cached_timestamp_;
  } else if (!same) {
    progress.persist = Persist{kTimestampFile, *file};
  }
  TENON_TRY(timestamp_, freshen(timestamp, floors_, rules_));
  if (timestamp->snapshot.length.value_or(0) > rules_.limits.listed_bytes) {
    const std::string length = std::to_string(*timestamp->snapshot.length);
    return Error{ErrorCode::kLimit, "lists " + length + " bytes for snapshot, at most " +
                                        std::to_string(rules_.limits.listed_bytes) + " are read"};
  }
  floors_.raise_timestamp(timestamp.value());
  phase_ = Phase::kCachedSnapshot;
  return progress;
}

Result<Progress> RefreshSession::feed_cached_snapshot(const Reply& reply) {
  Progress progress;
  phase_ = Phase::kRemoteSnapshot;
  const Bytes* file = found(reply);
  if (file == nullptr || floors_.forget_stored) return progress;
  Result<Authentic<Snapshot>> snapshot = authenticate_snapshot(*file, (*timestamp_)->snapshot.identify(*file));
  if (!snapshot) {
    progress.warning = damaged(kSnapshotFile, snapshot.error());
    return progress;
  }
  floors_.raise_snapshot(snapshot->value());
  // If it is not the one that timestamp pins, it was only good for its floors.
  if (Result<metadata::Fresh<Snapshot>> fresh = freshen(*std::move(snapshot), *timestamp_, floors_, rules_)) {
    snapshot_ = *std::move(fresh);
    phase_ = Phase::kCachedTargets;
  }
  return progress;
}

// Spec: 5.5
Result<Progress> RefreshSession::feed_remote_snapshot(const Reply& reply) {
  const Bytes* file = found(reply);
  if (file == nullptr) return must_exist();
  const metadata::FileIdentity identity = (*timestamp_)->snapshot.identify(*file);
  TENON_TRY_VOID((*timestamp_)->snapshot.check_file(identity));
  TENON_TRY(Authentic<Snapshot> snapshot, authenticate_snapshot(*file, identity));
  TENON_TRY(snapshot_, freshen(std::move(snapshot), *timestamp_, floors_, rules_));
  floors_.raise_snapshot(snapshot_->value());
  phase_ = Phase::kCachedTargets;
  return Progress{.persist = Persist{kSnapshotFile, *file}};
}

Result<Progress> RefreshSession::feed_cached_targets(const Reply& reply) {
  floors_.forget_stored = false;  // the timestamp and the snapshot that are stored now are this session's
  phase_ = Phase::kRemoteTargets;
  if (const Bytes* file = found(reply)) {
    if (Result<metadata::TrustedTargets> targets = trust_targets(*file, *root_, *snapshot_, rules_)) {
      targets_ = *std::move(targets);
      phase_ = Phase::kDone;
    }
  }
  return Progress{};
}

// Spec: 5.6.1 to 5.6.6
Result<Progress> RefreshSession::feed_remote_targets(const Reply& reply) {
  const Bytes* file = found(reply);
  if (file == nullptr) return must_exist();
  TENON_TRY(targets_, trust_targets(*file, *root_, *snapshot_, rules_));
  phase_ = Phase::kDone;
  return Progress{.persist = Persist{kTargetsFile, *file}};
}

TrustedRepository RefreshSession::finish() && {
  TENON_CHECK(phase_ == Phase::kDone);
  return {*std::move(root_), *std::move(timestamp_), *std::move(snapshot_), *std::move(targets_)};
}

}  // namespace tenon::client
