// SigningPolicy: what must hold before anybody signs: keys, people, lifetimes, delegations. People write it as
// policy.toml; this is the JSON document that the root threshold signs. Strict: every member must be there, and one that
// is not known is an error, since whoever wrote it relied on it.
// Thread: immutable.
#pragma once

#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/role_name.h>
#include <tenon/metadata/root.h>
#include <tenon/policies/label.h>
#include <tenon/policies/rule.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::policies {

// RoleLimits is what must hold of one role. 0 is no limit, except where said.
struct RoleLimits {
  std::int64_t min_keys = 1;
  std::int64_t min_threshold = 1;
  std::int64_t min_spare = 0;  // keys above the threshold
  std::int64_t max_expiry_days = 0;
  std::int64_t min_expiry_days = 0;
  std::int64_t sign_window_days = 0;  // sign again when less is left
  std::int64_t min_remaining_hours_at_publish = 0;
  std::int64_t min_organisations = 0;  // that the custodians belong to
  std::int64_t max_rotated_keys = 0;   // in one version; 0: threshold - 1 is the only limit
  std::int64_t max_key_age_days = 0;
  std::int64_t min_pq_signatures = 0;  // post-quantum, from Algorithms::pq_required_from on
  bool offline = false;                // an online key must never stand in it
  bool hardware = false;               // its keys must live in tokens
  bool operator==(const RoleLimits&) const = default;
};

struct DelegationLimits {
  std::vector<std::string> forbid_paths = {};
  std::int64_t max_depth = 2;  // targets is at 0
  bool require_terminating = true;
  bool allow_overlap = false;
  bool operator==(const DelegationLimits&) const = default;
};

// SoftwareVersion is the part of a version that says what a program can do: "3.5".
struct SoftwareVersion {
  std::int64_t major = 0;
  std::int64_t minor = 0;

  // parse Errors: E_PARSE
  static Result<SoftwareVersion> parse(std::string_view text);
  std::string text() const;
  auto operator<=>(const SoftwareVersion&) const = default;
};

enum class LegacyKeys { kAllow, kWarn, kDeny };  // old spellings of ECDSA keys

struct Algorithms {
  std::vector<std::string> allow = {};  // schemes
  std::int64_t rsa_min_bits = 3072;
  SoftwareVersion client_floor_tenon = {0, 1};    // the oldest client in the field ...
  SoftwareVersion client_floor_openssl = {3, 0};  // ... and the oldest OpenSSL under one
  LegacyKeys legacy_keytypes = LegacyKeys::kWarn;
  std::vector<std::string> hash_min = {};                           // digests that every target must list
  metadata::UtcTime pq_required_from = metadata::UtcTime::epoch();  // midnight: min_pq_signatures counts from then on
  bool operator==(const Algorithms&) const = default;
};

struct KeyDemands {
  bool unique_across_roles = true;
  bool require_local = true;  // made in the token and never extractable
  std::vector<std::string> forbid_token_models = {};
  bool require_pop = true;            // a proof of possession for each key that is added
  std::int64_t pop_max_age_days = 0;  // of a custodian's last proof; 0: no drill is demanded
  bool require_custodians = true;     // who holds a key must stand in the policy
  bool operator==(const KeyDemands&) const = default;
};

struct Custodian {
  std::string name;  // of a person; of a service for an online key
  std::string organisation;
  std::string contact;
  metadata::UtcTime since;  // midnight: when the key was made
  std::string token;
  bool operator==(const Custodian&) const = default;
};

struct Process {
  bool require_safety_code = true;  // kept by the tool that signs, before it asks
  bool require_reason = true;
  std::int64_t max_request_age_days = 30;
  std::int64_t max_skew_hours = 48;  // of the clock of an offline machine
  bool unattended = false;           // may a signature be made with no person to look?
  bool operator==(const Process&) const = default;
};

struct SigningPolicy {
  static constexpr std::string_view kType = "x-policy";
  static constexpr std::size_t kMaxBytes = 512 * 1024;  // custodians are 200 bytes each

  Label repository;
  metadata::Version version;
  metadata::UtcTime expires;
  bool is_lab;  // for rehearsals, demos and tests: a production repository refuses it
  // By "root", "targets", "snapshot", "timestamp", the name of a delegated role, a prefix with a star ("releases.*"), or
  // "delegated:*" for all that nothing else names. The four and "delegated:*" are always there.
  std::map<std::string, RoleLimits, std::less<>> roles = {};
  DelegationLimits delegations = {};
  Algorithms algorithms = {};
  KeyDemands keys = {};
  Process process = {};
  std::map<metadata::KeyId, Custodian> custodians = {};
  std::vector<Waiver> waivers = {};

  // parse reads the "signed" part. Errors: E_PARSE, naming the member, also for limits that contradict each other: a
  // timestamp that is published with less than half of its life left (72 hours are always enough), unless is_lab.
  static Result<SigningPolicy> parse(const json::Value& signed_part);
  json::Value to_json() const;
  // digest is the SHA-256 of the canonical form, that which root's keys sign: how requests name a policy.
  Sha256 digest() const;

  // standard is policies/default.toml, lab is policies/lab.toml. Both are of the repository "unnamed" and expired in 1970:
  // nobody signs under one by accident.
  static SigningPolicy standard();
  static SigningPolicy lab();

  const RoleLimits& limits(metadata::TopRole role) const;
  // limits of a targets role: by its name, else by the longest prefix that fits, else "delegated:*".
  const RoleLimits& limits(const metadata::RoleName& role) const;
  // custodian gives null for a key that nobody is named for.
  const Custodian* custodian(const metadata::KeyId& keyid) const;

  bool operator==(const SigningPolicy&) const = default;
};

}  // namespace tenon::policies
