#include <tenon/repo_tools/publisher.h>

#include <algorithm>

#include <tests/repo_tools/test_writers.h>
#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class Publishing : public Workshop {};

// Book: SRV-01
// Spec: 6.2.1a, 6.2.1c
TEST_F(Publishing, WritesTargetsFirstAndTheTimestampLast) {
  stage_release("1.0.0", 1);
  RecordingWriter writer(folder());
  ASSERT_TRUE(publish(writer));
  std::vector<std::string> kinds;
  for (const std::string& step : writer.steps) {
    const std::string kind = step.starts_with("copy_new public/targets/") ? "target"
                             : step.starts_with("remove ")                ? "clear"
                                                                          : step;
    if (kinds.empty() || kinds.back() != kind) kinds.push_back(kind);
  }
  EXPECT_EQ(kinds, (std::vector<std::string>{
                       "target", "put_new public/metadata/1.releases.demo.json",
                       "put_new public/metadata/1.rollout.demo.json", "put_new public/metadata/1.targets.json",
                       "put_new public/metadata/1.snapshot.json", "put_new public/metadata/1.root.json",
                       "put log.jsonl", "put public/metadata/timestamp.json", "clear"}));
  EXPECT_EQ(*current(), "1.0.0");
}

// Book: SRV-01
// Spec: 6.2.2
TEST_F(Publishing, LeavesTheOldOrTheNewForAClientAtEveryCutAndCompletesWhenRunAgain) {
  publish_release("1.0.0", 1, 1);
  stage_release("1.1.0", 2, 2);
  fs::copy(folder(), temp_ / "before", fs::copy_options::recursive);
  RecordingWriter all(folder());
  ASSERT_TRUE(publish(all));
  const auto whole = files_below("public");

  bool seen_new = false;
  for (std::size_t steps = 0; steps < all.steps.size(); ++steps) {
    fs::remove_all(folder());
    fs::copy(temp_ / "before", folder(), fs::copy_options::recursive);
    CutWriter writer(steps);
    ASSERT_EQ(code_of(publish(writer)), "E_STORAGE") << steps;
    const Result<std::string> version = current();
    ASSERT_TRUE(version) << steps << ": " << version.error().message;
    seen_new |= *version == "1.1.0";
    EXPECT_EQ(*version, seen_new ? "1.1.0" : "1.0.0") << steps;

    const Result<void> again = publish();
    ASSERT_TRUE(again) << steps << ": " << again.error().message;
    EXPECT_EQ(*current(), "1.1.0") << steps;
    for (const auto& [name, content] : whole) EXPECT_EQ(files_below("public")[name], content) << name;
  }
  EXPECT_TRUE(seen_new);
}

TEST_F(Publishing, OfTheVeryFirstStateCanBeCutAnywhereToo) {
  stage_release("1.0.0", 1);
  fs::copy(folder(), temp_ / "before", fs::copy_options::recursive);
  // 4 target files, 5 files of metadata, the log and the timestamp, then clearing up.
  for (std::size_t steps = 0; steps < 15; ++steps) {
    fs::remove_all(folder());
    fs::copy(temp_ / "before", folder(), fs::copy_options::recursive);
    CutWriter writer(steps);
    ASSERT_FALSE(publish(writer)) << steps;
    EXPECT_EQ(current() ? *current() : code_of(current()), steps < 11 ? "E_NET" : "1.0.0") << steps;
    ASSERT_TRUE(publish()) << steps;
    EXPECT_EQ(*current(), "1.0.0") << steps;
  }
}

TEST_F(Publishing, AfterACutTakesAChangeOfPlans) {
  publish_release("1.0.0", 1, 1);
  stage_release("1.1.0", 2, 2);
  CutWriter writer(5);  // 2.releases.demo.json is public, nothing leads to it
  ASSERT_FALSE(publish(writer));
  ASSERT_TRUE(fs::exists(folder() / "public/metadata/2.releases.demo.json"));
  const Bytes there = *hsm::read_file(folder() / "public/metadata/2.releases.demo.json", 1u << 20);
  stage_release("1.2.0", 3, 3);
  EXPECT_EQ(repository().newest_targets(releases_role_of(label("demo")))->header.version.value(), 3);
  ASSERT_TRUE(publish());
  EXPECT_EQ(*current(), "1.2.0");
  EXPECT_EQ(*hsm::read_file(folder() / "public/metadata/2.releases.demo.json", 1u << 20), there);
}

// Book: SRV-04, SRV-05
// Spec: 3.1.1, 4.4c
TEST_F(Publishing, NeverOverwritesAVersionedFile) {
  publish_release("1.0.0", 1);
  const auto before = files_below("public");
  stage_release("1.1.0", 2, 2);
  ASSERT_TRUE(disk_.put(folder() / "public/metadata/2.snapshot.json", as_bytes("{}")));
  const Result<void> published = publish();
  EXPECT_EQ(code_of(published), "E_POLICY");
  EXPECT_NE(published.error().message.find("2.snapshot.json"), std::string::npos) << published.error().message;
  EXPECT_EQ(*current(), "1.0.0");
  for (const auto& [name, content] : before) EXPECT_EQ(files_below("public")[name], content) << name;
}

// Book: SRV-15
// Spec: 6.3.1b
TEST_F(Publishing, RefusesBelowTheThresholdAndNamesTheMissingKey) {
  ASSERT_TRUE(add(release("1.0.0", 1)));
  ASSERT_TRUE(sign(targets_keys_));
  ASSERT_TRUE(sign(rollout_keys_));
  const Result<SignReport> report =
      sign_staged(repository(), disk_, Signers(releases_keys_).first(1), std::nullopt, kNow);
  ASSERT_TRUE(report);
  EXPECT_FALSE(report->complete());
  const Result<void> published = publish();
  EXPECT_EQ(code_of(published), "E_SIG");
  EXPECT_NE(published.error().message.find(releases_keys_[1]->public_key().hash_keyid().brief()), std::string::npos)
      << published.error().message;
  EXPECT_FALSE(fs::exists(folder() / "public"));
}

TEST_F(Publishing, RefusesWithoutASnapshotOfWhatIsStaged) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(add(release("1.1.0", 2)));
  ASSERT_TRUE(sign(releases_keys_));
  ASSERT_TRUE(disk_.remove(folder() / "staging/metadata/snapshot.json"));
  EXPECT_EQ(code_of(publish()), "E_SIG");
}

TEST_F(Publishing, RefusesATamperedStagedFile) {
  stage_release("1.0.0", 1);
  const fs::path payload = staged_file_ending(".rootfs.full.zst");
  Bytes content = *hsm::read_file(payload, 1u << 20);
  content[content.size() / 2] ^= 1;
  ASSERT_TRUE(disk_.put(payload, content));
  EXPECT_EQ(code_of(publish()), "E_MISMATCH");
  EXPECT_FALSE(fs::exists(folder() / "public"));
}

TEST_F(Publishing, RefusesATruncatedStagedFile) {
  stage_release("1.0.0", 1);
  ASSERT_TRUE(disk_.put(staged_file_ending(".rootfs.segments"), as_bytes("short")));
  EXPECT_EQ(code_of(publish()), "E_MISMATCH");
}

TEST_F(Publishing, RefusesATargetFileThatIsMissing) {
  stage_release("1.0.0", 1);
  fs::remove(staged_file_ending(".rootfs.full.zst"));
  EXPECT_EQ(code_of(publish()), "E_NET");
  EXPECT_FALSE(fs::exists(folder() / "public"));
}

TEST_F(Publishing, RefusesATamperedDraft) {
  stage_release("1.0.0", 1);
  const fs::path draft = folder() / "staging/metadata/releases.demo.json";
  std::string text(as_text(*hsm::read_file(draft, 1u << 20)));
  text.replace(text.find("\"length\": "), 10, "\"length\": 1");
  ASSERT_TRUE(disk_.put(draft, as_bytes(text)));
  EXPECT_EQ(code_of(publish()), "E_SIG");
  EXPECT_FALSE(fs::exists(folder() / "public"));
}

// Book: SRV-08
TEST_F(Publishing, RefusesWhatExpiredWhileItWaited) {
  stage_release("1.0.0", 1);
  EXPECT_EQ(code_of(publish(disk_, days_later(8))), "E_EXPIRED");
  sign_all(days_later(8));  // makes a new timestamp
  EXPECT_TRUE(publish(disk_, days_later(8)));
}

// Book: SRV-13
// Spec: 6.3.1a
TEST_F(Publishing, RefusesAVersionThatIsNotTheNext) {
  publish_release("1.0.0", 1);
  metadata::Targets targets = *repository().newest_targets(rollout_role_of(label("demo")));
  targets.header.version = *metadata::Version::create(1'000'000);
  ASSERT_TRUE(disk_.put(repository().draft("rollout.demo.json"),
                        as_bytes(metadata::Envelope::unsigned_of(targets.to_json()).to_text())));
  sign_all();
  EXPECT_EQ(code_of(publish()), "E_POLICY");
}

// Book: SRV-07
TEST_F(Publishing, KeepsARoleInTheSnapshotAfterItsDelegationIsGone) {
  publish_release("1.0.0", 1);
  metadata::Targets targets = *repository().newest_targets(RoleId::targets());
  targets.delegations->roles.pop_back();  // rollout.demo
  ASSERT_TRUE(write_draft(repository(), disk_, RoleId::targets(), targets, days_later(100)));
  sign_all();
  const auto snapshot = metadata::Snapshot::parse((*repository().staged(RoleId::snapshot()))->signed_part());
  EXPECT_TRUE(snapshot->meta.contains("rollout.demo.json"));
  EXPECT_TRUE(publish());
  EXPECT_EQ(*current(), "nothing");  // no channel can be found any more
}

// Book: SRV-14
TEST_F(Publishing, RefusesASnapshotThatDevicesWouldTakeForARollback) {
  publish_release("1.0.0", 1);
  stage_release("1.1.0", 2, 2);
  const Repository repo = repository();
  metadata::Snapshot snapshot = *metadata::Snapshot::parse((*repo.staged(RoleId::snapshot()))->signed_part());
  snapshot.meta.erase("rollout.demo.json");
  restage_online(snapshot);
  EXPECT_EQ(code_of(publish()), "E_ROLLBACK");
}

TEST_F(Publishing, RefusesATargetThatItsRoleMayNotSpeakFor) {
  publish_release("1.0.0", 1);
  metadata::Targets targets = *repository().newest_targets(rollout_role_of(label("demo")));
  ASSERT_TRUE(stage_target(repository(), disk_, *metadata::TargetPath::parse("demo/releases/9.9.9/release.json"),
                           as_bytes("{}"), targets));
  ASSERT_TRUE(write_draft(repository(), disk_, rollout_role_of(label("demo")), targets, days_later(10)));
  sign_all();
  EXPECT_EQ(code_of(publish()), "E_POLICY");  // no client would find it
}

TEST_F(Publishing, RefusesAChannelThatPinsAnotherRelease) {
  publish_release("1.0.0", 1);
  policies::Channel channel = **listed_channel(repository(), label("demo"), label("stable"));
  ++channel.serial;
  channel.release_sha256 = Sha256::of(as_bytes("another"));
  metadata::Targets targets = *repository().newest_targets(rollout_role_of(label("demo")));
  ASSERT_TRUE(stage_target(repository(), disk_, policies::channel_path(label("demo"), label("stable")),
                           as_bytes(json::to_text(channel.to_json())), targets));
  ASSERT_TRUE(write_draft(repository(), disk_, rollout_role_of(label("demo")), targets, days_later(10)));
  sign_all();
  EXPECT_EQ(code_of(publish()), "E_MISMATCH");
}

TEST_F(Publishing, OfNothingDoesNothing) {
  publish_release("1.0.0", 1);
  const auto before = files_below("public");
  EXPECT_TRUE(staged_publication(repository(), kNow)->empty());
  EXPECT_EQ(files_below("public"), before);
  EXPECT_TRUE(files_below("staging").empty());
}

TEST_F(Publishing, OfANewRootRotatesTheTimestampKey) {
  publish_release("1.0.0", 1);
  timestamp_keys_ = new_keys(1);
  ASSERT_TRUE(disk_.put(repository().draft("2.root.json"), signed_root(root(2))));
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  ASSERT_TRUE(set("1.1.0"));
  sign_all();
  ASSERT_TRUE(publish());
  EXPECT_EQ(*current(), "1.1.0");
  EXPECT_TRUE(fs::exists(folder() / "public/metadata/2.root.json"));
}

TEST_F(Publishing, IsForOneAtATime) {
  const Result<hsm::FileDescriptor> first = repository().lock();
  ASSERT_TRUE(first);
  EXPECT_EQ(code_of(repository().lock()), "E_BUSY");
}

// --- the daily job

class Refreshing : public Publishing {
 protected:
  Result<void> refresh(const Keys& keys, metadata::UtcTime now) {
    const Repository repo = repository();
    TENON_TRY(const OnlineRoles roles, sign_online(repo, keys, std::nullopt, now));
    TENON_TRY(const Publication publication, online_publication(roles));
    TENON_TRY_VOID(check_publication(repo, publication, now, no_progress_));
    return write_publication(repo, disk_, publication, now, no_progress_);
  }
};

// Spec: 2.1.4
TEST_F(Refreshing, KeepsAnUnchangedRepositoryAlive) {
  publish_release("1.0.0", 1);
  EXPECT_EQ(code_of(current(days_later(8))), "E_EXPIRED");
  ASSERT_TRUE(refresh(timestamp_keys_, days_later(8)));
  EXPECT_EQ(*current(days_later(8)), "1.0.0");
}

TEST_F(Refreshing, NeedsTheSnapshotKeyWhenTheSnapshotEndsBeforeTheTimestamp) {
  publish_release("1.0.0", 1);
  EXPECT_EQ(code_of(refresh(timestamp_keys_, days_later(24))), "E_SIG");
  Keys both = new_keys(0);
  for (Keys* keys : {&snapshot_keys_, &timestamp_keys_}) both.push_back(std::move(keys->front()));
  ASSERT_TRUE(refresh(both, days_later(24)));
  EXPECT_EQ(*current(days_later(30)), "1.0.0");
  EXPECT_TRUE(fs::exists(folder() / "public/metadata/2.snapshot.json"));
}

TEST_F(Refreshing, LeavesWhatIsStagedAlone) {
  publish_release("1.0.0", 1);
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  const auto staged = files_below("staging");
  ASSERT_TRUE(refresh(timestamp_keys_, days_later(1)));
  EXPECT_EQ(files_below("staging"), staged);
  EXPECT_EQ(*current(), "1.0.0");
}

TEST_F(Refreshing, BetweenSigningAndPublishingOnlyAsksForANewTimestamp) {
  publish_release("1.0.0", 1);
  stage_release("1.1.0", 2, 2);
  ASSERT_TRUE(refresh(timestamp_keys_, days_later(1)));
  const Result<void> published = publish(disk_, days_later(1));
  EXPECT_EQ(code_of(published), "E_POLICY") << "two timestamps of one version";
  EXPECT_EQ(*current(days_later(1)), "1.0.0");
  const Result<SignReport> report = sign(timestamp_keys_, days_later(1));
  ASSERT_TRUE(report);
  EXPECT_TRUE(report->complete());
  ASSERT_TRUE(publish(disk_, days_later(1)));
  EXPECT_EQ(*current(days_later(1)), "1.1.0");
}

TEST_F(Refreshing, WithAnotherKeyChangesNothing) {
  publish_release("1.0.0", 1);
  const auto before = files_below("public");
  EXPECT_EQ(code_of(refresh(rollout_keys_, days_later(1))), "E_SIG");
  EXPECT_EQ(files_below("public"), before);
}

}  // namespace
}  // namespace tenon::repo_tools
