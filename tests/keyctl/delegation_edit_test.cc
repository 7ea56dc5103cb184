#include <tenon/keyctl/delegation_edit.h>

#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>

namespace tenon::keyctl {
namespace {

using metadata::PathPattern;
using metadata::RoleName;
using metadata::Targets;

ErrorCode code_of(const Result<void>& result) {
  return result ? ErrorCode::kBusy : result.error().code;
}

DelegationRequest to(const std::string& name, const std::vector<hsm::KeyFile>& keys, const std::string& pattern,
                     std::int64_t threshold = 1) {
  return {*RoleName::parse_delegated(name), keys, threshold, {*PathPattern::parse(pattern)}};
}

TEST(TargetsDraft, IsTheNextVersionWithTheSameContent) {
  CeremonyBuilder world;
  const TargetsFile one = TargetsFile::draft_of(world.targets(1));
  const TargetsFile two = *next_targets(one, kInAYear.plus_seconds(1), kNow);
  EXPECT_EQ(two.targets.header.version.value(), 2);
  EXPECT_EQ(two.targets.targets, one.targets.targets);
  EXPECT_EQ(next_targets(one, kNow, kNow).error().code, ErrorCode::kPolicy);
  EXPECT_EQ(empty_targets(kNow, kNow).error().code, ErrorCode::kPolicy);
  EXPECT_TRUE(empty_targets(kInAYear, kNow)->targets.targets.empty());
  TargetsFile last = one;
  last.targets.header.version = *metadata::Version::create(std::numeric_limits<std::int64_t>::max());
  EXPECT_EQ(next_targets(last, kInAYear, kNow).error().code, ErrorCode::kLimit);
}

TEST(DelegationEdit, PutsANewRoleAtTheEndAndAnEditedOneWhereItStood) {
  CeremonyBuilder world;
  Targets targets = world.targets(1);
  ASSERT_TRUE(add_delegation(targets, to("a", {world.team.alice.file}, "a/*")));
  ASSERT_TRUE(add_delegation(targets, to("b", {world.team.bob.file}, "b/*")));
  ASSERT_TRUE(replace_delegation(targets, to("a", {world.dave.file}, "c/*")));
  ASSERT_EQ(targets.delegations->roles.size(), 2u);
  EXPECT_EQ(targets.delegations->roles[0].name.text(), "a");
  EXPECT_EQ(targets.delegations->roles[0].paths.patterns->front().text(), "c/*");
  EXPECT_FALSE(targets.delegations->keys.contains(world.team.alice.file.keyid));
  EXPECT_TRUE(targets.delegations->keys.contains(world.dave.file.keyid));
  ASSERT_TRUE(remove_delegation(targets, *RoleName::parse_delegated("a")));
  EXPECT_FALSE(targets.delegations->keys.contains(world.dave.file.keyid));
  EXPECT_TRUE(targets.delegations->keys.contains(world.team.bob.file.keyid));
}

TEST(DelegationEdit, RefusesRolesThatAreThereOrAreNotAndChangesNothing) {
  CeremonyBuilder world;
  Targets targets = world.targets(1);
  ASSERT_TRUE(add_delegation(targets, to("a", {world.team.alice.file}, "a/*")));
  const Targets before = targets;
  EXPECT_EQ(code_of(add_delegation(targets, to("a", {world.dave.file}, "x/*"))), ErrorCode::kPolicy);
  EXPECT_EQ(code_of(replace_delegation(targets, to("b", {world.dave.file}, "x/*"))), ErrorCode::kPolicy);
  EXPECT_EQ(code_of(remove_delegation(targets, *RoleName::parse_delegated("b"))), ErrorCode::kPolicy);
  EXPECT_EQ(targets, before);
}

TEST(DelegationEdit, RefusesWhatNobodyCouldSignOrWhatSpeaksForNothing) {
  CeremonyBuilder world;
  Targets targets = world.targets(1);
  const hsm::KeyFile& alice = world.team.alice.file;
  EXPECT_EQ(code_of(add_delegation(targets, to("a", {alice}, "a/*", 2))), ErrorCode::kPolicy);
  EXPECT_EQ(code_of(add_delegation(targets, to("a", {alice, alice}, "a/*", 2))), ErrorCode::kPolicy);
  EXPECT_EQ(code_of(add_delegation(targets, to("a", {}, "a/*"))), ErrorCode::kPolicy);
  EXPECT_EQ(code_of(add_delegation(targets, to("a", {alice}, "a/*", 0))), ErrorCode::kPolicy);
  DelegationRequest nothing = to("a", {alice}, "a/*");
  nothing.paths.clear();
  EXPECT_EQ(code_of(add_delegation(targets, nothing)), ErrorCode::kPolicy);
  EXPECT_FALSE(targets.delegations);
}

// Clients refuse a role that lists a keyid twice.
TEST(DelegationEdit, RefusesAKeyThatIsNamedTwice) {
  CeremonyBuilder world;
  Targets targets = world.targets(1);
  const hsm::KeyFile& alice = world.team.alice.file;
  EXPECT_EQ(code_of(add_delegation(targets, to("a", {alice, alice}, "a/*"))), ErrorCode::kPolicy);
  EXPECT_FALSE(targets.delegations);
}

// Book: KEYT-06
TEST(DelegationEdit, NamesHostileRolesSafely) {
  CeremonyBuilder world;
  Targets targets = world.targets(1);
  const std::string name = "p\xd0\xb0y\xc2\x9b\xe2\x80\xae";
  expect_safe_error(replace_delegation(targets, to(name, {world.dave.file}, "x/*")).error());
  expect_safe_error(remove_delegation(targets, *RoleName::parse_delegated(name)).error());
  expect_safe_error(add_delegation(targets, to(name, {}, "x/*")).error());
}

}  // namespace
}  // namespace tenon::keyctl
