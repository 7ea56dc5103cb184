#include <tenon/policies/rehearsal.h>
#include <tenon/repo_tools/commands.h>
#include <tenon/repo_tools/publish_policy.h>

#include <iostream>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

using policies::SigningPolicy;

// A repository for production, of the same keys.
class PublishPolicy : public Workshop {
 protected:
  // What the keys of the workshop fulfil.
  static SigningPolicy policy(std::int64_t version = 1) {
    SigningPolicy policy = SigningPolicy::lab();
    policy.repository = label("demo");
    policy.version = *metadata::Version::create(version);
    policy.expires = days_later(365);
    policy.is_lab = false;
    policy.roles.at("targets").offline = false;  // the workshop signs in one place
    policy.roles.at("root").max_expiry_days = 1100;
    policy.roles.at("timestamp").max_expiry_days = 7;
    policy.roles.at("timestamp").min_remaining_hours_at_publish = 72;
    policy.roles.at("rollout.*").max_expiry_days = 31;
    return policy;
  }

  Bytes signed_by_root(const SigningPolicy& policy, std::size_t signatures = 2) const {
    metadata::Envelope envelope = metadata::Envelope::unsigned_of(policy.to_json());
    for (std::size_t i = 0; i < signatures; ++i) {
      const metadata::PublicKey& key = root_keys_[i]->public_key();
      envelope = *hsm::add_signature(envelope, key.hash_keyid(), key, *root_keys_[i]);
    }
    return to_bytes(envelope.to_text());
  }

  Result<void> init(const Governance& governance) {
    fs::remove_all(folder());
    return init_repository(folder(), signed_root(root()), product(), governance, kNow);
  }
  void init(const SigningPolicy& policy) { ASSERT_TRUE(init({policy.is_lab, signed_by_root(policy)})); }

  Result<SigningPolicy> set_to(const SigningPolicy& policy, std::size_t signatures = 2) {
    return set_policy(repository(), disk_, signed_by_root(policy, signatures));
  }

  Result<std::vector<std::string>> judge(metadata::UtcTime now = kNow) const {
    const Repository repo = repository();
    TENON_TRY(const Publication publication, staged_publication(repo, now));
    return judge_publication(repo, publication, now);
  }

  // What is refused, and why; every part of the reason is named.
  void expect_refused(const std::vector<std::string>& parts, metadata::UtcTime now = kNow) const {
    const Result<std::vector<std::string>> result = judge(now);
    ASSERT_EQ(code_of(result), "E_POLICY");
    for (const std::string& part : parts) {
      EXPECT_NE(result.error().message.find(part), std::string::npos) << part << " in " << result.error().message;
    }
  }
};

TEST_F(PublishPolicy, IsAskedForWhenARepositoryForProductionIsMade) {
  const Result<void> made = init(Governance{});
  ASSERT_EQ(code_of(made), "E_USAGE");
  EXPECT_NE(made.error().hint.find("--policy"), std::string::npos);
  EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(PublishPolicy, OfALabIsRefusedForProduction) {
  SigningPolicy lab = policy();
  lab.is_lab = true;
  EXPECT_EQ(code_of(init({false, signed_by_root(lab)})), "E_POLICY");
  EXPECT_EQ(code_of(init({true, signed_by_root(lab)})), "no error");
}

TEST_F(PublishPolicy, IsRefusedBelowTheThresholdOfRoot) {
  EXPECT_EQ(code_of(init({false, signed_by_root(policy(), 1)})), "E_SIG");
  EXPECT_FALSE(fs::exists(folder()));
}

TEST_F(PublishPolicy, ShortensTheLivesOfDrafts) {
  init(policy());
  EXPECT_EQ(repository().settings().expiry.rollout.value(), 31);
  EXPECT_EQ(repository().settings().expiry.releases.value(), 365);
}

TEST_F(PublishPolicy, LetsAReleaseThroughThatKeepsIt) {
  init(policy());
  publish_release("1.0.0", 1);
  EXPECT_EQ(*current(), "1.0.0");
}

TEST_F(PublishPolicy, KeepsTheKeysOfPeopleOutOfTheMachineThatPublishes) {
  SigningPolicy apart = policy();
  apart.roles.at("releases.*").offline = true;
  init(apart);
  ASSERT_TRUE(add(release("1.0.0", 1)));
  const auto before = files_below("staging");
  EXPECT_EQ(code_of(sign(releases_keys_)), "E_POLICY");
  EXPECT_EQ(files_below("staging"), before);
  EXPECT_TRUE(sign(rollout_keys_));
  apart.is_lab = true;
  init(apart);
  EXPECT_TRUE(sign(releases_keys_));
}

TEST_F(PublishPolicy, StopsATimestampThatLivesTooLongAndSaysRulePlaceAndBothSides) {
  init(policy());
  ASSERT_TRUE(add(release("1.0.0", 1)));
  for (const Keys* keys : {&targets_keys_, &releases_keys_, &rollout_keys_, &snapshot_keys_, &timestamp_keys_}) {
    ASSERT_TRUE(sign_staged(repository(), disk_, *keys, *Days::create(30), kNow));
  }
  expect_refused({"timestamp.json: P08", "timestamp/expires", "expected within 7 days", "in 30 days"});
  EXPECT_FALSE(fs::exists(folder() / "public"));
}

TEST_F(PublishPolicy, StopsTheDailyTimestampToo) {
  init(policy());
  publish_release("1.0.0", 1);
  const Repository repo = repository();
  Keys online;
  for (Keys* keys : {&snapshot_keys_, &timestamp_keys_}) online.push_back(std::move(keys->front()));
  const Result<OnlineRoles> roles = sign_online(repo, online, *Days::create(30), kNow);
  ASSERT_TRUE(roles) << roles.error().message;
  EXPECT_EQ(code_of(judge_publication(repo, *online_publication(*roles), kNow)), "E_POLICY");
  const Result<OnlineRoles> usual = sign_online(repo, online, std::nullopt, kNow);
  ASSERT_TRUE(usual);
  EXPECT_EQ(code_of(judge_publication(repo, *online_publication(*usual), kNow)), "no error");
}

TEST_F(PublishPolicy, StopsWhatWouldSoonExpire) {
  init(policy());
  stage_release("1.0.0", 1);
  expect_refused({"P29", "expected in 72 hours or more"}, days_later(5));
}

TEST_F(PublishPolicy, StopsARootOfTooFewKeys) {
  SigningPolicy strict = policy();
  strict.roles.at("root").min_keys = 3;
  init(strict);
  stage_release("1.0.0", 1);
  expect_refused({"root: P01", "roles/root/keys", "expected 3", "found 2"});
}

TEST_F(PublishPolicy, StopsAReleaseRoleThatTooFewMustSign) {
  SigningPolicy strict = policy();
  strict.roles.at("releases.*").min_threshold = 3;
  init(strict);
  stage_release("1.0.0", 1);
  expect_refused({"releases.demo.json: P03"});
}

TEST_F(PublishPolicy, StopsEverythingOnceItHasEnded) {
  SigningPolicy brief = policy();
  brief.expires = days_later(1);
  init(brief);
  stage_release("1.0.0", 1);
  EXPECT_EQ(code_of(judge()), "no error");
  expect_refused({"P31", "policy/expires"}, days_later(2));
}

TEST_F(PublishPolicy, StopsEverythingWhenItIsGone) {
  init(policy());
  stage_release("1.0.0", 1);
  fs::remove(repository().policy_file());
  const Result<std::vector<std::string>> result = judge();
  ASSERT_EQ(code_of(result), "E_POLICY");
  EXPECT_NE(result.error().hint.find("policy set"), std::string::npos);
}

TEST_F(PublishPolicy, StopsEverythingWhenItIsNotWhatRootSigned) {
  init(policy());
  stage_release("1.0.0", 1);
  ASSERT_TRUE(disk_.put(repository().policy_file(), signed_by_root(policy(), 1)));
  EXPECT_EQ(code_of(judge()), "E_SIG");
}

TEST_F(PublishPolicy, TellsOfAWaivedRuleAndLetsItThrough) {
  SigningPolicy strict = policy();
  strict.roles.at("root").min_keys = 3;
  strict.waivers.push_back(
      {"P01", days_later(10), "the third key is on its way", root(1).role(metadata::TopRole::kRoot).keyids});
  init(strict);
  stage_release("1.0.0", 1);
  const Result<std::vector<std::string>> warnings = judge();
  ASSERT_TRUE(warnings) << warnings.error().message;
  ASSERT_EQ(warnings->size(), 1u);
  EXPECT_NE(warnings->front().find("P01"), std::string::npos);
  EXPECT_NE(warnings->front().find("waived until"), std::string::npos);
}

TEST_F(PublishPolicy, TellsThatItEndsSoon) {
  SigningPolicy ending = policy();
  ending.roles.at("root").sign_window_days = 60;
  ending.expires = days_later(30);
  init(ending);
  stage_release("1.0.0", 1);
  const Result<std::vector<std::string>> warnings = judge();
  ASSERT_TRUE(warnings) << warnings.error().message;
  ASSERT_EQ(warnings->size(), 1u);
  EXPECT_NE(warnings->front().find("the policy ends"), std::string::npos) << warnings->front();
}

TEST_F(PublishPolicy, OfALabSaysThatItIsOne) {
  SigningPolicy lab = policy();
  lab.is_lab = true;
  init(lab);
  stage_release("1.0.0", 1);
  EXPECT_EQ(*judge(), std::vector<std::string>{"a lab's policy, not for devices that matter"});
}

TEST_F(PublishPolicy, IsReplacedByANewerOneAlone) {
  init(policy(2));
  EXPECT_EQ(code_of(set_to(policy(1))), "E_ROLLBACK");
  EXPECT_EQ(code_of(set_to(policy(2))), "no error");
  SigningPolicy other = policy(2);
  other.roles.at("root").min_keys = 2;
  EXPECT_EQ(code_of(set_to(other)), "E_ROLLBACK");
  EXPECT_EQ(code_of(set_to(policy(3), 1)), "E_SIG");
  EXPECT_EQ(set_to(policy(3))->version.value(), 3);
}

TEST_F(PublishPolicy, OfOldRootKeysHasToBeSignedAgain) {
  init(policy());
  publish_release("1.0.0", 1);
  Keys old_keys = std::exchange(root_keys_, new_keys(2));
  metadata::Envelope envelope = metadata::Envelope::unsigned_of(root(2).to_json());
  for (Keys* keys : {&old_keys, &root_keys_}) {
    for (const auto& key : *keys) {
      envelope = *hsm::add_signature(envelope, key->public_key().hash_keyid(), key->public_key(), *key);
    }
  }
  ASSERT_TRUE(disk_.put(repository().draft("2.root.json"), as_bytes(envelope.to_text())));
  ASSERT_TRUE(renew(repository(), disk_, RoleId::targets(), std::nullopt, kNow));
  sign_all();
  EXPECT_EQ(code_of(judge()), "E_SIG");
  ASSERT_TRUE(set_to(policy(2)));
  EXPECT_EQ(code_of(judge()), "no error");
}

TEST_F(PublishPolicy, StopsTheRootOfARehearsalInALabToo) {
  metadata::Root rehearsal = root();
  policies::mark_rehearsal(rehearsal);
  fs::remove_all(folder());
  const Governance lab{.is_lab = true};
  EXPECT_EQ(code_of(init_repository(folder(), signed_root(rehearsal), product(), lab, kNow)), "E_POLICY");
  ASSERT_TRUE(init(lab));
  stage_release("1.0.0", 1);
  for (const fs::path& file : {folder() / "root.json", repository().draft("1.root.json")}) {
    ASSERT_TRUE(disk_.put(file, signed_root(rehearsal)));
  }
  expect_refused({"rehearsal"});
}

TEST_F(PublishPolicy, TakesNoRootOfARehearsalAfterOneThatIsNone) {
  metadata::Root next = root();
  next.header.version = *next.header.version.next();
  policies::mark_rehearsal(next);
  ASSERT_TRUE(disk_.put(temp_ / "2.root.json", signed_root(next)));
  const Console console{std::cout, std::cerr, no_progress_, kNow, false, true};
  EXPECT_EQ(code_of(run_root_add(console, {folder(), temp_ / "2.root.json"})), "E_POLICY");
  EXPECT_FALSE(fs::exists(repository().draft("2.root.json")));
}

}  // namespace
}  // namespace tenon::repo_tools
