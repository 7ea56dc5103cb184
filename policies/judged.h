// What the signing rules look at, made from the facts once for each question: the roles that a document names or that may
// sign it, their keys, and the file itself with its version and expiry.
// Thread: values; they point into the facts, which must outlive them.
#pragma once

#include <tenon/policies/signing_facts.h>

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::policies {

// JudgedRole is a role with its keys, as the document grants it (or, for the role that signs the document, as it was
// granted).
struct JudgedRole {
  std::string place;  // "roles/root", "delegations/releases.demo"
  std::string name;
  const RoleLimits* limits;
  const metadata::RoleKeys* keys;
  const metadata::KeyMap* key_map;
  const metadata::RoleKeys* before;        // null when the document makes the role
  const metadata::KeyMap* key_map_before;  // null when there was none
};

std::vector<JudgedRole> judged_roles(const SigningFacts& facts);

struct JudgedKey {
  std::string place;  // "roles/root/keys/4f5c6a7b"
  const metadata::KeyId* keyid;
  const metadata::PublicKey* key;
  bool is_added;  // to this role
  bool is_new;    // the document before did not know it at all
};

// keys_of leaves out keyids that no key is listed for.
std::vector<JudgedKey> keys_of(const JudgedRole& role);
// all_keys are those of all roles, each keyid once, under "keys/4f5c6a7b".
std::vector<JudgedKey> all_keys(const SigningFacts& facts);

// materials are the distinct keys of a role that can verify here: its votes.
std::set<metadata::KeyMaterial> materials(const JudgedRole& role);

// JudgedFile is the document as a file: who limits its life, and what came before it.
struct JudgedFile {
  std::string name;
  const RoleLimits* limits;
  metadata::Version version;
  metadata::UtcTime expires;
  std::optional<metadata::Version> version_before = {};
  std::optional<metadata::UtcTime> expired_before = {};  // when the one before ends
  bool counts_by_one = false;                            // root and policy: each version follows the one before
};

JudgedFile judged_file(const SigningFacts& facts);

// signers are the keys that may stand in the file's signatures. Nothing when they are not known.
std::optional<metadata::KeyMap> signers(const SigningFacts& facts);

// is_declared is true when a reason was given for a place or for one that holds it, of at least `least_parts` parts.
bool is_declared(const SigningFacts& facts, std::string_view place, std::size_t least_parts);

// Breaches collects those of one rule: the first kMaxShown, then how many more there are.
class Breaches {
 public:
  static constexpr std::size_t kMaxShown = 50;  // of 50,000 targets, say, no person reads more

  void add(std::string place, std::string expected, std::string found, std::optional<Severity> severity = {});
  std::vector<Breach> take() &&;

 private:
  std::vector<Breach> shown_;
  std::size_t left_out_ = 0;
  bool left_out_by_rule_ = false;  // one of them has the severity of the rule
  std::optional<Severity> worst_left_out_;
};

inline constexpr std::int64_t kHourSeconds = 3'600;
inline constexpr std::int64_t kDaySeconds = 24 * kHourSeconds;

std::int64_t seconds_between(metadata::UtcTime from, metadata::UtcTime to);
std::string days_text(std::int64_t seconds);  // "400 days", "36 hours"

}  // namespace tenon::policies
