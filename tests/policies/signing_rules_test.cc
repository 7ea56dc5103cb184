// Every signing rule: where it holds, where it breaks, and what a waiver does about it. A row spoils one thing of a company
// that has everything in order.
#include <algorithm>
#include <functional>
#include <set>

#include <gtest/gtest.h>
#include <tests/policies/signing_scenario.h>
#include <tests/support/json_edit.h>

namespace tenon::policies {
namespace {

using metadata::KeyId;
using metadata::PublicKey;
using metadata::Threshold;

struct Row {
  const char* rule;
  const char* story;
  SigningFacts (*good)();
  Severity severity;
  std::string place;  // of the first finding
  std::function<void(SigningFacts&)> spoil;
};

Threshold threshold(std::int64_t value) {
  return *Threshold::create(value);
}

// Root with these keys in place of the rotated ones.
void set_root_keys(SigningFacts& facts, const std::vector<TestKey>& keys, std::int64_t count) {
  set_role(root_of(facts).after, TopRole::kRoot, keys, count);
}

// The root key at that place is this one, under its own keyid unless said.
void replace_root_key(SigningFacts& facts, std::size_t place, const TestKey& key) {
  std::vector<TestKey> keys = rotated_root_keys();
  keys[place] = key;
  set_root_keys(facts, keys, 3);
}

json::Value key_object(const std::string& keytype, const std::string& scheme, const std::string& text) {
  json::Object keyval;
  keyval.set("public", text);
  json::Object key;
  key.set("keytype", keytype);
  key.set("scheme", scheme);
  key.set("keyval", std::move(keyval));
  return key;
}

TestKey respelled(const TestKey& key, const std::function<void(json::Object&)>& edit) {
  json::Object object = *key.public_key().value().object();
  edit(object);
  return key.spelled(object);
}

std::string public_of(const TestKey& key) {
  return *tests::at(key.public_key().value(), {"keyval", "public"}).string();
}

// A root under which post-quantum keys are due, and there.
SigningFacts post_quantum_root() {
  SigningFacts facts = root_rotation();
  facts.policy.algorithms.pq_required_from = in_days(-1);
  const PublicKey key = *PublicKey::parse(key_object("ml-dsa", "ml-dsa-65/1", "not decoded here"));
  Root& root = root_of(facts).after;
  root.keys.emplace(key.hash_keyid(), key);
  root.roles.at(TopRole::kRoot).keyids.push_back(key.hash_keyid());
  return facts;
}

SigningFacts published_post_quantum_root() {
  SigningFacts facts = post_quantum_root();
  facts.occasion = Occasion::kPublish;
  facts.signatures.push_back({root_of(facts).after.role(TopRole::kRoot).keyids.back(), "ab"});
  return facts;
}

SigningFacts rehearsal() {
  SigningFacts facts = root_rotation();
  facts.rehearsal = true;
  root_of(facts).after.header.expires = in_days(1);
  return facts;
}

SigningFacts looked_at() {
  SigningFacts facts = root_rotation();
  facts.occasion = Occasion::kDraft;
  facts.request.reset();
  return facts;
}

const std::string kNewKeyPlace = "roles/root/keys/" + kNewRootKey.keyid().brief();
constexpr Severity kE = Severity::kError;
constexpr Severity kW = Severity::kWarning;

void add_key_rows(std::vector<Row>& rows) {
  static const TestKey kP256(41, KeyKind::kP256);
  static const TestKey kP384(42, KeyKind::kP384);
  static const TestKey kRsa(43, KeyKind::kRsa);
  const auto in_root = [](const TestKey& key) {
    return [key](SigningFacts& facts) { replace_root_key(facts, 4, key); };
  };
  const auto place_of = [](const TestKey& key) { return "keys/" + key.keyid().brief(); };
  rows.push_back({"P12", "a scheme that is not allowed", root_rotation, kE, place_of(kP384), in_root(kP384)});
  rows.push_back({"P12", "a scheme that nobody knows", root_rotation, kE, "keys/" + kNewRootKey.keyid().brief(),
                  [](SigningFacts& facts) {
                    facts.policy.algorithms.allow = {"ed25519", "x"};
                    root_of(facts).after.keys.insert_or_assign(kNewRootKey.keyid(),
                                                               *PublicKey::parse(key_object("x", "x", "x")));
                  }});
  rows.push_back({"P12", "a scheme that the oldest client does not know", root_rotation, kE,
                  "keys/" + kNewRootKey.keyid().brief(), [](SigningFacts& facts) {
                    root_of(facts).after.keys.insert_or_assign(
                        kNewRootKey.keyid(), *PublicKey::parse(key_object("ml-dsa", "ml-dsa-65/1", "x")));
                  }});
  const TestKey wrong_curve = respelled(kP384, [](json::Object& key) { key.set("scheme", "ecdsa-sha2-nistp256"); });
  rows.push_back(
      {"P12", "a curve that is not the scheme's", root_rotation, kE, place_of(wrong_curve), in_root(wrong_curve)});
  rows.push_back({"P13", "RSA of fewer bits than the policy wants", root_rotation, kE, place_of(kRsa),
                  [in_root](SigningFacts& facts) {
                    in_root(kRsa)(facts);
                    facts.policy.algorithms.rsa_min_bits = 8192;
                  }});
  rows.push_back({"P14", "a keyid that is a name", root_rotation, kE, "keys/erin", in_root(kNewRootKey.named("erin"))});
  const TestKey owned = respelled(kP256, [](json::Object& key) { key.set("x-owner", "Erin"); });
  rows.push_back({"P15", "an owner in the key object", root_rotation, kE, place_of(owned), in_root(owned)});
  const TestKey trimmed = respelled(kP256, [](json::Object& key) {
    const std::string pem = public_of(kP256);
    key.set("keyval", *key_object("", "", pem.substr(0, pem.size() - 1)).object()->find("keyval"));
  });
  rows.push_back({"P15", "a PEM without its last line feed", root_rotation, kE, place_of(trimmed), in_root(trimmed)});
  const TestKey legacy = respelled(kP256, [](json::Object& key) { key.set("keytype", "ecdsa-sha2-nistp256"); });
  rows.push_back({"P16", "an old keytype", root_rotation, kW, place_of(legacy), in_root(legacy)});
  rows.push_back({"P16", "an old keytype that the policy denies", root_rotation, kE, place_of(legacy),
                  [in_root, legacy](SigningFacts& facts) {
                    facts.policy.algorithms.legacy_keytypes = LegacyKeys::kDeny;
                    in_root(legacy)(facts);
                  }});
  rows.push_back({"P32", "no post-quantum key when one is due", post_quantum_root, kW, "roles/root/keys",
                  [](SigningFacts& facts) { root_of(facts).after.roles.at(TopRole::kRoot).keyids.pop_back(); }});
  rows.push_back({"P32", "published without a post-quantum signature", published_post_quantum_root, kW, "signatures",
                  [](SigningFacts& facts) { facts.signatures.pop_back(); }});
  rows.push_back({"P33", "a key of six years", root_rotation, kW, kNewKeyPlace, [](SigningFacts& facts) {
                    facts.policy.custodians.at(kNewRootKey.keyid()).since = in_days(-6 * 365);
                  }});
  rows.push_back({"P33", "an online key whose age nobody wrote down", targets_update, kW,
                  "delegations/rollout.camera/keys/" + kRolloutKey.keyid().brief(),
                  [](SigningFacts& facts) { facts.policy.custodians.erase(kRolloutKey.keyid()); }});
}

void add_token_rows(std::vector<Row>& rows) {
  const auto token = [](SigningFacts& facts) -> TokenFacts& { return *facts.keys.at(kNewRootKey.keyid()).token; };
  rows.push_back({"P17", "a key in a file", root_rotation, kE, kNewKeyPlace,
                  [](SigningFacts& facts) { facts.keys.at(kNewRootKey.keyid()).token.reset(); }});
  rows.push_back({"P17", "a new key of which nothing is known", root_rotation, kE, kNewKeyPlace,
                  [](SigningFacts& facts) { facts.keys.erase(kNewRootKey.keyid()); }});
  rows.push_back({"P17", "a key that was imported", root_rotation, kE, kNewKeyPlace,
                  [token](SigningFacts& facts) { token(facts).local = false; }});
  rows.push_back({"P17", "a key that could leave its token", root_rotation, kE, kNewKeyPlace,
                  [token](SigningFacts& facts) { token(facts).never_extractable = false; }});
  rows.push_back({"P18", "a software token", root_rotation, kE, "keys/" + kNewRootKey.keyid().brief(),
                  [token](SigningFacts& facts) { token(facts).model = "SoftHSM v2      "; }});
  const std::string new_key = "keys/" + kNewRootKey.keyid().brief();
  rows.push_back({"P20", "a new key without a proof", root_rotation, kE, new_key,
                  [](SigningFacts& facts) { facts.keys.at(kNewRootKey.keyid()).possession.reset(); }});
  rows.push_back({"P20", "a proof for another ceremony", root_rotation, kE, new_key, [](SigningFacts& facts) {
                    facts.keys.at(kNewRootKey.keyid()).possession->nonce = "ceremony of May";
                  }});
  rows.push_back({"P20", "a request that names no ceremony, and a proof for none", root_rotation, kE, new_key,
                  [](SigningFacts& facts) {
                    facts.request->nonce.clear();
                    facts.keys.at(kNewRootKey.keyid()).possession->nonce.clear();
                  }});
  rows.push_back({"P21", "one custodian who was not drilled", root_rotation, kW,
                  "roles/root/keys/" + kRootKeys[0].keyid().brief(),
                  [](SigningFacts& facts) { facts.keys.at(kRootKeys[0].keyid()).possession->made = in_days(-201); }});
  rows.push_back({"P21", "a custodian whose proof is of the future", root_rotation, kW,
                  "roles/root/keys/" + kRootKeys[0].keyid().brief(),
                  [](SigningFacts& facts) { facts.keys.at(kRootKeys[0].keyid()).possession->made = in_days(30); }});
}

void add_role_rows(std::vector<Row>& rows) {
  rows.push_back({"P01", "root of four keys", root_rotation, kE, "roles/root/keys", [](SigningFacts& facts) {
                    set_root_keys(facts, {kRootKeys[0], kRootKeys[1], kRootKeys[2], kNewRootKey}, 2);
                  }});
  rows.push_back({"P02", "root with a threshold of 2", root_rotation, kE, "roles/root/threshold",
                  [](SigningFacts& facts) { set_root_keys(facts, rotated_root_keys(), 2); }});
  rows.push_back({"P02", "root with one key to spare", root_rotation, kE, "roles/root/threshold",
                  [](SigningFacts& facts) { set_root_keys(facts, rotated_root_keys(), 4); }});
  rows.push_back({"P03", "targets that one key can sign", root_rotation, kE, "roles/targets/threshold",
                  [](SigningFacts& facts) { set_role(root_of(facts).after, TopRole::kTargets, kTargetsKeys, 1); }});
  rows.push_back({"P03", "a release role that one key can sign", targets_update, kE,
                  "delegations/releases.camera/threshold",
                  [](SigningFacts& facts) { delegated_of(facts)[0].keys.threshold = threshold(1); }});
  rows.push_back(
      {"P03", "another delegation of one key", targets_update, kE, "delegations/maps/keys",
       [](SigningFacts& facts) { delegated_of(facts).push_back(delegation("maps", "maps/*", {kReleaseKeys[0]}, 1)); }});
  rows.push_back(
      {"P04", "a threshold above the number of keys", root_rotation, kE, "roles/targets/threshold",
       [](SigningFacts& facts) { root_of(facts).after.roles.at(TopRole::kTargets).threshold = threshold(4); }});
  rows.push_back({"P04", "one key under two names", root_rotation, kE, "roles/root/keys/erin", [](SigningFacts& facts) {
                    std::vector<TestKey> keys = rotated_root_keys();
                    keys.push_back(kNewRootKey.named("erin"));
                    set_root_keys(facts, keys, 3);
                  }});
  rows.push_back({"P05", "two keys of one person", root_rotation, kE, kNewKeyPlace, [](SigningFacts& facts) {
                    facts.policy.custodians.at(kNewRootKey.keyid()) = custodian("Alice", "Acme");
                  }});
  rows.push_back({"P05", "a key of nobody", root_rotation, kE, kNewKeyPlace,
                  [](SigningFacts& facts) { facts.policy.custodians.erase(kNewRootKey.keyid()); }});
  rows.push_back({"P05", "fewer people than the threshold", targets_update, kE,
                  "delegations/releases.camera/keys/" + kReleaseKeys[1].keyid().brief(), [](SigningFacts& facts) {
                    facts.policy.custodians.at(kReleaseKeys[1].keyid()) =
                        facts.policy.custodians.at(kReleaseKeys[0].keyid());
                  }});
  rows.push_back(
      {"P06", "custodians of one organisation", root_rotation, kW, "roles/root/keys", [](SigningFacts& facts) {
         for (auto& [keyid, one] : facts.policy.custodians) one.organisation = "Acme";
       }});
  rows.push_back(
      {"P07", "a root key that signs targets too", root_rotation, kE, "roles/targets/keys", [](SigningFacts& facts) {
         set_role(root_of(facts).after, TopRole::kTargets, {kTargetsKeys[0], kTargetsKeys[1], kRootKeys[0]}, 2);
       }});
  rows.push_back({"P07", "a targets key that signs releases too", targets_update, kE,
                  "delegations/releases.camera/keys", [](SigningFacts& facts) {
                    list(targets_of(facts).after.delegations->keys, {kTargetsKeys[0]});
                    delegated_of(facts)[0].keys = role_keys({kReleaseKeys[0], kTargetsKeys[0]}, 2);
                  }});
  rows.push_back(
      {"P19", "a server's key in targets", root_rotation, kE, "roles/targets/keys", [](SigningFacts& facts) {
         set_role(root_of(facts).after, TopRole::kTargets, {kTargetsKeys[0], kTargetsKeys[1], kOnlineKey}, 2);
       }});
  rows.push_back({"P19", "the CI's key in a release role", targets_update, kE, "delegations/releases.camera/keys",
                  [](SigningFacts& facts) {
                    delegated_of(facts)[0].keys = role_keys({kReleaseKeys[0], kRolloutKey}, 2);
                  }});
  rows.push_back({"P19", "the timestamp key in a release role", targets_update, kE, "delegations/releases.camera/keys",
                  [](SigningFacts& facts) {
                    list(targets_of(facts).after.delegations->keys, {kOnlineKey});
                    delegated_of(facts)[0].keys = role_keys({kReleaseKeys[0], kOnlineKey}, 2);
                  }});
}

void add_change_rows(std::vector<Row>& rows) {
  rows.push_back(
      {"P22", "three root keys replaced at once", root_rotation, kW, "roles/root/keys", [](SigningFacts& facts) {
         std::vector<TestKey> keys = keys_from(51, 3);
         keys.push_back(kRootKeys[0]);
         keys.push_back(kRootKeys[1]);
         set_root_keys(facts, keys, 3);
       }});
  rows.push_back(
      {"P23", "a lower threshold, declared", root_rotation, kW, "roles/targets/threshold", [](SigningFacts& facts) {
         root_of(facts).after.roles.at(TopRole::kTargets).threshold = threshold(1);
         facts.reasons.emplace("roles/targets/threshold", "one custodian has left");
       }});
  rows.push_back(
      {"P23", "a lower threshold that nobody declared", root_rotation, kE, "roles/targets/threshold",
       [](SigningFacts& facts) { root_of(facts).after.roles.at(TopRole::kTargets).threshold = threshold(1); }});
  rows.push_back(
      {"P23", "a policy that asks for less", policy_update, kE, "roles/targets/min_threshold", [](SigningFacts& facts) {
         std::get<PolicyDocument>(facts.document).after.roles.at("targets").min_threshold = 1;
       }});
  rows.push_back(
      {"P24", "an undeclared change of power", root_rotation, kE, "roles/targets/threshold", [](SigningFacts& facts) {
         facts.changes.push_back({Weight::kPower, "roles/targets/threshold", "2 -> 1"});
         facts.reasons.emplace("roles", "spring cleaning");  // covers too much to count
       }});
  rows.push_back({"P24", "an undeclared file", targets_update, kE, "targets/notes/3.txt", [](SigningFacts& facts) {
                    facts.reasons = {{"targets/maps", "maps"}};
                  }});
  rows.push_back({"P24", "a reason of blanks", root_rotation, kE, "roles/root/keys/+" + kNewRootKey.keyid().brief(),
                  [](SigningFacts& facts) {
                    facts.reasons = {{"roles/root/keys", "  "}};
                  }});
  rows.push_back({"P24", "a declared change that is not there", root_rotation, kE, "roles/targets/keys",
                  [](SigningFacts& facts) { facts.reasons.emplace("roles/targets/keys", "Bob has left"); }});
  rows.push_back({"P24", "a first root without a word", root_rotation, kE, "", [](SigningFacts& facts) {
                    root_of(facts).before.reset();
                    facts.reasons.clear();
                  }});
}

void add_lifetime_rows(std::vector<Row>& rows) {
  const auto expires = [](std::int64_t days) {
    return [days](SigningFacts& facts) { root_of(facts).after.header.expires = in_days(days); };
  };
  rows.push_back({"P08", "a root for two years", root_rotation, kE, "root/expires", expires(730)});
  rows.push_back({"P08", "a timestamp for a month", timestamp_publishing, kE, "timestamp/expires",
                  [](SigningFacts& facts) { std::get<OnlineDocument>(facts.document).expires = in_days(31); }});
  rows.push_back({"P09", "a root for two months", root_rotation, kE, "root/expires", expires(60)});
  rows.push_back({"P09", "a root that has expired", root_rotation, kE, "root/expires", expires(0)});
  rows.push_back({"P09", "a look at a root that has two months left", looked_at, kW, "root/expires", expires(60)});
  rows.push_back({"P10", "targets to be signed again in a month", targets_update, kW, "targets/expires",
                  [](SigningFacts& facts) { targets_of(facts).after.header.expires = in_days(30); }});
  rows.push_back({"P10", "a last root that was let expire", root_rotation, Severity::kInfo, "root/expires",
                  [](SigningFacts& facts) { root_of(facts).before->header.expires = in_days(-1); }});
  rows.push_back({"P11", "a root that skips a version", root_rotation, kE, "root/version",
                  [](SigningFacts& facts) { root_of(facts).after.header.version = *Version::create(3); }});
  rows.push_back({"P11", "targets of the same version", targets_update, kE, "targets/version",
                  [](SigningFacts& facts) { targets_of(facts).after.header.version = Version::first(); }});
  rows.push_back({"P11", "targets of version 2 without what came before", targets_update, kW, "targets/version",
                  [](SigningFacts& facts) { targets_of(facts).before.reset(); }});
  rows.push_back({"P11", "a first root of version 2", root_rotation, kE, "root/version",
                  [](SigningFacts& facts) { root_of(facts).before.reset(); }});
  rows.push_back({"P11", "a policy that goes back", policy_update, kE, "policy/version", [](SigningFacts& facts) {
                    std::get<PolicyDocument>(facts.document).after.version = Version::first();
                  }});
  rows.push_back({"P27", "no consistent snapshots", root_rotation, kE, "root/consistent_snapshot",
                  [](SigningFacts& facts) { root_of(facts).after.consistent_snapshot = false; }});
  rows.push_back({"P27", "another specification", targets_update, kE, "targets/spec_version",
                  [](SigningFacts& facts) { targets_of(facts).after.header.spec_version = "1.10.0"; }});
  rows.push_back({"P29", "a timestamp that ends in two days", timestamp_publishing, kE, "timestamp/expires",
                  [](SigningFacts& facts) { std::get<OnlineDocument>(facts.document).expires = in_days(2); }});
  rows.push_back({"P35", "a rehearsal that lives for a year", rehearsal, kE, "root/expires", expires(365)});
  rows.push_back({"P35", "a rehearsal that is published", rehearsal, kE, "root",
                  [](SigningFacts& facts) { facts.occasion = Occasion::kPublish; }});
}

void add_delegation_rows(std::vector<Row>& rows) {
  const auto paths = [](const char* pattern) {
    return [pattern](SigningFacts& facts) {
      delegated_of(facts)[1].paths.patterns = {*metadata::PathPattern::parse(pattern)};
    };
  };
  rows.push_back(
      {"P25", "a delegation of everything", targets_update, kE, "delegations/rollout.camera/paths", paths("*")});
  for (const char* wildcards : {"**", "*/*", "?*", "*/*/*", "*/**/?"}) {
    rows.push_back(
        {"P25", "nothing but wildcards", targets_update, kE, "delegations/rollout.camera/paths", paths(wildcards)});
  }
  rows.push_back({"P25", "a prefix that all digests have", targets_update, kE, "delegations/rollout.camera/paths",
                  [](SigningFacts& facts) { delegated_of(facts)[1].paths = {.hash_prefixes = {{""}}}; }});
  rows.push_back({"P25", "prefixes that leave no digest out", targets_update, kE, "delegations/bins/paths",
                  [](SigningFacts& facts) {
                    std::vector<std::string> all;
                    for (char digit : std::string("0123456789abcde")) all.emplace_back(1, digit);
                    for (char digit : std::string("0123456789abcdef")) all.push_back({'f', digit});
                    delegated_of(facts)[1].name = *metadata::RoleName::parse_delegated("bins");
                    delegated_of(facts)[1].paths = {.hash_prefixes = all};
                  }});
  rows.push_back({"P25", "a role for channels that speaks for more", targets_update, kE,
                  "delegations/rollout.camera/paths", paths("camera/tools/*")});
  rows.push_back({"P25", "bins of everything", targets_update, kE, "delegations", [](SigningFacts& facts) {
                    targets_of(facts).after.delegations->bins =
                        metadata::SuccinctRoles{.keys = role_keys(kReleaseKeys, 2), .name_prefix = "bin"};
                    delegated_of(facts).clear();
                  }});
  rows.push_back({"P25", "a pattern that clients cannot read", targets_update, kE, "delegations/rollout.camera/paths",
                  paths("camera/[")});
  rows.push_back({"P25", "two that may speak for a path", targets_update, kE, "delegations/rollout.camera/paths",
                  paths("camera/releases/1.0/release.json")});
  rows.push_back({"P25", "two whose overlap cannot be told", targets_update, kE, "delegations/rollout.camera/paths",
                  [](SigningFacts& facts) { delegated_of(facts)[1].paths = {.hash_prefixes = {{"0a"}}}; }});
  rows.push_back({"P25", "a delegation that does not terminate", targets_update, kE,
                  "delegations/releases.camera/terminating",
                  [](SigningFacts& facts) { delegated_of(facts)[0].terminating = false; }});
  rows.push_back({"P25", "a name that looks like another", targets_update, kE, "delegations/rele\xD0\xB0ses.camera",
                  [](SigningFacts& facts) {
                    delegated_of(facts)[0].name = *RoleName::parse_delegated("rele\xD0\xB0ses.camera");
                  }});
  rows.push_back({"P25", "delegations too deep", targets_update, kE, "delegations",
                  [](SigningFacts& facts) { targets_of(facts).depth = 2; }});
  const RoleName releases = *RoleName::parse_delegated("releases.camera");
  rows.push_back({"P26", "a child that no longer verifies", targets_update, kE, "delegations/releases.camera",
                  [releases](SigningFacts& facts) { targets_of(facts).children.at(releases) = false; }});
  rows.push_back({"P26", "a changed delegation without the child's metadata", targets_update, kW,
                  "delegations/releases.camera", [releases](SigningFacts& facts) {
                    targets_of(facts).children.erase(releases);
                    delegated_of(facts)[0].keys.threshold = threshold(1);
                  }});
  rows.push_back({"P28", "a file that is gone without a reason", targets_update, kW, "targets/notes/1.txt",
                  [](SigningFacts& facts) {
                    targets_of(facts).after.targets.erase("notes/1.txt");
                    facts.reasons.clear();
                  }});
  rows.push_back(
      {"P28", "a file that was exchanged", targets_update, kW, "targets/notes/1.txt", [](SigningFacts& facts) {
         targets_of(facts).after.targets.insert_or_assign("notes/1.txt", entry_of("other"));
         facts.reasons.clear();
       }});
  rows.push_back({"P28", "a file without the digest that is demanded", targets_update, kW, "targets/notes/1.txt",
                  [](SigningFacts& facts) { facts.policy.algorithms.hash_min = {"sha512"}; }});
}

void add_process_rows(std::vector<Row>& rows) {
  rows.push_back({"P30", "an empty signature", root_rotation, kE, "signatures/" + kRootKeys[0].keyid().brief(),
                  [](SigningFacts& facts) { facts.signatures[0].hex.clear(); }});
  rows.push_back({"P30", "a signature of a stranger", root_rotation, kE,
                  "signatures/" + kTargetsKeys[0].keyid().brief(), [](SigningFacts& facts) {
                    facts.signatures.push_back({kTargetsKeys[0].keyid(), "ab"});
                  }});
  rows.push_back({"P30", "two signatures of one keyid", root_rotation, kE, "signatures/" + kRootKeys[0].keyid().brief(),
                  [](SigningFacts& facts) { facts.signatures.push_back(facts.signatures[0]); }});
  rows.push_back({"P30", "two signatures of one key", root_rotation, kE, "signatures/erin", [](SigningFacts& facts) {
                    const TestKey twin = kNewRootKey.named("erin");
                    list(root_of(facts).after.keys, {twin});
                    root_of(facts).after.roles.at(TopRole::kRoot).keyids.push_back(twin.keyid());
                    facts.signatures.push_back({twin.keyid(), "ab"});
                  }});
  rows.push_back({"P30", "a timestamp whose signers nobody knows", timestamp_publishing, kE,
                  "signatures/" + kOnlineKey.keyid().brief(), [](SigningFacts& facts) { facts.root.reset(); }});
  rows.push_back(
      {"P31", "no request", root_rotation, kE, "request", [](SigningFacts& facts) { facts.request.reset(); }});
  rows.push_back({"P31", "a request of last month", root_rotation, kE, "request/created",
                  [](SigningFacts& facts) { facts.request->created = in_days(-33); }});
  rows.push_back({"P31", "a request of next week", root_rotation, kE, "request/created",
                  [](SigningFacts& facts) { facts.request->created = in_days(3); }});
  rows.push_back({"P31", "a request that has ended", root_rotation, kE, "request/not_after",
                  [](SigningFacts& facts) { facts.request->not_after = kNow; }});
  rows.push_back({"P31", "a request under another policy", root_rotation, kE, "request/policy_sha256",
                  [](SigningFacts& facts) { facts.request->policy_sha256 = Sha256::of(as_bytes("other")); }});
  rows.push_back({"P31", "a policy that has expired", timestamp_publishing, kE, "policy/expires",
                  [](SigningFacts& facts) { facts.policy.expires = kNow; }});
  rows.push_back({"P34", "a log that is broken", root_rotation, kE, "audit",
                  [](SigningFacts& facts) { facts.audit_log_intact = false; }});
  rows.push_back({"P36", "a script that signs", root_rotation, kE, "request",
                  [](SigningFacts& facts) { facts.unattended = true; }});
}

std::vector<Row> all_rows() {
  std::vector<Row> rows;
  add_key_rows(rows);
  add_token_rows(rows);
  add_role_rows(rows);
  add_change_rows(rows);
  add_lifetime_rows(rows);
  add_delegation_rows(rows);
  add_process_rows(rows);
  return rows;
}

std::vector<Finding> findings_of(const Judgement& judgement, std::string_view rule) {
  std::vector<Finding> found;
  std::ranges::copy_if(judgement.findings, std::back_inserter(found),
                       [&](const Finding& finding) { return finding.rule == rule; });
  return found;
}

std::string text_of(const std::vector<Finding>& findings) {
  std::string text;
  for (const Finding& finding : findings) {
    text += finding.rule + " " + finding.breach.place + ": " + finding.breach.expected + " / " + finding.breach.found +
            "\n";
  }
  return text;
}

bool was_asked(const Judgement& judgement, std::string_view rule) {
  return std::ranges::find(judgement.asked, rule) != judgement.asked.end();
}

TEST(SigningRules, FindNothingWhereEverythingIsInOrder) {
  for (const auto& good : {root_rotation, targets_update, policy_update, timestamp_publishing, rehearsal, looked_at}) {
    const Judgement judgement = judge(good());
    EXPECT_TRUE(judgement.findings.empty()) << text_of(judgement.findings);
    EXPECT_FALSE(judgement.refused());
    EXPECT_TRUE(judgement.needs_acknowledgement().empty());
  }
}

TEST(SigningRules, AreAllTested) {
  std::set<std::string_view> tested;
  for (const Row& row : all_rows()) tested.insert(row.rule);
  std::set<std::string_view> known;
  for (const SigningRule& rule : signing_rules()) known.insert(rule.id);
  EXPECT_EQ(tested, known);
  EXPECT_EQ(known.size(), 36u);
}

TEST(SigningRules, HoldWhereNothingIsSpoiled) {
  for (const Row& row : all_rows()) {
    const Judgement judgement = judge(row.good());
    EXPECT_TRUE(was_asked(judgement, row.rule)) << row.rule << ": before " << row.story;
    EXPECT_EQ(text_of(findings_of(judgement, row.rule)), "") << row.rule << ": before " << row.story;
  }
}

TEST(SigningRules, BreakWhereOneThingIsSpoiled) {
  for (const Row& row : all_rows()) {
    SigningFacts facts = row.good();
    row.spoil(facts);
    const Judgement judgement = judge(facts);
    const std::vector<Finding> found = findings_of(judgement, row.rule);
    ASSERT_FALSE(found.empty()) << row.rule << ": " << row.story;
    EXPECT_EQ(found.front().breach.place, row.place) << row.rule << ": " << row.story;
    EXPECT_EQ(found.front().severity, row.severity) << row.rule << ": " << row.story;
    EXPECT_FALSE(found.front().breach.expected.empty() || found.front().breach.found.empty()) << row.story;
    EXPECT_TRUE(judgement.refused() || row.severity != Severity::kError) << row.rule << ": " << row.story;
    const std::vector<std::string> warned = judgement.needs_acknowledgement();
    EXPECT_EQ(std::ranges::find(warned, row.rule) != warned.end(), row.severity == Severity::kWarning) << row.story;
  }
}

TEST(SigningRules, AreSuspendedByAWaiverUntilItEnds) {
  for (const Row& row : all_rows()) {
    SigningFacts facts = row.good();
    row.spoil(facts);
    const std::size_t count = findings_of(judge(facts), row.rule).size();
    facts.policy.waivers = {{row.rule, kNow.plus_seconds(1), "we know", {kRootKeys[0].keyid()}}};
    const Judgement waived = judge(facts);
    const std::vector<Finding> found = findings_of(waived, row.rule);
    EXPECT_EQ(found.size(), count) << "still shown, " << row.rule << ": " << row.story;
    for (const Finding& finding : found) EXPECT_EQ(finding.waiver, facts.policy.waivers.front()) << row.story;
    const std::vector<std::string> warned = waived.needs_acknowledgement();
    EXPECT_EQ(std::ranges::find(warned, row.rule), warned.end()) << row.rule << ": " << row.story;

    facts.policy.waivers.front().until = kNow;
    const std::vector<Finding> after = findings_of(judge(facts), row.rule);
    ASSERT_FALSE(after.empty());
    EXPECT_FALSE(after.front().waiver) << row.rule << ": " << row.story;
    EXPECT_EQ(after.front().lapsed, facts.policy.waivers.front()) << row.rule << ": " << row.story;
    EXPECT_TRUE(judge(facts).refused() || row.severity != Severity::kError) << row.rule << ": " << row.story;
  }
}

TEST(SigningRules, RefuseARootThatFewerThanTheThresholdAndOneAreKnownToBeAbleToChange) {
  SigningFacts facts = root_rotation();
  for (const std::size_t undrilled : {0u, 1u}) facts.keys.at(kRootKeys[undrilled].keyid()).possession.reset();
  const std::vector<Finding> found = findings_of(judge(facts), "P21");
  ASSERT_EQ(found.size(), 3u);
  EXPECT_EQ(found.back().severity, Severity::kError);
  EXPECT_EQ(found.back().breach.found, "3");
}

TEST(SigningRules, AskNothingAboutRequestsTokensAndReasonsOfADocumentThatIsOnlyLookedAt) {
  SigningFacts facts = looked_at();
  facts.keys.clear();
  facts.reasons.clear();
  facts.audit_log_intact = false;
  facts.unattended = true;
  const Judgement judgement = judge(facts);
  EXPECT_EQ(text_of(judgement.findings), "");
  for (const char* rule : {"P18", "P20", "P21", "P24", "P34", "P36"}) EXPECT_FALSE(was_asked(judgement, rule)) << rule;
}

TEST(SigningRules, LetOnePersonSignWithTwoTokensInTwoRoots) {
  SigningFacts facts = root_rotation();
  facts.policy.custodians.at(kNewRootKey.keyid()) = facts.policy.custodians.at(kRootKeys.back().keyid());
  facts.signatures.push_back({kRootKeys.back().keyid(), "ab"});
  EXPECT_EQ(text_of(judge(facts).findings), "");
}

TEST(SigningRules, AllowShorterTimestampsThatLeaveHalfOfTheirLife) {
  SigningFacts facts = timestamp_publishing();
  facts.policy.roles.at("timestamp").max_expiry_days = 1;
  facts.policy.roles.at("timestamp").min_remaining_hours_at_publish = 12;
  std::get<OnlineDocument>(facts.document).expires = kNow.plus_seconds(13 * 3600);
  EXPECT_EQ(text_of(judge(facts).findings), "");
  std::get<OnlineDocument>(facts.document).expires = kNow.plus_seconds(11 * 3600);
  EXPECT_EQ(findings_of(judge(facts), "P29").size(), 1u);
}

TEST(SigningRules, AllowOverlappingPathsWhereThePolicySaysSo) {
  SigningFacts facts = targets_update();
  delegated_of(facts)[1].paths.patterns = {*metadata::PathPattern::parse("camera/channels/*")};
  delegated_of(facts)[0].paths.patterns = {*metadata::PathPattern::parse("camera/releases/1/*"),
                                           *metadata::PathPattern::parse("camera/releases/*/*")};
  facts.policy.delegations.allow_overlap = true;
  EXPECT_EQ(text_of(findings_of(judge(facts), "P25")), "");
}

// Book: KEYT-08
TEST(SigningRules, CountWhatIsTooMuchToReadAndHideNoChangeOfPowerBehindIt) {
  SigningFacts facts = targets_update();
  facts.reasons.clear();
  for (int i = 0; i < 50'000; ++i) {
    const std::string path = "many/" + std::to_string(i);
    targets_of(facts).before->targets.emplace(path, entry_of(path));
    facts.changes.push_back({Weight::kContent, "targets/" + path, "removed"});
  }
  facts.changes.push_back({Weight::kPower, "delegations/maps", "Mallory signs maps"});
  const Judgement judgement = judge(facts);
  for (const char* rule : {"P24", "P28"}) {
    const std::vector<Finding> found = findings_of(judgement, rule);
    ASSERT_EQ(found.size(), 51u) << rule;
    EXPECT_NE(found.back().breach.found.find(" more of the same rule"), std::string::npos);
  }
  EXPECT_EQ(findings_of(judgement, "P24").front().breach.place, "delegations/maps");
  EXPECT_TRUE(judgement.refused());
}

TEST(SigningRules, AskTheLabForNoMoreThanTheSpecification) {
  Root root{.header = {.version = Version::first(), .expires = in_days(365)}, .keys = {}, .roles = {}};
  set_role(root, TopRole::kRoot, {kRootKeys[0]}, 1);
  set_role(root, TopRole::kTargets, {kRootKeys[0]}, 1);
  for (const TopRole role : {TopRole::kSnapshot, TopRole::kTimestamp}) set_role(root, role, {kOnlineKey}, 1);
  SigningFacts facts{.occasion = Occasion::kSign,
                     .now = kNow,
                     .root = {},
                     .policy = SigningPolicy::lab(),
                     .policy_sha256 = {},
                     .document = RootDocument{{}, root}};
  facts.policy.expires = in_days(1);
  facts.request = RequestFacts{kNow, in_days(1), {}, ""};
  facts.audit_log_intact = true;
  EXPECT_EQ(text_of(judge(facts).findings), "");
  set_role(root_of(facts).after, TopRole::kTargets, {kOnlineKey}, 1);
  EXPECT_EQ(findings_of(judge(facts), "P19").size(), 2u) << "a server's key never signs targets, lab or not";
}

TEST(SigningRules, ExplainThemselves) {
  for (const SigningRule& rule : signing_rules()) {
    const std::string text = explain(rule);
    for (const std::string_view part :
         {rule.id, rule.title, rule.standard, rule.source, rule.explanation, rule.advice}) {
      EXPECT_FALSE(part.empty()) << rule.id;
      EXPECT_NE(text.find(part), std::string::npos) << rule.id;
    }
    EXPECT_EQ(find_signing_rule(rule.id), &rule);
  }
  EXPECT_EQ(find_signing_rule("P00"), nullptr);
}

}  // namespace
}  // namespace tenon::policies
