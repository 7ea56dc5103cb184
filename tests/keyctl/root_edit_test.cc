#include <tenon/keyctl/root_edit.h>

#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>

namespace tenon::keyctl {
namespace {

using metadata::Root;
using metadata::TopRole;

ErrorCode code_of(const Result<void>& result) {
  return result ? ErrorCode::kBusy : result.error().code;
}

KeyReference by_file(const Person& person) {
  return {person.file.name.text(), person.file.key};
}
KeyReference by_id(const Person& person, std::size_t length = 8) {
  return {person.file.keyid.text().substr(0, length), std::nullopt};
}

std::size_t keys_of(const Root& root, TopRole role) {
  return root.role(role).keyids.size();
}

TEST(RootDraftOfNextVersion, HoldsTheSamePeopleAndNoSignatures) {
  CeremonyBuilder world;
  const RootFile one = *RootFile::parse(as_bytes(world.root_1()));
  const RootFile two = *next_draft(one, kInAYear.plus_seconds(1), kNow);
  EXPECT_EQ(two.root.header.version.value(), 2);
  EXPECT_EQ(two.root.roles, one.root.roles);
  EXPECT_TRUE(two.envelope.signatures().empty());
  EXPECT_EQ(next_draft(one, kNow, kNow).error().code, ErrorCode::kPolicy);
  RootFile last = one;
  last.root.header.version = *metadata::Version::create(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(next_draft(last, kInAYear, kNow).error().code, ErrorCode::kLimit);
}

TEST(RootEdit, ReplacesAKeyAndForgetsTheOldOne) {
  CeremonyBuilder world;
  for (const KeyReference& bob : {by_file(world.team.bob), by_id(world.team.bob), by_id(world.team.bob, 64)}) {
    Root root = world.root();
    ASSERT_TRUE(replace_key(root, TopRole::kRoot, bob, world.dave.file));
    EXPECT_EQ(keys_of(root, TopRole::kRoot), 3u);
    EXPECT_FALSE(root.keys.contains(world.team.bob.file.keyid));
    EXPECT_TRUE(root.keys.contains(world.dave.file.keyid));
  }
}

TEST(RootEdit, KeepsAKeyThatAnotherRoleStillUses) {
  CeremonyBuilder world;
  Root root = world.root();
  ASSERT_TRUE(replace_key(root, TopRole::kRoot, by_file(world.team.carol), world.dave.file));
  EXPECT_TRUE(root.keys.contains(world.team.carol.file.keyid));  // she signs targets
}

TEST(RootEdit, RefusesKeysThatAreThereAlreadyOrAreNot) {
  CeremonyBuilder world;
  Root root = world.root();
  EXPECT_EQ(code_of(add_key(root, TopRole::kRoot, world.team.alice.file)), ErrorCode::kPolicy);
  EXPECT_EQ(code_of(remove_key(root, TopRole::kRoot, by_file(world.dave))), ErrorCode::kPolicy);
  EXPECT_EQ(code_of(remove_key(root, TopRole::kTargets, by_file(world.team.alice))), ErrorCode::kPolicy);
  EXPECT_EQ(code_of(replace_key(root, TopRole::kRoot, by_file(world.team.alice), world.team.bob.file)),
            ErrorCode::kPolicy);
  EXPECT_EQ(revoke_key(root, by_file(world.dave)).error().code, ErrorCode::kPolicy);
}

// Book: KEYT-13
TEST(RootEdit, RefusesAKeyidThatIsShortOrNamesTwoKeys) {
  CeremonyBuilder world;
  Root root = world.root();
  EXPECT_EQ(code_of(remove_key(root, TopRole::kRoot, by_id(world.team.bob, 7))), ErrorCode::kUsage);
  EXPECT_EQ(code_of(remove_key(root, TopRole::kRoot, {"", std::nullopt})), ErrorCode::kUsage);
  EXPECT_EQ(code_of(remove_key(root, TopRole::kRoot, {kHostile, std::nullopt})), ErrorCode::kPolicy);
  const auto twin = *metadata::KeyId::parse(world.team.bob.file.keyid.text().substr(0, 8) + "ffff");
  root.keys.emplace(twin, world.dave.file.key);
  root.roles.at(TopRole::kRoot).keyids.push_back(twin);
  const Result<void> two = remove_key(root, TopRole::kRoot, by_id(world.team.bob));
  EXPECT_EQ(code_of(two), ErrorCode::kUsage);
  EXPECT_EQ(revoke_key(root, by_id(world.team.bob)).error().code, ErrorCode::kUsage);
  expect_safe_error(remove_key(root, TopRole::kRoot, {kHostile, std::nullopt}).error());
}

TEST(RootEdit, RefusesARoleThatNobodyCouldSign) {
  CeremonyBuilder world;
  Root root = world.root();
  EXPECT_EQ(code_of(set_threshold(root, TopRole::kRoot, 4)), ErrorCode::kPolicy);
  root = world.root();
  EXPECT_EQ(code_of(set_threshold(root, TopRole::kRoot, 0)), ErrorCode::kUsage);
  EXPECT_EQ(code_of(set_threshold(root, TopRole::kRoot, -1)), ErrorCode::kUsage);
  EXPECT_EQ(code_of(set_threshold(root, TopRole::kRoot, std::numeric_limits<std::int64_t>::max())), ErrorCode::kPolicy);
  root = world.root();
  EXPECT_EQ(code_of(remove_key(root, TopRole::kTargets, by_file(world.team.carol))), ErrorCode::kPolicy);
  root = world.root();
  EXPECT_EQ(revoke_key(root, by_file(world.team.online)).error().code, ErrorCode::kPolicy);
}

TEST(RootEdit, RevokesAKeyFromEveryRole) {
  CeremonyBuilder world;
  Root root = world.root();
  ASSERT_TRUE(add_key(root, TopRole::kTargets, world.dave.file));
  const Result<std::vector<TopRole>> roles = revoke_key(root, by_id(world.team.carol));
  ASSERT_TRUE(roles) << roles.error().message;
  EXPECT_EQ(*roles, (std::vector<TopRole>{TopRole::kRoot, TopRole::kTargets}));
  EXPECT_FALSE(root.keys.contains(world.team.carol.file.keyid));
}

TEST(RootEdit, CountsAKeyUnderTwoKeyidsOnce) {
  CeremonyBuilder world;
  Root root = world.root();
  const auto alias = *metadata::KeyId::parse("carol-again");
  root.keys.emplace(alias, world.team.carol.file.key);
  root.roles.at(TopRole::kTargets).keyids.push_back(alias);
  EXPECT_EQ(code_of(set_threshold(root, TopRole::kTargets, 2)), ErrorCode::kPolicy);
}

TEST(ParseTopRole, ReadsTheFourAndNothingElse) {
  for (TopRole role : metadata::kTopRoles) EXPECT_EQ(*parse_top_role(to_string(role)), role);
  for (const std::string& text : {std::string(""), std::string("Root"), std::string("policy"), kHostile}) {
    const Result<TopRole> role = parse_top_role(text);
    ASSERT_FALSE(role);
    EXPECT_EQ(role.error().code, ErrorCode::kUsage);
    expect_safe_error(role.error());
  }
}

}  // namespace
}  // namespace tenon::keyctl
