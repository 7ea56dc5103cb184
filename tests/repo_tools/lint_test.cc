#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/lint.h>

#include <sstream>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

using metadata::KeyId;
using metadata::PublicKey;
using metadata::Root;
using metadata::TopRole;

class Lint : public Workshop {
 protected:
  // found gives "rule role" of each finding for a repository that begins with this root.
  std::vector<std::string> found(const Root& root) const {
    const fs::path place = temp_ / "linted";
    EXPECT_TRUE(init_repository(place, signed_root(root), product(), {.is_lab = true}, kNow));
    return found(*read_lint_subject(*Repository::open(place)));
  }
  static std::vector<std::string> found(const LintSubject& subject) {
    std::vector<std::string> names;
    for (const LintFinding& finding : lint(subject)) names.push_back(std::string(finding.rule) + " " + finding.role);
    return names;
  }
  static void add_key(Root& root, TopRole role, const PublicKey& key) {
    root.keys.insert_or_assign(key.hash_keyid(), key);
    root.roles.at(role).keyids.push_back(key.hash_keyid());
  }
  // rename gives a key of the map another keyid, in the list of the role as well.
  static void rename(metadata::KeyMap& keys, metadata::RoleKeys& role, std::string_view name) {
    const KeyId old = role.keyids.front();
    role.keyids.front() = *KeyId::parse(name);
    keys.emplace(role.keyids.front(), keys.at(old));
    keys.erase(old);
  }
};

using Names = std::vector<std::string>;

TEST_F(Lint, FindsNothingInWhatTenonMakes) {
  EXPECT_EQ(found(*read_lint_subject(repository())), Names{});
  publish_release("1.0.0", 1);
  EXPECT_EQ(found(*read_lint_subject(repository())), Names{});
}

// TAP 12 lets devices accept it.
TEST_F(Lint, WarnsOfAKeyidInRootThatIsNotTheHashOfItsKey) {
  Root other = root();
  rename(other.keys, other.roles.at(TopRole::kTargets), "carol");
  EXPECT_EQ(found(other), Names{"keyid-is-no-hash root"});
}

// TAP 12 lets devices accept it.
TEST_F(Lint, WarnsOfAKeyidInADelegationThatIsNotTheHashOfItsKey) {
  LintSubject subject = *read_lint_subject(repository());
  auto& delegations = *subject.targets.front().second.delegations;
  rename(delegations.keys, delegations.roles.front().keys, "alice");
  EXPECT_EQ(found(subject), Names{"keyid-is-no-hash targets"});
}

// Book: ROOT-20
TEST_F(Lint, WarnsOfTheTimestampKeyAmongTheKeysOfRoot) {
  Root other = root();
  add_key(other, TopRole::kRoot, timestamp_keys_.front()->public_key());
  EXPECT_EQ(found(other), Names{"online-key-is-offline root"});
}

// Book: ROOT-20
TEST_F(Lint, WarnsOfTheSnapshotKeyAmongTheKeysOfTargets) {
  Root other = root();
  add_key(other, TopRole::kTargets, snapshot_keys_.front()->public_key());
  EXPECT_EQ(found(other), Names{"online-key-is-offline root"});
}

// Book: ROOT-20
TEST_F(Lint, WarnsOfAnOnlineKeyUnderASecondNameAndSpelling) {
  Root other = root();
  json::Object spelled = *timestamp_keys_.front()->public_key().value().object();
  spelled.set("x-note", "the same key");
  add_key(other, TopRole::kTargets, *PublicKey::parse(spelled));
  EXPECT_EQ(found(other), Names{"online-key-is-offline root"});
}

// Book: ROOT-20
TEST_F(Lint, WarnsOfAnOnlineKeyOfATypeThatNobodyKnowsYet) {
  Root other = root();
  json::Object unknown = *timestamp_keys_.front()->public_key().value().object();
  unknown.set("keytype", "of-tomorrow");
  const PublicKey key = *PublicKey::parse(unknown);
  add_key(other, TopRole::kTimestamp, key);
  add_key(other, TopRole::kRoot, key);
  EXPECT_EQ(found(other), Names{"online-key-is-offline root"});
}

TEST_F(Lint, AllowsOneKeyForTimestampAndSnapshot) {
  Root other = root();
  add_key(other, TopRole::kTimestamp, snapshot_keys_.front()->public_key());
  EXPECT_EQ(found(other), Names{});
}

TEST_F(Lint, AllowsAKeyidThatHasNoKey) {
  Root other = root();
  other.roles.at(TopRole::kTimestamp).keyids.push_back(*KeyId::parse("nobody"));
  other.roles.at(TopRole::kTargets).keyids.push_back(*KeyId::parse("nobody"));
  EXPECT_EQ(found(other), Names{});
}

// A repository of targets, with delegations to a and b, and b's own file.
struct Delegating {
  metadata::Targets targets;
  metadata::Targets b;

  metadata::DelegatedRole& delegate(const std::string& role, const std::vector<std::string>& patterns) {
    if (!targets.delegations) targets.delegations.emplace();
    metadata::PathSet paths;
    paths.patterns.emplace();
    for (const std::string& pattern : patterns) paths.patterns->push_back(*metadata::PathPattern::parse(pattern));
    targets.delegations->roles.push_back(
        {*metadata::RoleName::parse_delegated(role), {{}, *metadata::Threshold::create(1)}, paths});
    return targets.delegations->roles.back();
  }
  LintSubject subject(const Root& root) const {
    return {root, {{RoleId::targets(), targets}, {*RoleId::parse("b"), b}}};
  }
};

// Book: SRV-21
TEST_F(Lint, WarnsOfDelegationsThatOverlap) {
  Delegating plain;
  plain.delegate("a", {"a/*", "c/*"});
  plain.delegate("b", {"b/*"});
  EXPECT_EQ(found(plain.subject(root())), Names{});
  Delegating overlapping;
  overlapping.delegate("a", {"x/*", "tools/*"});
  overlapping.delegate("b", {"tools/*-a"});
  EXPECT_EQ(found(overlapping.subject(root())), Names{"delegations-overlap targets"});
  Delegating hashed;
  hashed.delegate("a", {}).paths = {{}, std::vector<std::string>{"00", "8a"}};
  hashed.delegate("b", {}).paths = {{}, std::vector<std::string>{"8"}};
  EXPECT_EQ(found(hashed.subject(root())), Names{"delegations-overlap targets"});
}

// Book: SRV-21
TEST_F(Lint, WarnsOfADelegationThatMatchesNothing) {
  Delegating empty;
  empty.delegate("b", {});
  EXPECT_EQ(found(empty.subject(root())), Names{"delegation-is-empty targets"});
  empty.targets.delegations->roles.front().paths = {};
  EXPECT_EQ(found(empty.subject(root())), Names{"delegation-is-empty targets"});
}

// Book: SRV-21
TEST_F(Lint, WarnsOfARoleWithTwoDelegators) {
  Delegating diamond;
  diamond.delegate("a", {"a/*"});
  diamond.delegate("b", {"b/*"});
  diamond.b.delegations.emplace();
  diamond.b.delegations->roles.push_back(diamond.targets.delegations->roles.front());
  EXPECT_EQ(found(diamond.subject(root())), Names{"two-delegators a"});
}

// Book: SRV-21
TEST_F(Lint, WarnsOfATargetThatNoDelegationCovers) {
  Delegating narrowed;
  narrowed.delegate("b", {"b/*"});
  narrowed.b.targets.emplace("b/x", target_entry(1, Sha256::of(as_bytes("x"))));
  EXPECT_EQ(found(narrowed.subject(root())), Names{});
  narrowed.b.targets.emplace("c/x", target_entry(1, Sha256::of(as_bytes("x"))));
  EXPECT_EQ(found(narrowed.subject(root())), Names{"target-nobody-finds b"});
}

TEST_F(Lint, EndsWithRefusedWhenItWarnsEvenIfQuiet) {
  Root other = root();
  add_key(other, TopRole::kRoot, timestamp_keys_.front()->public_key());
  ASSERT_TRUE(init_repository(temp_ / "linted", signed_root(other), product(), {.is_lab = true}, kNow));
  std::ostringstream out;
  const Console console{out, out, no_progress_, kNow, /*as_json=*/false, /*quiet=*/true};
  EXPECT_EQ(*run_lint(console, {temp_ / "linted"}), ExitStatus::kRefused);
  EXPECT_TRUE(out.str().starts_with("warning: root: ")) << out.str();
}

TEST_F(Lint, GivesProgramsTheRuleTheRoleAndBothKeyids) {
  Root other = root();
  rename(other.keys, other.roles.at(TopRole::kSnapshot), "server");
  const json::Value report = to_json(lint(LintSubject{other}));
  const json::Object& warning = *report.object()->find("warnings")->array()->front().object();
  EXPECT_EQ(*warning.find("rule")->string(), "keyid-is-no-hash");
  EXPECT_EQ(*warning.find("role")->string(), "root");
  const std::string& message = *warning.find("message")->string();
  EXPECT_NE(message.find("server"), message.npos);
  EXPECT_NE(message.find(snapshot_keys_.front()->public_key().hash_keyid().text()), message.npos);
}

}  // namespace
}  // namespace tenon::repo_tools
