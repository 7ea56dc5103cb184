// Fresh<T>: metadata that is authentic, not older than what was trusted before, not expired, and exactly what the role
// above it pins. Only a Fresh<T> authorises the next role. freshen() is the only door, one overload for each role.
// Thread: immutable.
#pragma once

#include <tenon/metadata/authentic.h>
#include <tenon/metadata/floors.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tenon::metadata {

template <class T>
class Fresh {
 public:
  const T& value() const { return value_; }
  const T* operator->() const { return &value_; }

 private:
  friend Result<Fresh<Root>> freshen(Authentic<Root> root, const VersionFloors& floors, const Rules& rules);
  friend Result<Fresh<Timestamp>> freshen(Authentic<Timestamp> timestamp, const VersionFloors& floors,
                                          const Rules& rules);
  friend Result<Fresh<Snapshot>> freshen(Authentic<Snapshot> snapshot, const Fresh<Timestamp>& timestamp,
                                         const VersionFloors& floors, const Rules& rules);
  friend class TargetsLadder;
  explicit Fresh(T value) : value_(std::move(value)) {}
  T value_;
};

// authority gives the keys that a trusted role names for the role below it.
Authority authority(const Fresh<Root>& root, TopRole role, const Rules& rules);

// freshen(Root) ends the chain of roots: not expired, not below the floor.
// Spec: 5.3.10
// Errors: E_EXPIRED, E_ROLLBACK
Result<Fresh<Root>> freshen(Authentic<Root> root, const VersionFloors& floors, const Rules& rules);

// freshen(Timestamp): its version and the version of snapshot in it not below the floors, then expiry. A version equal
// to the floor passes; whether it is a new file is the caller's question.
// Spec: 5.4.3, 5.4.4
// Errors: E_ROLLBACK, E_EXPIRED, E_POLICY when digests are required and not listed
Result<Fresh<Timestamp>> freshen(Authentic<Timestamp> timestamp, const VersionFloors& floors, const Rules& rules);

// freshen(Snapshot): the file and version that timestamp pins, every role that has a floor still listed and not below
// it, then expiry.
// Spec: 5.5.2 to 5.5.6
// Errors: E_MISMATCH, E_ROLLBACK, E_EXPIRED
Result<Fresh<Snapshot>> freshen(Authentic<Snapshot> snapshot, const Fresh<Timestamp>& timestamp,
                                const VersionFloors& floors, const Rules& rules);

// Edge is one delegation on the way to one path: the role it names and the keys that count for it. It holds nothing
// else of the delegator, so that a walk keeps little of what it read.
class Edge {
 public:
  const RoleName& name() const { return name_; }
  bool terminating() const { return terminating_; }

 private:
  friend class TrustedTargets;
  friend class TargetsLadder;
  Edge(const DelegatedRole& role, Authority authority, TargetPath path, UtcTime valid_until)
      : name_(role.name),
        terminating_(role.terminating),
        authority_(std::move(authority)),
        path_(std::move(path)),
        valid_until_(valid_until) {}

  RoleName name_;
  bool terminating_;
  Authority authority_;
  TargetPath path_;
  UtcTime valid_until_;
};

// TrustedTargets is a targets role together with what it may speak for: everything for the top-level role; for a
// delegated one the path of the edge that led to it, which every delegation on the way names.
class TrustedTargets {
 public:
  const RoleName& name() const { return name_; }
  const Fresh<Targets>& targets() const { return targets_; }
  // valid_until is the first moment at which this role, or one that leads to it, is expired.
  UtcTime valid_until() const { return valid_until_; }
  // find gives the role's entry for a path, null if it has none or may not speak for that path.
  const TargetEntry* find(const TargetPath& path) const;
  // edges_to gives its delegations that may speak for a path, none if it may not itself: see Delegations::matching().
  // Spec: 5.6.7.2
  std::vector<Result<Edge>> edges_to(const TargetPath& path, const Rules& rules) const;

 private:
  friend class TargetsLadder;
  TrustedTargets(RoleName name, Fresh<Targets> targets, std::optional<TargetPath> only_for, UtcTime valid_until)
      : name_(std::move(name)),
        targets_(std::move(targets)),
        only_for_(std::move(only_for)),
        valid_until_(valid_until) {}
  bool may_speak_for(const TargetPath& path) const { return !only_for_ || *only_for_ == path; }

  RoleName name_;
  Fresh<Targets> targets_;
  std::optional<TargetPath> only_for_;
  UtcTime valid_until_;
};

// trust_targets climbs all rungs for a targets role: the file and version that snapshot pins, the keys that the
// delegator names, expiry. Floors of targets roles are snapshot's: they were checked when it was freshened.
// Spec: 5.6.2 to 5.6.5
// Errors: E_MISMATCH, E_SIG, E_PARSE, E_EXPIRED, E_LIMIT, E_POLICY when digests are required and not listed
Result<TrustedTargets> trust_targets(ByteView file, const Fresh<Root>& root, const Fresh<Snapshot>& snapshot,
                                     const Rules& rules);
// The delegated form.
// Spec: 5.6.7
Result<TrustedTargets> trust_targets(ByteView file, const Edge& edge, const Fresh<Snapshot>& snapshot,
                                     const Rules& rules);

// listed_pin gives what snapshot lists for a role, and checks that it may be fetched.
// Errors: E_MISMATCH when the role is not listed; E_LIMIT when the listed length is above the limit; E_POLICY when
// digests are required and not listed.
Result<const MetaEntry*> listed_pin(const Fresh<Snapshot>& snapshot, const RoleName& role, const Rules& rules);

// VerifiedTarget is a target that may be fetched and, once its bytes match, used. Only a search that ended in a trusted
// role makes one.
class VerifiedTarget {
 public:
  // find_in gives nothing when the role does not list the path. Errors: E_POLICY when it lists no digest that is known.
  static Result<std::optional<VerifiedTarget>> find_in(const TrustedTargets& role, const TargetPath& path);

  const TargetPath& path() const { return path_; }
  std::uint64_t length() const { return entry_.length; }  // bytes
  const Hashes& hashes() const { return entry_.hashes; }
  const RoleName& signed_by() const { return signed_by_; }
  // valid_until is the role's, TrustedTargets::valid_until().
  UtcTime valid_until() const { return valid_until_; }
  // custom is what the repository says of the target besides, signed and opaque to us; null if it says nothing.
  // Spec: 4.5
  const json::Value* custom() const { return entry_.extra.find("custom"); }
  // check compares a whole file.
  // Spec: 5.7.2
  // Errors: E_MISMATCH.
  Result<void> check(ByteView file) const;

 private:
  VerifiedTarget(TargetPath path, TargetEntry entry, const TrustedTargets& role)
      : path_(std::move(path)), entry_(std::move(entry)), signed_by_(role.name()), valid_until_(role.valid_until()) {}
  TargetPath path_;
  TargetEntry entry_;
  RoleName signed_by_;
  UtcTime valid_until_;
};

}  // namespace tenon::metadata
