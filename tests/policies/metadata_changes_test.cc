#include <tenon/metadata/check.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/metadata_changes.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/policies/signing_scenario.h>

namespace tenon::policies {
namespace {

using metadata::DelegatedRole;
using metadata::Delegations;
using metadata::KeyId;
using metadata::PathPattern;
using metadata::PathSet;
using metadata::PublicKey;
using metadata::SuccinctRoles;
using metadata::Threshold;

std::string brief_name(const KeyId& keyid, const PublicKey*) {
  return keyid.brief();
}

std::vector<Change> changes_of(const Root& before, const Root& after) {
  return root_changes(&before, after, brief_name);
}
std::vector<Change> changes_of(const Targets& before, const Targets& after) {
  return targets_changes(&before, after, brief_name);
}

std::string text_of(const std::vector<Change>& changes) {
  std::string text;
  for (const Change& change : changes) {
    text += std::string(to_string(change.weight)) + " " + change.place + ": " + change.text + "\n";
  }
  return text;
}

Version version(std::int64_t value) {
  return *Version::create(value);
}

json::Object member(const std::string& name, json::Value value) {
  json::Object object;
  object.set(name, std::move(value));
  return object;
}

void swap_first_two(std::vector<KeyId>& keyids) {
  std::swap(keyids[0], keyids[1]);
}

const TestKey kStranger{77};

// One way to change a document, and what a person must be told of it.
template <class T>
struct Case {
  const char* what;
  std::function<void(T&)> edit;
  Weight weight;
  std::string place;
  std::string words;  // part of the text
};

// The version goes up too, as in every real request: nothing may hide behind it.
template <class T>
void expect_told(const T& before, const Case<T>& one) {
  SCOPED_TRACE(one.what);
  T after = before;
  one.edit(after);
  after.header.version = version(before.header.version.value() + 1);
  const std::vector<Change> changes = changes_of(before, after);
  EXPECT_TRUE(std::ranges::any_of(changes,
                                  [&](const Change& change) {
                                    return change.weight == one.weight && change.place == one.place &&
                                           change.text.find(one.words) != std::string::npos;
                                  }))
      << "wanted " << to_string(one.weight) << " " << one.place << ": " << one.words << "\n"
      << text_of(changes);
}

std::string plus(const TestKey& key) {
  return "+" + key.keyid().brief();
}
std::string minus(const TestKey& key) {
  return "-" + key.keyid().brief();
}

// Book: KEYT-05
TEST(RootChanges, TellEveryKindOfChangeWithItsWeightWhateverElseChanges) {
  const TestKey& first = kRootKeys[0];
  const std::vector<Case<Root>> cases = {
      {"a key more", [](Root& root) { set_role(root, TopRole::kRoot, keys_from(1, 6), 3); }, Weight::kPower,
       "roles/root/keys/" + plus(kNewRootKey), "may now sign root"},
      {"a key less", [](Root& root) { set_role(root, TopRole::kRoot, keys_from(1, 4), 3); }, Weight::kPower,
       "roles/root/keys/" + minus(kRootKeys[4]), "may no longer sign root"},
      {"fewer must sign", [](Root& root) { root.roles.at(TopRole::kRoot).threshold = *Threshold::create(1); },
       Weight::kPower, "roles/root/threshold", "3 of 5 -> 1 of 5"},
      {"as many must sign, of more", [](Root& root) { set_role(root, TopRole::kRoot, keys_from(1, 6), 3); },
       Weight::kPower, "roles/root/threshold", "3 of 5 -> 3 of 6"},
      {"2^63-1 must sign",
       [](Root& root) {
         root.roles.at(TopRole::kTargets).threshold = *Threshold::create(std::numeric_limits<std::int64_t>::max());
       },
       Weight::kPower, "roles/targets/threshold", "9223372036854775807 of 3"},
      {"another key under the same keyid",
       [&](Root& root) { root.keys.insert_or_assign(first.keyid(), kStranger.public_key()); }, Weight::kPower,
       "roles/root/keys/" + first.keyid().brief(), "another key now stands under the name"},
      {"another key under the same keyid, in the list of keys",
       [&](Root& root) { root.keys.insert_or_assign(first.keyid(), kStranger.public_key()); }, Weight::kPower,
       "keys/" + first.keyid().brief(), "is another key"},
      {"a key that no role uses", [](Root& root) { list(root.keys, {kStranger}); }, Weight::kPower,
       "keys/" + plus(kStranger), "which signs nothing"},
      {"a role lists a key that the file does not hold", [&](Root& root) { root.keys.erase(first.keyid()); },
       Weight::kPower, "keys/" + minus(first), "no more"},
      {"the order of keyids", [](Root& root) { swap_first_two(root.roles.at(TopRole::kRoot).keyids); },
       Weight::kContent, "roles/root/keys/order", "another order"},
      {"no consistent snapshots", [](Root& root) { root.consistent_snapshot = false; }, Weight::kPower,
       "consistent_snapshot", "off now"},
      {"an unknown member", [](Root& root) { root.extra.set("x-new", 1); }, Weight::kPower, "root/x-new", "x-new = 1"},
      {"an unknown role", [](Root& root) { root.extra_roles.set("mirrors", member("threshold", 1)); }, Weight::kPower,
       "roles/mirrors", "mirrors"},
      {"an unknown member of a role",
       [](Root& root) {
         root.roles.at(TopRole::kTargets).extra.set("x", json::Array{1, 2});
       },
       Weight::kPower, "roles/targets/x", "x = [1,2]"},
      {"it ends at another time", [](Root& root) { root.header.expires = in_days(9000); }, Weight::kRoutine, "expires",
       "-> "},
      {"another specification", [](Root& root) { root.header.spec_version = "1.9"; }, Weight::kContent, "spec_version",
       "1.9"},
  };
  for (const Case<Root>& one : cases) expect_told(first_root(), one);
}

// Book: KEYT-05
TEST(RootChanges, TellVersionJumpsAndStepsBackAsMoreThanRoutine) {
  for (const std::int64_t to : {std::int64_t{3}, std::int64_t{1}, std::numeric_limits<std::int64_t>::max()}) {
    const Root before = second_root();
    Root after = before;
    after.header.version = version(to == 3 ? 4 : to);
    const std::vector<Change> changes = changes_of(before, after);
    ASSERT_EQ(changes.size(), 1u) << text_of(changes);
    EXPECT_EQ(changes.front().weight, Weight::kContent);
    EXPECT_EQ(changes.front().text,
              "version 2 -> " + std::to_string(after.header.version.value()) + ", which is not the next");
  }
  Root last = first_root();
  last.header.version = version(std::numeric_limits<std::int64_t>::max());
  Root again = last;
  again.header.version = version(1);
  EXPECT_EQ(changes_of(last, again).front().weight, Weight::kContent);
}

// Book: KEYT-05
TEST(RootChanges, TellAllOfAFirstRootAlsoAKeyThatSignsNothing) {
  Root root = first_root();
  list(root.keys, {kStranger});
  root.header.spec_version = "1.7";
  const std::vector<Change> changes = root_changes(nullptr, root, brief_name);
  const std::string text = text_of(changes);
  for (const TestKey& key : kRootKeys) {
    EXPECT_NE(text.find(key.keyid().brief() + " may now sign root"), std::string::npos);
  }
  EXPECT_NE(text.find("3 of 5 must sign root"), std::string::npos);
  EXPECT_NE(text.find("the file lists key " + kStranger.keyid().brief() + ", which signs nothing"), std::string::npos);
  EXPECT_EQ(text.find("the file lists key " + kRootKeys[0].keyid().brief()), std::string::npos);
  EXPECT_NE(text.find("1.7"), std::string::npos);
}

Targets sample_targets() {
  Targets targets = company_targets(7);
  targets.extra.set("x-issued", "today");
  return targets;
}

DelegatedRole& delegated(Targets& targets, std::size_t index) {
  return targets.delegations->roles.at(index);
}

PathSet patterns(const std::vector<std::string>& texts) {
  PathSet paths{.patterns = std::vector<PathPattern>()};
  for (const std::string& text : texts) paths.patterns->push_back(*PathPattern::parse(text));
  return paths;
}

SuccinctRoles bins(int bit_length) {
  return {.keys = role_keys(kReleaseKeys, 2), .bit_length = bit_length, .name_prefix = "bin"};
}

// Book: KEYT-05
TEST(TargetsChanges, TellEveryKindOfChangeWithItsWeightWhateverElseChanges) {
  const std::string releases = "delegations/releases.camera";
  const std::vector<Case<Targets>> cases = {
      {"a role more",
       [](Targets& targets) {
         targets.delegations->roles.push_back(delegation("releases.drone", "drone/*", {kStranger}, 1));
         list(targets.delegations->keys, {kStranger});
       },
       Weight::kPower, "delegations/releases.drone", "role releases.drone may now speak for drone/*"},
      {"a role less", [](Targets& targets) { targets.delegations->roles.pop_back(); }, Weight::kPower,
       "delegations/rollout.camera", "may no longer speak for camera/channels/*"},
      {"the order of roles", [](Targets& targets) { std::swap(delegated(targets, 0), delegated(targets, 1)); },
       Weight::kPower, "delegations/order", "asked is now rollout.camera, releases.camera"},
      {"a new role in front of the others",
       [](Targets& targets) {
         auto& roles = targets.delegations->roles;
         roles.insert(roles.begin(), delegation("first", "camera/releases/*/*", {kRolloutKey}, 1));
       },
       Weight::kPower, "delegations/order", "asked is now first, releases.camera"},
      {"a new role in front, and one at the end",
       [](Targets& targets) {
         auto& roles = targets.delegations->roles;
         roles.insert(roles.begin() + 1, delegation("second", "camera/releases/*/*", {kRolloutKey}, 1));
         roles.push_back(delegation("last", "other/*", {kRolloutKey}, 1));
       },
       Weight::kPower, "delegations/order", "releases.camera, second, rollout.camera, last"},
      {"more paths",
       [](Targets& targets) {
         delegated(targets, 0).paths = patterns({"camera/*/*/*", "boot/*"});
       },
       Weight::kPower, releases + "/paths", "camera/releases/*/* -> camera/*/*/*, boot/*"},
      {"one pattern that reads like two",
       [](Targets& targets) { delegated(targets, 0).paths = patterns({"a/*, b/*"}); }, Weight::kPower,
       releases + "/paths", "-> \"a/*, b/*\""},
      {"a pattern that reads like a hash prefix",
       [](Targets& targets) { delegated(targets, 0).paths = patterns({"hash prefix 00"}); }, Weight::kPower,
       releases + "/paths", "-> \"hash prefix 00\""},
      {"no path", [](Targets& targets) { delegated(targets, 0).paths = {}; }, Weight::kPower, releases + "/paths",
       "-> no path at all"},
      {"hash prefixes",
       [](Targets& targets) {
         delegated(targets, 0).paths = {.hash_prefixes = std::vector<std::string>{"0a", "ff"}};
       },
       Weight::kPower, releases + "/paths", "-> hash prefix 0a, hash prefix ff"},
      {"not terminating", [](Targets& targets) { delegated(targets, 0).terminating = false; }, Weight::kPower,
       releases + "/terminating", "later roles may speak"},
      {"fewer must sign a role", [](Targets& targets) { delegated(targets, 0).keys.threshold = *Threshold::create(1); },
       Weight::kPower, releases + "/threshold", "2 of 2 -> 1 of 2"},
      {"another key of a role", [](Targets& targets) { delegated(targets, 1).keys = role_keys({kReleaseKeys[0]}, 1); },
       Weight::kPower, "delegations/rollout.camera/keys/" + plus(kReleaseKeys[0]), "may now sign role rollout.camera"},
      {"another key under the same keyid",
       [](Targets& targets) {
         targets.delegations->keys.insert_or_assign(kRolloutKey.keyid(), kStranger.public_key());
       },
       Weight::kPower, "delegations/rollout.camera/keys/" + kRolloutKey.keyid().brief(), "another key now stands"},
      {"a key that no role uses", [](Targets& targets) { list(targets.delegations->keys, {kStranger}); },
       Weight::kPower, "delegations/keys/" + plus(kStranger), "which signs nothing"},
      {"the order of keyids", [](Targets& targets) { swap_first_two(delegated(targets, 0).keys.keyids); },
       Weight::kContent, releases + "/keys/order", "another order"},
      {"an unknown member of a delegation", [](Targets& targets) { delegated(targets, 0).extra.set("x", true); },
       Weight::kPower, releases + "/x", "x = true"},
      {"an unknown member of delegations", [](Targets& targets) { targets.delegations->extra.set("x", true); },
       Weight::kPower, "delegations/x", "x = true"},
      {"hash bins",
       [](Targets& targets) {
         targets.delegations->roles.clear();
         targets.delegations->bins = bins(4);
       },
       Weight::kPower, "delegations/bins", "hash bins: 2^4 named bin-*"},
      {"no delegations", [](Targets& targets) { targets.delegations.reset(); }, Weight::kContent, "delegations",
       "no list of delegations"},
      {"a new target", [](Targets& targets) { targets.targets.emplace("new.bin", entry_of("new")); }, Weight::kRoutine,
       "targets/new.bin", "new target new.bin: 3 bytes, sha256 "},
      {"a target is replaced",
       [](Targets& targets) { targets.targets.insert_or_assign("notes/1.txt", entry_of("evil")); }, Weight::kContent,
       "targets/notes/1.txt", "target notes/1.txt is replaced: 3 bytes, sha256 "},
      {"only the length of a target", [](Targets& targets) { targets.targets.at("notes/1.txt").length = 4; },
       Weight::kContent, "targets/notes/1.txt", "-> 4 bytes"},
      {"only the second digest of a target",
       [](Targets& targets) { targets.targets.at("notes/1.txt").hashes.sha512 = Sha512(); }, Weight::kContent,
       "targets/notes/1.txt", ", sha512 0000"},
      {"a digest that we do not know",
       [](Targets& targets) { targets.targets.at("notes/1.txt").hashes.extra.set("sha3", "00"); }, Weight::kPower,
       "targets/notes/1.txt/hashes/sha3", "sha3 = \"00\""},
      {"a member of a target", [](Targets& targets) { targets.targets.at("notes/1.txt").extra.set("custom", 1); },
       Weight::kPower, "targets/notes/1.txt/custom", "custom = 1"},
      {"a target is removed", [](Targets& targets) { targets.targets.erase("notes/2.txt"); }, Weight::kContent,
       "targets/notes/2.txt", "target notes/2.txt is removed"},
      {"an unknown member", [](Targets& targets) { targets.extra.set("x-issued", "tomorrow"); }, Weight::kPower,
       "signed/x-issued", "was \"today\""},
      {"an unknown member goes", [](Targets& targets) { targets.extra.erase("x-issued"); }, Weight::kPower,
       "signed/x-issued", "is gone"},
  };
  for (const Case<Targets>& one : cases) expect_told(sample_targets(), one);
}

// Book: KEYT-05
TEST(TargetsChanges, TellWhatChangesOfHashBins) {
  Targets before = sample_targets();
  before.delegations->roles.clear();
  before.delegations->bins = bins(4);
  for (const Case<Targets>& one : std::vector<Case<Targets>>{
           {"more bins", [](Targets& targets) { targets.delegations->bins->bit_length = 5; }, Weight::kPower,
            "delegations/bins", "2^4 named bin-* -> 2^5 named bin-*"},
           {"other names", [](Targets& targets) { targets.delegations->bins->name_prefix = "b"; }, Weight::kPower,
            "delegations/bins", "-> 2^4 named b-*"},
           {"fewer must sign",
            [](Targets& targets) { targets.delegations->bins->keys.threshold = *Threshold::create(1); }, Weight::kPower,
            "delegations/bins/threshold", "2 of 2 -> 1 of 2"},
           {"a member", [](Targets& targets) { targets.delegations->bins->extra.set("x", 1); }, Weight::kPower,
            "delegations/bins/x", "x = 1"},
           {"no bins", [](Targets& targets) { targets.delegations->bins.reset(); }, Weight::kPower, "delegations/bins",
            "the hash bins are gone"}}) {
    expect_told(before, one);
  }
}

// Names are cut on the screen; what differs behind the cut must still be seen.
// Book: KEYT-05
// Book: KEYT-06
TEST(TargetsChanges, TellLongNamesApartThatDifferOnlyAtTheirEnd) {
  const std::string stem(4000, 'a');
  const auto text_with = [&](const std::string& path) {
    Targets after = sample_targets();
    after.targets.emplace(path, entry_of("x"));
    return text_of(changes_of(sample_targets(), after));
  };
  EXPECT_NE(text_with(stem + "1"), text_with(stem + "2"));
  EXPECT_LT(text_with(std::string(1'000'000, 'a')).size(), 4000u);
  const auto text_with_member = [&](const std::string& value) {
    Targets after = sample_targets();
    after.extra.set("x", value);
    return text_of(changes_of(sample_targets(), after));
  };
  EXPECT_NE(text_with_member(stem + "1"), text_with_member(stem + "2"));
}

// --- 10,000 random pairs

class Dice {
 public:
  explicit Dice(std::uint32_t seed) : engine_(seed) {}
  std::size_t below(std::size_t count) { return std::uniform_int_distribution<std::size_t>(0, count - 1)(engine_); }
  bool coin() { return below(2) == 0; }

 private:
  std::mt19937 engine_;
};

const std::vector<TestKey> kMany = keys_from(100, 8);

std::vector<TestKey> some_keys(Dice& dice) {
  std::vector<TestKey> keys;
  std::vector<TestKey> left = kMany;
  for (std::size_t count = 1 + dice.below(4); count-- > 0;) {
    const auto at = left.begin() + static_cast<std::ptrdiff_t>(dice.below(left.size()));
    keys.push_back(*at);
    left.erase(at);
  }
  return keys;
}

// Few values for each, so that pairs often differ in one thing alone.
void give_header(metadata::RoleHeader& header, Dice& dice) {
  header.version = version(static_cast<std::int64_t>(1 + dice.below(2)));
  header.expires = in_days(static_cast<std::int64_t>(dice.below(2)));
}

json::Object some_members(Dice& dice) {
  json::Object members;
  if (dice.below(4) == 0) members.set("x" + std::to_string(dice.below(2)), static_cast<std::int64_t>(dice.below(2)));
  return members;
}

Root random_root(Dice& dice) {
  Root root{.header = {}, .keys = {}, .roles = {}};
  give_header(root.header, dice);
  root.consistent_snapshot = dice.coin();
  for (TopRole role : metadata::kTopRoles) {
    const std::vector<TestKey> keys = some_keys(dice);
    set_role(root, role, keys, static_cast<std::int64_t>(1 + dice.below(keys.size())));
    root.roles.at(role).extra = some_members(dice);
  }
  if (dice.below(4) == 0) root.keys.insert_or_assign(kMany[0].keyid(), kMany[dice.below(8)].public_key());
  root.extra = some_members(dice);
  root.extra_roles = some_members(dice);
  return root;
}

PathSet some_paths(Dice& dice) {
  if (dice.below(4) == 0) return {.hash_prefixes = std::vector<std::string>{std::to_string(dice.below(10))}};
  std::vector<std::string> texts;
  for (std::size_t i = 0, count = dice.below(3); i < count; ++i) texts.push_back("p" + std::to_string(dice.below(3)));
  return patterns(texts);
}

Targets random_targets(Dice& dice) {
  Targets targets;
  give_header(targets.header, dice);
  targets.extra = some_members(dice);
  for (const char* path : {"a", "b/c", "b/d"}) {
    if (dice.coin()) continue;
    metadata::TargetEntry entry = entry_of(std::to_string(dice.below(3)));
    entry.extra = some_members(dice);
    entry.hashes.extra = some_members(dice);
    if (dice.below(4) == 0) entry.hashes.sha512 = Sha512();
    targets.targets.emplace(path, entry);
  }
  if (dice.below(4) == 0) return targets;
  Delegations delegations{.keys = {}, .extra = some_members(dice)};
  std::vector<std::string> names = {"r1", "r2", "r3"};
  if (dice.coin()) std::swap(names[0], names[dice.below(3)]);
  for (const std::string& name : names) {
    if (dice.below(3) == 0) continue;
    const std::vector<TestKey> keys = some_keys(dice);
    list(delegations.keys, keys);
    delegations.roles.push_back(
        {*RoleName::parse_delegated(name), role_keys(keys, 1), some_paths(dice), dice.coin(), some_members(dice)});
  }
  if (delegations.roles.empty() && dice.coin()) {
    list(delegations.keys, kReleaseKeys);
    delegations.bins = bins(static_cast<int>(1 + dice.below(3)));
    delegations.bins->extra = some_members(dice);
  }
  targets.delegations = std::move(delegations);
  return targets;
}

template <class T>
std::string summary(const T& before, const T& after) {
  return text_of(changes_of(before, after)) + Sha256::of(as_bytes(json::canonical(after.to_json()))).hex();
}

// Half of the pairs are unlike; the other half differ in few things, under one version.
template <class T>
void expect_no_two_alike(T (*make)(Dice&), const std::function<void(T&, const T&, Dice&)>& take_one) {
  Dice dice(20261128);
  std::size_t pairs = 0;
  std::size_t attempts = 0;
  while (pairs < 10'000 && ++attempts < 100'000) {
    const T first = make(dice);
    const T other = make(dice);
    T second = other;
    if (dice.coin()) {
      second = first;
      take_one(second, other, dice);
    }
    const std::string first_bytes = json::canonical(first.to_json());
    const std::string second_bytes = json::canonical(second.to_json());
    EXPECT_TRUE(changes_of(first, first).empty());
    if (first_bytes == second_bytes) continue;
    ++pairs;
    const std::vector<Change> changes = changes_of(first, second);
    ASSERT_FALSE(changes.empty()) << first_bytes << "\n" << second_bytes;
    ASSERT_NE(changes.front().place, "other") << first_bytes << "\n" << second_bytes;
    ASSERT_TRUE(std::ranges::is_sorted(changes, {}, &Change::weight));
    ASSERT_NE(summary(other, first), summary(other, second));
  }
  EXPECT_EQ(pairs, 10'000u);
}

// Book: KEYT-05
TEST(RootChanges, TellAnyTwoRootsApartInTenThousandPairs) {
  expect_no_two_alike<Root>(random_root, [](Root& root, const Root& other, Dice& dice) {
    switch (dice.below(6)) {
      case 0: root.keys = other.keys; break;
      case 1: root.roles = other.roles; break;
      case 2: root.roles.at(TopRole::kTargets) = other.roles.at(TopRole::kTargets); break;
      case 3: root.extra = other.extra; break;
      case 4: root.extra_roles = other.extra_roles; break;
      default: std::ranges::reverse(root.roles.at(TopRole::kRoot).keyids);
    }
  });
}

// Book: KEYT-05
TEST(TargetsChanges, TellAnyTwoTargetsRolesApartInTenThousandPairs) {
  expect_no_two_alike<Targets>(random_targets, [](Targets& targets, const Targets& other, Dice& dice) {
    switch (dice.below(5)) {
      case 0: targets.targets = other.targets; break;
      case 1: targets.delegations = other.delegations; break;
      case 2: targets.extra = other.extra; break;
      case 3:
        if (targets.delegations) std::ranges::reverse(targets.delegations->roles);
        break;
      default:
        if (targets.delegations && !targets.delegations->roles.empty() && other.delegations &&
            !other.delegations->roles.empty()) {
          targets.delegations->roles.front().paths = other.delegations->roles.front().paths;
        }
    }
  });
}

// Book: KEYT-08
TEST(TargetsChanges, PutOneDelegationBeforeFiftyThousandFiles) {
  Targets after = sample_targets();
  for (int i = 0; i < 50'000; ++i) {
    metadata::TargetEntry entry = entry_of(std::to_string(i));
    entry.extra.set("custom", i);  // members that we do not know weigh as much, and still come after it
    after.targets.emplace("flood/" + std::to_string(i), entry);
  }
  after.targets.erase("notes/1.txt");
  after.delegations->roles.push_back(delegation("quiet", "boot/*", {kStranger}, 1));
  list(after.delegations->keys, {kStranger});
  const std::vector<Change> changes = changes_of(sample_targets(), after);
  EXPECT_EQ(changes.front().place, "delegations/quiet");
  EXPECT_EQ(std::ranges::count(changes, Weight::kRoutine, &Change::weight), 50'000);
  EXPECT_TRUE(std::ranges::is_sorted(changes, {}, &Change::weight));
}

// Book: KEYT-06
// Book: KEYT-07
TEST(TargetsChanges, HoldNoControlCharacterAndSpellOutWhatIsNotAscii) {
  const std::string hostile = "a\x1b]52;c;eA==\x07\r\t\x08\x7f\xc2\x9b\xe2\x80\xae\xe2\x80\x8b\xd0\xb0\xff";
  Targets after = sample_targets();
  after.targets.emplace(hostile, entry_of("x"));
  after.targets.at("notes/1.txt").extra.set(hostile, hostile);
  after.extra.set(hostile, hostile);
  after.header.spec_version = hostile;
  DelegatedRole role = delegation("p\xd0\xb0y", "p\xd0\xb0y/*", {kStranger}, 1);
  role.extra.set(hostile, hostile);
  after.delegations->roles.push_back(role);
  for (const Change& change : changes_of(sample_targets(), after)) {
    for (const std::string& text : {change.place, change.text}) {
      EXPECT_EQ(printable(text, 1u << 20), text);
    }
  }
  EXPECT_NE(text_of(changes_of(sample_targets(), after)).find("[not ASCII: U+0430]"), std::string::npos);
}

}  // namespace
}  // namespace tenon::policies
