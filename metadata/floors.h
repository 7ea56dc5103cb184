// VersionFloors: the lowest versions that are still accepted, kept apart from the metadata they came from, so that
// losing or damaging a file never lowers them.
#pragma once

#include <tenon/metadata/authentic.h>

#include <map>
#include <optional>
#include <set>
#include <string>

namespace tenon::metadata {

struct VersionFloors {
  std::optional<Version> root = {};
  std::optional<Version> timestamp = {};
  std::optional<Version> snapshot = {};
  std::map<std::string, Version, std::less<>> targets = {};  // by snapshot's "ROLE.json"
  std::optional<UtcTime> issued = {};  // the newest "x-tenon-issued" accepted: time is not before it
  // The timestamp and snapshot keys under which all but root were learned, each as SHA-256 over its role, a zero byte and
  // its fingerprint.
  std::set<Sha256> learned_under = {};
  // True from a rotation of keys until files signed after it are stored: a stored timestamp or snapshot counts for
  // nothing till then, even if a key that stayed still vouches for it.
  bool forget_stored = false;

  // raise_* never lower anything.
  void raise_root(const Root& root);
  void raise_timestamp(const Timestamp& timestamp);
  void raise_snapshot(const Snapshot& snapshot);

  // under gives the floors as they count under a root: when it no longer lists one of the keys they were learned under for
  // the same role, those keys were rotated, and what they said of versions and time is forgotten; this undoes a
  // fast-forward attack. Adding keys, renaming them, or another threshold is no rotation. The floor of root stays.
  // Spec: 5.3.11
  // Deviates: the specification deletes the files; here stored files stop to count, also those that a key that stays
  // vouches for (ADR 0003).
  VersionFloors under(const Root& root) const;
  // forgot tells whether a rotation of keys came between the earlier floors and these.
  bool forgot(const VersionFloors& earlier) const;

  json::Value to_json() const;
  // parse Errors: E_PARSE
  static Result<VersionFloors> parse(const json::Value& value);
  bool operator==(const VersionFloors&) const = default;
};

}  // namespace tenon::metadata
