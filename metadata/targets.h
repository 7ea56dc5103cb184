// Targets: the files that a role vouches for, and the roles it delegates paths to.
// Spec: 4.5
#pragma once

#include <tenon/metadata/meta_entry.h>
#include <tenon/metadata/path_pattern.h>
#include <tenon/metadata/role_header.h>
#include <tenon/metadata/role_name.h>
#include <tenon/metadata/target_path.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace tenon::metadata {

struct TargetEntry {
  std::uint64_t length = 0;  // bytes
  Hashes hashes;
  json::Object extra = {};  // "custom" and members we do not know: no address is ever taken from them

  static Result<TargetEntry> read(json::Fields fields);
  json::Value to_json() const;
  bool operator==(const TargetEntry&) const = default;
};

// PathSet is what a delegation may speak for: glob patterns, or prefixes of the hex SHA-256 of the path. With neither
// it matches nothing.
// Spec: 4.5
struct PathSet {
  std::optional<std::vector<PathPattern>> patterns = {};
  std::optional<std::vector<std::string>> hash_prefixes = {};

  // contains Errors: E_POLICY for an undefined pattern.
  Result<bool> contains(const TargetPath& path) const;
  bool operator==(const PathSet&) const = default;
};

struct DelegatedRole {
  RoleName name;
  RoleKeys keys;
  PathSet paths;
  bool terminating = false;
  json::Object extra = {};

  bool operator==(const DelegatedRole&) const = default;
};

// SuccinctRoles are 2^bit_length bins with the same keys, named PREFIX-0a, that share all paths by the first bits of
// their SHA-256. They are never listed: a bin is made from the path that asks for it. All are terminating.
// Spec: TAP 15
struct SuccinctRoles {
  RoleKeys keys;
  int bit_length = 1;  // 1 to 32
  std::string name_prefix;
  json::Object extra = {};

  // create Errors: E_PARSE for a bit length that is none, and for a prefix that makes no role names: it becomes part of file
  // names and stands before a number, so that a path in it would be somebody's mistake or trick.
  static Result<SuccinctRoles> create(RoleKeys keys, std::int64_t bit_length, std::string name_prefix);

  std::uint64_t count() const { return std::uint64_t{1} << bit_length; }
  // bin Pre: number < count().
  DelegatedRole bin(std::uint64_t number) const;
  DelegatedRole bin_of(const TargetPath& path) const { return bin(number_of(path)); }
  std::uint64_t number_of(const TargetPath& path) const;
  // number_of_bin gives nothing for a role that is no bin of these.
  std::optional<std::uint64_t> number_of_bin(std::string_view role) const;
  bool operator==(const SuccinctRoles&) const = default;
};

struct Delegations {
  KeyMap keys;
  std::vector<DelegatedRole> roles = {};   // in the order of trust
  std::optional<SuccinctRoles> bins = {};  // in place of roles
  json::Object extra = {};

  // matching gives those that may speak for a path, in order, up to the first that is terminating, or has an undefined
  // pattern: that one is an E_POLICY, for who comes so far. It ends after `most`; what a role lists as its paths is left out.
  // Spec: 5.6.7.2
  std::vector<Result<DelegatedRole>> matching(const TargetPath& path, std::size_t most) const;
  // drop_unused_keys removes those that no role lists: dead weight that people wonder about.
  void drop_unused_keys();
  bool operator==(const Delegations&) const = default;
};

struct Targets {
  static constexpr std::string_view kType = "targets";

  RoleHeader header;
  std::map<std::string, TargetEntry, std::less<>> targets = {};  // by path; one that is no TargetPath is unreachable
  std::optional<Delegations> delegations = {};
  json::Object extra = {};

  // parse reads the "signed" part. Errors: E_PARSE; E_POLICY for a weak key.
  static Result<Targets> parse(const json::Value& value);
  json::Value to_json() const;

  // find gives null for a path that this role does not list.
  const TargetEntry* find(const TargetPath& path) const;
  bool operator==(const Targets&) const = default;
};

}  // namespace tenon::metadata
