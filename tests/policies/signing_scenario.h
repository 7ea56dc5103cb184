// A company that signs as the standard policy wants it: five people hold root, three targets, two each releases; a server
// holds the rest. Everything is in order; tests spoil one thing.
#pragma once

#include <tenon/policies/signing_rules.h>

#include <string>
#include <vector>

#include <tests/support/test_key.h>

namespace tenon::policies {

using metadata::KeyMap;
using metadata::RoleKeys;
using metadata::RoleName;
using metadata::Root;
using metadata::Targets;
using metadata::TopRole;
using metadata::UtcTime;
using metadata::Version;
using tests::KeyKind;
using tests::role_keys;
using tests::TestKey;

inline const UtcTime kNow = *UtcTime::parse("2026-11-28T12:00:00Z");
inline constexpr std::int64_t kDay = 86'400;
inline const std::string kNonce = "ceremony of November";

inline UtcTime in_days(std::int64_t days) {
  return kNow.plus_seconds(days * kDay);
}

inline std::vector<TestKey> keys_from(std::uint32_t first, std::size_t count) {
  return tests::test_keys(first, count);
}

inline const std::vector<TestKey> kRootKeys = keys_from(1, 5);
inline const TestKey kNewRootKey{6};  // of the same person as the fifth
inline const std::vector<TestKey> kTargetsKeys = keys_from(11, 3);
inline const std::vector<TestKey> kReleaseKeys = keys_from(21, 2);
inline const TestKey kRolloutKey{31};
inline const TestKey kOnlineKey{32};

inline void list(KeyMap& keys, const std::vector<TestKey>& more) {
  for (const TestKey& key : more) keys.insert_or_assign(key.keyid(), key.public_key());
}

// The keys of a role, and that they are listed.
inline void set_role(Root& root, TopRole role, const std::vector<TestKey>& keys, std::int64_t threshold) {
  list(root.keys, keys);
  root.roles.insert_or_assign(role, role_keys(keys, threshold));
}

inline Root first_root() {
  Root root{.header = {.version = Version::first(), .expires = in_days(20)}, .keys = {}, .roles = {}};
  set_role(root, TopRole::kRoot, kRootKeys, 3);
  set_role(root, TopRole::kTargets, kTargetsKeys, 2);
  set_role(root, TopRole::kSnapshot, {kOnlineKey}, 1);
  set_role(root, TopRole::kTimestamp, {kOnlineKey}, 1);
  return root;
}

inline std::vector<TestKey> rotated_root_keys() {
  std::vector<TestKey> keys = kRootKeys;
  keys.back() = kNewRootKey;
  return keys;
}

inline Root second_root() {
  Root root = first_root();
  root.header = {.version = *Version::create(2), .expires = in_days(365)};
  set_role(root, TopRole::kRoot, rotated_root_keys(), 3);
  root.keys.erase(kRootKeys.back().keyid());
  return root;
}

inline Custodian custodian(const std::string& name, const std::string& organisation) {
  return {.name = name,
          .organisation = organisation,
          .contact = "",
          .since = *UtcTime::parse("2026-01-01T00:00:00Z"),
          .token = ""};
}

inline SigningPolicy company_policy() {
  SigningPolicy policy = SigningPolicy::standard();
  policy.repository = *Label::parse("camera-fw");
  policy.expires = in_days(300);
  const std::vector<std::string> people = {"Alice", "Bob", "Carol", "Dan", "Erin"};
  for (std::size_t i = 0; i < people.size(); ++i) {
    policy.custodians.emplace(kRootKeys[i].keyid(), custodian(people[i], i < 3 ? "Acme" : "Notary"));
  }
  policy.custodians.emplace(kNewRootKey.keyid(), custodian("Erin", "Notary"));
  for (const TestKey& key : kTargetsKeys)
    policy.custodians.emplace(key.keyid(), custodian("t" + key.keyid().brief(), "Acme"));
  for (const TestKey& key : kReleaseKeys)
    policy.custodians.emplace(key.keyid(), custodian("r" + key.keyid().brief(), "Acme"));
  for (const TestKey& key : {kRolloutKey, kOnlineKey}) {
    policy.custodians.emplace(key.keyid(), custodian("server " + key.keyid().brief(), "Acme"));
  }
  return policy;
}

inline KeyFacts token_key() {
  return {.token = TokenFacts{.label = "root",
                              .manufacturer = "Yubico",
                              .model = "YubiKey YK5      ",
                              .serial = "1",
                              .local = true,
                              .never_extractable = true},
          .possession = Possession{.nonce = kNonce, .made = in_days(-1)}};
}

inline SigningFacts facts_of(Document document) {
  SigningFacts facts{.occasion = Occasion::kSign,
                     .now = kNow,
                     .root = first_root(),
                     .policy = company_policy(),
                     .policy_sha256 = Sha256::of(as_bytes("policy")),
                     .document = std::move(document)};
  facts.request = RequestFacts{
      .created = in_days(-2), .not_after = in_days(20), .policy_sha256 = facts.policy_sha256, .nonce = kNonce};
  facts.audit_log_intact = true;
  const auto know = [&](const std::vector<TestKey>& keys) {
    for (const TestKey& key : keys) facts.keys.emplace(key.keyid(), token_key());
  };
  know(kRootKeys);
  know({kNewRootKey, kRolloutKey, kOnlineKey});
  know(kTargetsKeys);
  know(kReleaseKeys);
  return facts;
}

// Root 2: Erin has a new token.
inline SigningFacts root_rotation() {
  SigningFacts facts = facts_of(RootDocument{first_root(), second_root()});
  const std::string added = "roles/root/keys/+" + kNewRootKey.keyid().brief();
  const std::string removed = "roles/root/keys/-" + kRootKeys.back().keyid().brief();
  facts.changes = {{Weight::kPower, added, "Erin's new key signs root"},
                   {Weight::kPower, removed, "Erin's old key does not"},
                   {Weight::kRoutine, "version", "1 -> 2"},
                   {Weight::kRoutine, "expires", "a year on"}};
  facts.reasons = {{"roles/root/keys", "Erin has a new token"}};
  facts.signatures = {{kRootKeys[0].keyid(), std::string(128, 'a')}, {kNewRootKey.keyid(), std::string(128, 'b')}};
  return facts;
}

inline metadata::DelegatedRole delegation(const std::string& name, const std::string& pattern,
                                          const std::vector<TestKey>& keys, std::int64_t threshold) {
  return {.name = *RoleName::parse_delegated(name),
          .keys = role_keys(keys, threshold),
          .paths = {.patterns = std::vector{*metadata::PathPattern::parse(pattern)}},
          .terminating = true};
}

inline metadata::TargetEntry entry_of(std::string_view content) {
  return {.length = content.size(), .hashes = {.sha256 = Sha256::of(as_bytes(content)), .sha512 = {}}};
}

inline Targets company_targets(std::int64_t version) {
  Targets targets{.header = {.version = *Version::create(version), .expires = in_days(180 + version)}};
  targets.targets = {{"notes/1.txt", entry_of("one")}, {"notes/2.txt", entry_of("two")}};
  metadata::Delegations delegations{.keys = {}};
  list(delegations.keys, kReleaseKeys);
  list(delegations.keys, {kRolloutKey});
  delegations.roles = {delegation("releases.camera", "camera/releases/*/*", kReleaseKeys, 2),
                       delegation("rollout.camera", "camera/channels/*", {kRolloutKey}, 1)};
  targets.delegations = std::move(delegations);
  return targets;
}

// Targets 2: a file more.
inline SigningFacts targets_update() {
  const Root root = first_root();
  TargetsDocument document{.role = RoleName::targets(),
                           .before = company_targets(1),
                           .after = company_targets(2),
                           .keys = root.keys,
                           .holders = root.role(TopRole::kTargets)};
  document.after.targets.emplace("notes/3.txt", entry_of("three"));
  document.children = {{*RoleName::parse_delegated("releases.camera"), true},
                       {*RoleName::parse_delegated("rollout.camera"), true}};
  SigningFacts facts = facts_of(std::move(document));
  facts.changes = {{Weight::kContent, "targets/notes/3.txt", "new"}, {Weight::kRoutine, "version", "1 -> 2"}};
  facts.reasons = {{"targets/notes", "release notes of 3"}};
  facts.signatures = {{kTargetsKeys[0].keyid(), std::string(128, 'a')}};
  return facts;
}

// Policy 2: a custodian has moved.
inline SigningFacts policy_update() {
  SigningPolicy after = company_policy();
  after.version = *Version::create(2);
  SigningFacts facts = facts_of(PolicyDocument{company_policy(), after});
  facts.changes = {{Weight::kRoutine, "version", "1 -> 2"}};
  return facts;
}

// Timestamp 8 is about to be published.
inline SigningFacts timestamp_publishing() {
  SigningFacts facts = facts_of(OnlineDocument{
      .role = TopRole::kTimestamp, .before = *Version::create(7), .after = *Version::create(8), .expires = in_days(7)});
  facts.occasion = Occasion::kPublish;
  facts.request.reset();
  facts.signatures = {{kOnlineKey.keyid(), std::string(128, 'a')}};
  return facts;
}

// What a test spoils.
inline RootDocument& root_of(SigningFacts& facts) {
  return std::get<RootDocument>(facts.document);
}
inline TargetsDocument& targets_of(SigningFacts& facts) {
  return std::get<TargetsDocument>(facts.document);
}
inline std::vector<metadata::DelegatedRole>& delegated_of(SigningFacts& facts) {
  return targets_of(facts).after.delegations->roles;
}

}  // namespace tenon::policies
