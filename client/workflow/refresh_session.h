// RefreshSession: the client workflow of TUF from the embedded root to fresh top-level targets, without any I/O.
// It says which bytes it wants, is given them, and says what may be stored. The cache goes through the same checks as
// the network. On an error nothing has changed: what was accepted before stays accepted, the session is at the same
// step.
// Spec: 5.1 to 5.6.6
// Thread: a session belongs to one thread.
#pragma once

#include <tenon/client/workflow/exchange.h>
#include <tenon/metadata/floors.h>
#include <tenon/metadata/fresh.h>

#include <optional>
#include <string>

namespace tenon::client {

// TrustedRepository is what a refresh ends with.
struct TrustedRepository {
  metadata::Fresh<metadata::Root> root;
  metadata::Fresh<metadata::Timestamp> timestamp;
  metadata::Fresh<metadata::Snapshot> snapshot;
  metadata::TrustedTargets targets;
};

class RefreshSession {
 public:
  // start takes the root the device was made with and the floors it has kept. At the end of the root chain rules.now is
  // raised to the newest issue time that was accepted, so that a clock that is behind does not bring expired files back.
  // Spec: 5.1, 5.2
  // Errors: E_PARSE, E_SIG, E_LIMIT for the embedded root: there is nothing to go on with.
  static Result<RefreshSession> start(ByteView embedded_root, metadata::VersionFloors floors, metadata::Rules rules);

  // next says what is wanted. Errors: E_LIMIT when more roots follow than one session walks: those accepted stay
  // accepted, the next session goes on.
  // Deviates: at its limit the specification goes on with a root known to be old;
  // that would let a mirror hide a revocation. Rules::root_cap chooses.
  Result<Step> next() const;

  // feed takes the reply to the step that next() gave.
  // Errors: the E_* of the first rule that the file breaks; E_NET when a file that must exist is not found.
  Result<Progress> feed(const Reply& reply);

  // floors are to be stored at the end of the session, also of one that failed.
  const metadata::VersionFloors& floors() const { return floors_; }
  const metadata::Rules& rules() const { return rules_; }
  metadata::Version root_version() const { return chain_.value().header.version; }

  // finish Pre: next() gave Done.
  TrustedRepository finish() &&;

 private:
  enum class Phase {
    kCachedRoot,
    kRemoteRoot,
    kRootCap,
    kCachedTimestamp,
    kRemoteTimestamp,
    kCachedSnapshot,
    kRemoteSnapshot,
    kCachedTargets,
    kRemoteTargets,
    kDone
  };

  RefreshSession(metadata::Authentic<metadata::Root> root, metadata::VersionFloors floors, metadata::Rules rules);

  Result<Progress> feed_cached_root(const Reply& reply);
  Result<Progress> feed_remote_root(const Reply& reply);
  Result<Progress> feed_cached_timestamp(const Reply& reply);
  Result<Progress> feed_remote_timestamp(const Reply& reply);
  Result<Progress> feed_cached_snapshot(const Reply& reply);
  Result<Progress> feed_remote_snapshot(const Reply& reply);
  Result<Progress> feed_cached_targets(const Reply& reply);
  Result<Progress> feed_remote_targets(const Reply& reply);

  void follow(metadata::Authentic<metadata::Root> root);
  Result<void> end_root_chain();
  Result<metadata::Authentic<metadata::Timestamp>> authenticate_timestamp(ByteView file) const;
  Result<metadata::Authentic<metadata::Snapshot>> authenticate_snapshot(ByteView file,
                                                                        const metadata::FileIdentity& identity) const;
  std::string next_root_file() const;
  std::string versioned(const std::string& name, metadata::Version version) const;

  Phase phase_ = Phase::kCachedRoot;
  metadata::Rules rules_;
  metadata::VersionFloors floors_;
  metadata::Authentic<metadata::Root> chain_;  // the newest root accepted so far
  metadata::VersionFloors stored_under_;       // the keys that signed the cached files, should floors_ not know them
  std::size_t remote_roots_ = 0;
  std::optional<metadata::Authentic<metadata::Timestamp>> cached_timestamp_;
  std::optional<metadata::Fresh<metadata::Root>> root_;
  std::optional<metadata::Fresh<metadata::Timestamp>> timestamp_;
  std::optional<metadata::Fresh<metadata::Snapshot>> snapshot_;
  std::optional<metadata::TrustedTargets> targets_;
};

}  // namespace tenon::client
