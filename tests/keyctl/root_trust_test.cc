#include <tenon/keyctl/root_trust.h>
#include <tenon/keyctl/root_trust_command.h>
#include <tenon/policies/rehearsal.h>

#include <string>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>
#include <tests/support/scratch_folder.h>

namespace tenon::keyctl {
namespace {

std::int64_t version_of(const Result<std::vector<TrustedRoot>>& chain) {
  return chain && !chain->empty() ? chain->back().root->header.version.value() : 0;
}

struct Chain {
  CeremonyBuilder world;
  std::string one = world.root_1();
  std::string two = sign_by(world.root_2().to_json(), {&world.team.alice, &world.team.bob, &world.dave});
  std::string three = [this] {
    metadata::Root root = world.root_2();
    root.header.version = *metadata::Version::create(3);
    return sign_by(root.to_json(), {&world.team.alice, &world.dave});
  }();
  Memory knows_one = {to_bytes(one), {}, {}};
};

// Book: KEYT-01
TEST(FollowRoots, LeadsFromTheRememberedRootToTheNewestThatItsKeysSigned) {
  Chain chain;
  EXPECT_EQ(version_of(follow_roots(chain.knows_one, {})), 1);
  EXPECT_EQ(version_of(follow_roots(chain.knows_one, {chain.one})), 1);
  EXPECT_EQ(version_of(follow_roots(chain.knows_one, {chain.one, chain.two, chain.three})), 3);
  EXPECT_EQ(version_of(follow_roots(chain.knows_one, {chain.two, chain.three})), 3);
  EXPECT_EQ(version_of(follow_roots({to_bytes(chain.three), {}, {}}, {chain.one})), 3);
}

// Book: KEYT-01
TEST(FollowRoots, RefusesGapsForeignRootsAndTwins) {
  Chain chain;
  EXPECT_FALSE(follow_roots(chain.knows_one, {chain.three}));
  EXPECT_FALSE(follow_roots(chain.knows_one, {chain.two, "{}"}));
  Chain other;
  EXPECT_EQ(follow_roots(chain.knows_one, {other.two}).error().code, ErrorCode::kSig);
  const Result<std::vector<TrustedRoot>> twin = follow_roots(chain.knows_one, {other.one});
  EXPECT_EQ(twin.error().code, ErrorCode::kMismatch);
  EXPECT_NE(twin.error().hint.find("call the other signers"), std::string::npos);
  // The twin of a root on the way, signed by enough keys of the root before it.
  metadata::Root evil = chain.world.root_2();
  evil.header.expires = kInAYear.plus_seconds(1);
  const std::string evil_two =
      sign_by(evil.to_json(), {&chain.world.team.alice, &chain.world.dave, &chain.world.team.bob});
  EXPECT_EQ(follow_roots(chain.knows_one, {chain.two, evil_two}).error().code, ErrorCode::kMismatch);
}

// A rehearsal is signed lightly: nothing that is meant may hang on it.
TEST(FollowRoots, LeadsFromNothingThatIsMeantToARehearsal) {
  Chain chain;
  metadata::Root marked = chain.world.root_2();
  policies::mark_rehearsal(marked);
  const std::string two =
      sign_by(marked.to_json(), {&chain.world.team.alice, &chain.world.dave, &chain.world.team.bob});
  EXPECT_EQ(follow_roots(chain.knows_one, {two}).error().code, ErrorCode::kPolicy);
}

// Book: KEYT-04
TEST(FollowRoots, BeginsWithNoRootThatNobodyHereHasSignedOrCompared) {
  Chain chain;
  EXPECT_TRUE(follow_roots({}, {})->empty());
  EXPECT_EQ(follow_roots({}, {chain.one}).error().code, ErrorCode::kPolicy);
  Memory signed_one;
  signed_one.marks["root"] = {1, Sha256::of(RootFile::parse(as_bytes(chain.one))->envelope.signed_bytes())};
  EXPECT_EQ(version_of(follow_roots(signed_one, {chain.one, chain.two})), 2);
  EXPECT_EQ(follow_roots(signed_one, {chain.two}).error().code, ErrorCode::kPolicy);
  // As it was signed here, and not complete.
  const std::string half = sign_by(chain.world.root().to_json(), {&chain.world.team.alice});
  EXPECT_EQ(follow_roots(signed_one, {half}).error().code, ErrorCode::kSig);
}

TEST(FollowRoots, SaysThatTheRememberedRootIsDamaged) {
  const Result<std::vector<TrustedRoot>> root = follow_roots({to_bytes("{}"), {}, {}}, {});
  ASSERT_FALSE(root);
  EXPECT_NE(root.error().message.find("remembered here"), std::string::npos);
}

// Book: KEYT-04
TEST(TrustRoot, RemembersAFirstRootOnlyWhenAPersonHasComparedIt) {
  Chain chain;
  tests::ScratchFolder folder;
  Home home = *Home::open(folder.path() / "home");
  const TrustOptions options{chain.world.repository, chain.world.team.names()};
  const Confirm no = [](const Question&) -> Result<void> { return Error{ErrorCode::kAuth, "no"}; };
  EXPECT_EQ(trust_root(home, as_bytes(chain.one), options, no, kNow).error().code, ErrorCode::kAuth);
  EXPECT_EQ(*home.recall(chain.world.repository), Memory());
  int asked = 0;
  const Confirm yes = [&](const Question& question) {
    ++asked;
    expect_safe(question.summary);
    EXPECT_EQ(question.verb, "trust");
    EXPECT_EQ(question.words, "acme-fw root 1");
    return Result<void>();
  };
  ASSERT_TRUE(trust_root(home, as_bytes(chain.one), options, yes, kNow));
  EXPECT_TRUE(trust_root(home, as_bytes(chain.two), options, no, kNow));  // follows by its signatures
  EXPECT_EQ(asked, 1);
  EXPECT_EQ(trust_root(home, as_bytes(Chain().one), options, yes, kNow).error().code, ErrorCode::kRollback);
  EXPECT_EQ(trust_root(home, as_bytes(Chain().two), options, yes, kNow).error().code, ErrorCode::kMismatch);
  EXPECT_EQ(trust_root(home, as_bytes(Chain().three), options, yes, kNow).error().code, ErrorCode::kSig);
  EXPECT_EQ(as_text(*home.recall(chain.world.repository)->root), chain.two);
}

}  // namespace
}  // namespace tenon::keyctl
