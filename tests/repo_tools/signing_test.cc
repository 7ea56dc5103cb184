#include <tenon/repo_tools/signing.h>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class Signing : public Workshop {
 protected:
  std::vector<std::string> staged_names() {
    std::vector<std::string> names;
    const Result<std::vector<RoleId>> roles = repository().drafted_roles();
    for (const RoleId& role : *roles) names.push_back(role.text());
    return names;
  }
};

TEST_F(Signing, WorksInOneCallWithAllKeys) {
  Keys all;
  for (Keys* keys : {&timestamp_keys_, &snapshot_keys_, &rollout_keys_, &releases_keys_, &targets_keys_}) {
    for (auto& key : *keys) all.push_back(std::move(key));
  }
  const Result<SignReport> report = sign(all);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(report->complete());
  EXPECT_EQ(report->signatures_added, 6u);
  EXPECT_EQ(report->idle_keys, 0u);
  EXPECT_TRUE(publish());
}

TEST_F(Signing, WorksInSeveralCallsInAnyOrderOfPeople) {
  for (const Keys* keys : {&rollout_keys_, &releases_keys_, &targets_keys_}) {
    const Result<SignReport> report = sign(*keys);
    ASSERT_TRUE(report);
    EXPECT_FALSE(report->complete());
  }
  EXPECT_EQ(staged_names(), (std::vector<std::string>{"targets", "releases.demo", "rollout.demo", "snapshot"}));
  EXPECT_FALSE(sign(snapshot_keys_)->complete());
  EXPECT_TRUE(sign(timestamp_keys_)->complete());
}

// Spec: 6.3.2b
TEST_F(Signing, DraftsNoSnapshotBeforeEveryTargetsRoleIsComplete) {
  ASSERT_TRUE(sign(targets_keys_));
  ASSERT_TRUE(sign(rollout_keys_));
  ASSERT_TRUE(sign(snapshot_keys_));
  EXPECT_EQ(staged_names(), (std::vector<std::string>{"targets", "releases.demo", "rollout.demo"}));
}

TEST_F(Signing, AgainAddsNothingAndKeepsTheDrafts) {
  sign_all();
  const auto before = files_below("staging");
  const Result<SignReport> report = sign(releases_keys_);
  EXPECT_EQ(report->signatures_added, 0u);
  EXPECT_TRUE(report->complete());
  EXPECT_EQ(files_below("staging"), before);
}

TEST_F(Signing, WithAStrangersKeySignsNothing) {
  const auto before = files_below("staging");
  const Keys stranger = new_keys(1);
  const Result<SignReport> report = sign(stranger);
  ASSERT_TRUE(report);
  EXPECT_EQ(report->signatures_added, 0u);
  EXPECT_EQ(report->idle_keys, 1u);
  EXPECT_EQ(files_below("staging"), before);
}

// Book: SRV-16
// Spec: 1.5b
TEST_F(Signing, WithTheOnlineKeysSignsNoTargetsRole) {
  ASSERT_TRUE(sign(snapshot_keys_));
  ASSERT_TRUE(sign(timestamp_keys_));
  const Result<RepositoryStatus> status = repository_status(repository(), kNow);
  ASSERT_TRUE(status);
  for (const RoleStatus& role : status->roles) EXPECT_EQ(role.signed_by, 0u) << role.role.text();
}

TEST_F(Signing, AChangedDraftMakesANewSnapshot) {
  sign_all();
  ASSERT_TRUE(add(release("1.0.0", 1)));
  EXPECT_EQ(code_of(publish()), "E_SIG");
  sign_all();
  EXPECT_TRUE(publish());
}

// Two drafts were made of one state, and the other one was published: what is signed now would be a second content of
// its version.
// Book: SRV-17
TEST_F(Signing, RefusesADraftWhoseVersionIsPublicWithOtherContent) {
  publish_release("1.0.0", 1, 1);
  fs::copy(folder(), temp_ / "other", fs::copy_options::recursive);
  publish_release("1.1.0", 2, 2);
  const fs::path here = folder();
  fs::rename(here, temp_ / "published");
  fs::rename(temp_ / "other", here);
  ASSERT_TRUE(add(release("1.2.0", 3, 3)));
  fs::remove_all(here / "public");
  fs::copy(temp_ / "published/public", here / "public", fs::copy_options::recursive);
  EXPECT_EQ(code_of(sign(releases_keys_)), "E_POLICY");
}

// A clock that is a year ahead would sign an issue time behind which no device ever goes again.
TEST_F(Signing, RefusesAClockThatIsFarFromWhatIsPublished) {
  EXPECT_TRUE(check_clock(repository(), kNow));  // nothing is published
  publish_release("1.0.0", 1, 1);
  EXPECT_TRUE(check_clock(repository(), kNow));
  EXPECT_TRUE(check_clock(repository(), days_later(30)));  // the timestamp expired, and nobody looked after it
  EXPECT_TRUE(check_clock(repository(), kNow.plus_seconds(-1800)));
  for (const metadata::UtcTime now : {days_later(-365), kNow.plus_seconds(-7200), days_later(38), days_later(365)}) {
    const Result<void> checked = check_clock(repository(), now);
    EXPECT_EQ(code_of(checked), "E_POLICY") << now.text();
    EXPECT_NE(checked.error().message.find(now.text()), std::string::npos);
  }
}

TEST_F(Signing, PutsTheTimeIntoTheTimestamp) {
  sign_all();
  const auto timestamp = metadata::Timestamp::parse((*repository().staged(RoleId::timestamp()))->signed_part());
  EXPECT_EQ(timestamp->issued, kNow);
  EXPECT_EQ(timestamp->header.expires, days_later(7));
}

TEST_F(Signing, TakesAnotherLifetimeForWhatItDrafts) {
  for (const Keys* keys : {&targets_keys_, &releases_keys_, &rollout_keys_, &snapshot_keys_, &timestamp_keys_}) {
    ASSERT_TRUE(sign_staged(repository(), disk_, *keys, *Days::parse("3d"), kNow));
  }
  for (const RoleId& role : {RoleId::snapshot(), RoleId::timestamp()}) {
    EXPECT_EQ(header_of(**repository().staged(role), role)->expires, days_later(3)) << role.text();
  }
}

TEST_F(Signing, RefusesADraftThatExpiredBeforeItWasSigned) {
  EXPECT_EQ(code_of(sign(targets_keys_, days_later(366))), "E_EXPIRED");
  ASSERT_TRUE(renew(repository(), disk_, RoleId::targets(), std::nullopt, days_later(366)));
  EXPECT_TRUE(sign(targets_keys_, days_later(366)));
}

TEST_F(Signing, OfNothingDoesNothing) {
  publish_release("1.0.0", 1);
  const Result<SignReport> report = sign(timestamp_keys_);
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->roles.empty());
  EXPECT_TRUE(files_below("staging").empty());
}

// Spec: 4.4a
TEST_F(Signing, OfOneRoleKeepsTheEntriesOfTheOthers) {
  publish_release("1.0.0", 1);
  const auto before = metadata::Snapshot::parse((*repository().published(RoleId::snapshot()))->signed_part());
  ASSERT_TRUE(renew(repository(), disk_, rollout_role_of(label("demo")), std::nullopt, kNow));
  sign_all();
  auto after = metadata::Snapshot::parse((*repository().staged(RoleId::snapshot()))->signed_part())->meta;
  EXPECT_EQ(after.at("rollout.demo.json").version.value(), 2);
  after.insert_or_assign("rollout.demo.json", before->meta.at("rollout.demo.json"));
  EXPECT_EQ(after, before->meta);
}

TEST_F(Signing, TakesADraftThatOthersWroteAndSignedAsTheyWroteIt) {
  const fs::path draft = folder() / "staging/metadata/rollout.demo.json";
  const Bytes ours = *hsm::read_file(draft, 1u << 20);
  const metadata::Envelope envelope = *metadata::Envelope::parse(ours, 1u << 20);
  const metadata::PublicKey& key = rollout_keys_[0]->public_key();
  const std::string theirs = json::to_text(*json::parse(
      as_bytes(hsm::add_signature(envelope, key.hash_keyid(), key, *rollout_keys_[0])->to_text())));  // other spaces
  ASSERT_TRUE(disk_.put(draft, as_bytes(theirs)));
  sign_all();
  ASSERT_TRUE(publish());
  EXPECT_EQ(as_text(*hsm::read_file(folder() / "public/metadata/1.rollout.demo.json", 1u << 20)), theirs);
}

}  // namespace
}  // namespace tenon::repo_tools
