#include <tenon/policies/rehearsal.h>

#include <functional>

#include <gtest/gtest.h>
#include <tests/keyctl/root_keys.h>

namespace tenon::keyctl {
namespace {

using metadata::TopRole;

class DraftRoot : public testing::Test {
 protected:
  RoleRequest& role(TopRole name) { return request_.roles.at(name); }
  Error error() const {
    const Result<RootDraft> draft = draft_root(request_, kNow);
    TENON_CHECK(!draft.has_value());
    return draft.error();
  }

  Team team_;
  RootRequest request_ = team_.request();
};

// Spec: 4.3b
TEST_F(DraftRoot, MakesAnUnsignedVersionOneThatParsesAgain) {
  const Result<RootDraft> draft = draft_root(request_, kNow);
  ASSERT_TRUE(draft) << draft.error().message;
  const RootFile read = parsed(draft->file.envelope);
  EXPECT_EQ(read.root, draft->file.root);
  EXPECT_EQ(read.root.header.version, metadata::Version::first());
  EXPECT_TRUE(read.root.consistent_snapshot);
  EXPECT_TRUE(read.envelope.signatures().empty());
}

// Spec: 4.2.1c, 4.3g
TEST_F(DraftRoot, ListsEachKeyUnderTheHashOfItself) {
  const RootFile draft = draft_root(request_, kNow)->file;
  EXPECT_EQ(draft.root.keys.size(), 4u);
  for (const auto& [keyid, key] : draft.root.keys) EXPECT_EQ(keyid, key.hash_keyid());
}

TEST_F(DraftRoot, MarksARehearsalAndNothingElse) {
  EXPECT_FALSE(policies::is_rehearsal(draft_root(request_, kNow)->file.root));
  request_.rehearsal = true;
  request_.expires = kNow.plus_seconds(86'400);
  const Result<RootDraft> draft = draft_root(request_, kNow);
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_TRUE(policies::is_rehearsal(parsed(draft->file.envelope).root));
}

TEST_F(DraftRoot, RefusesARehearsalThatLivesForMoreThanADay) {
  request_.rehearsal = true;
  request_.expires = kNow.plus_seconds(86'401);
  EXPECT_EQ(error().code, ErrorCode::kPolicy);
}

// Book: SIG-08
TEST_F(DraftRoot, RefusesAThresholdAboveTheNumberOfKeys) {
  role(TopRole::kRoot) = role_of({team_.alice.file, team_.bob.file}, 3);
  EXPECT_EQ(error().code, ErrorCode::kPolicy);
  EXPECT_NE(error().message.find("3 > 2"), std::string::npos) << error().message;
}

// Book: SIG-03
TEST_F(DraftRoot, RefusesOneKeyTwiceInARoleEvenUnderTwoNames) {
  const hsm::KeyFile alias = hsm::KeyFile::of(*hsm::KeyName::parse("alice2"), team_.alice.key.public_key());
  role(TopRole::kRoot) = role_of({team_.alice.file, alias, team_.bob.file}, 2);
  EXPECT_EQ(error().code, ErrorCode::kPolicy);
  EXPECT_NE(error().message.find("alice and alice2 are the same key"), std::string::npos) << error().message;
}

// Book: ROOT-20
// Spec: 2.1.1b
TEST_F(DraftRoot, RefusesTheKeyOfTheServerAmongTheRootKeys) {
  role(TopRole::kRoot).keys.push_back(team_.online.file);
  EXPECT_EQ(error().code, ErrorCode::kPolicy);
}

// Book: ROOT-20
// Spec: 1.5b
TEST_F(DraftRoot, RefusesTheKeyOfTheServerAmongTheTargetsKeys) {
  role(TopRole::kTargets).keys.push_back(team_.online.file);
  EXPECT_EQ(error().code, ErrorCode::kPolicy);
}

TEST_F(DraftRoot, RefusesAnExpiryThatIsNotInTheFuture) {
  request_.expires = kNow;
  EXPECT_EQ(error().code, ErrorCode::kPolicy);
}

// Spec: 2.1.1d
TEST_F(DraftRoot, RefusesARootThatOneKeyCanSign) {
  role(TopRole::kRoot) = role_of({team_.alice.file, team_.bob.file}, 1);
  EXPECT_EQ(error().code, ErrorCode::kPolicy);
}

TEST_F(DraftRoot, AllowsARootOfOneKeyInTheLabAndSaysSo) {
  role(TopRole::kRoot) = role_of({team_.alice.file}, 1);
  request_.lab = true;
  const Result<RootDraft> draft = draft_root(request_, kNow);
  ASSERT_TRUE(draft) << draft.error().message;
  EXPECT_EQ(draft->warnings.size(), 1u);
}

// Spec: 2.1.1d
TEST_F(DraftRoot, WarnsBelowThreeOfFive) {
  EXPECT_EQ(draft_root(request_, kNow)->warnings.size(), 1u);
}

TEST_F(DraftRoot, DoesNotWarnAtThreeOfFive) {
  const Person dave("dave");
  const Person erin("erin");
  role(TopRole::kRoot) = role_of({team_.alice.file, team_.bob.file, team_.carol.file, dave.file, erin.file}, 3);
  EXPECT_TRUE(draft_root(request_, kNow)->warnings.empty());
}

}  // namespace
}  // namespace tenon::keyctl
