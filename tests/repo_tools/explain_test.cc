// What people ask of a repository: who vouches for a target, and what there is.
#include <tenon/repo_tools/explain.h>
#include <tenon/repo_tools/listing.h>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

using Explaining = Workshop;

TEST_F(Explaining, NamesWhoVouchesForATargetAndWhoWasAsked) {
  publish_release("1.0.0", 1);
  const Bytes root_file = *repository().initial_root();
  const auto path = *metadata::TargetPath::parse("demo/releases/1.0.0/release.json");
  const Explanation explanation = *explain(repository(), root_file, path, kNow);
  ASSERT_TRUE(explanation.found);
  EXPECT_EQ(explanation.found->signed_by().text(), "releases.demo");
  EXPECT_FALSE(explanation.file_error);
  ASSERT_EQ(explanation.asked.size(), 2u);
  EXPECT_EQ(explanation.asked.back().text(), "releases.demo");
  EXPECT_TRUE(explanation.bystanders.empty());
  ASSERT_TRUE(disk_.put(repository().public_target(explanation.file), as_bytes("another")));
  EXPECT_EQ(explain(repository(), root_file, path, kNow)->file_error->code, ErrorCode::kMismatch);
}

TEST_F(Explaining, NamesWhoListsATargetAndMayNotSpeakForIt) {
  publish_release("1.0.0", 1);
  metadata::Targets rollout = *repository().newest_targets(rollout_role_of(label("demo")));
  const auto path = *metadata::TargetPath::parse("demo/releases/9.9.9/release.json");
  ASSERT_TRUE(stage_target(repository(), disk_, path, as_bytes("stolen"), rollout));
  ASSERT_TRUE(write_draft(repository(), disk_, rollout_role_of(label("demo")), std::move(rollout), days_later(9)));
  sign_all();
  const Publication publication = *staged_publication(repository(), kNow);
  ASSERT_TRUE(write_publication(repository(), disk_, publication, kNow, no_progress_));
  const Explanation explanation = *explain(repository(), *repository().initial_root(), path, kNow);
  EXPECT_FALSE(explanation.found);
  ASSERT_EQ(explanation.bystanders.size(), 1u);
  EXPECT_EQ(explanation.bystanders.front().text(), "rollout.demo");
  EXPECT_NE(explanation.to_text(kNow).find("rollout.demo lists it too"), std::string::npos);
}

using Listed = Workshop;

TEST_F(Listed, AreReleasesAndChannelsDraftsIncluded) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  const Listing listing = *list_product(repository(), label("demo"));
  ASSERT_EQ(listing.releases.size(), 2u);
  EXPECT_EQ(listing.releases.back().release.version.text(), "1.1.0");
  ASSERT_EQ(listing.channels.size(), 1u);
  EXPECT_EQ(listing.channels.front().release.text(), "1.0.0");
  EXPECT_EQ(code_of(list_product(repository(), label("other"))), "E_USAGE");
}

}  // namespace
}  // namespace tenon::repo_tools
