// Who may sign which paths, below targets: what an edit drafts, what it refuses, what clients then find.
#include <tenon/repo_tools/delegation_editor.h>
#include <tenon/repo_tools/explain.h>
#include <tenon/repo_tools/target_list.h>

#include <algorithm>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

metadata::RoleName role_name(std::string_view text) {
  return *metadata::RoleName::parse_delegated(text);
}
RoleId role_id(std::string_view text) {
  return *RoleId::parse(text);
}
std::vector<metadata::PathPattern> patterns(std::vector<std::string_view> texts) {
  std::vector<metadata::PathPattern> all;
  for (const std::string_view text : texts) all.push_back(*metadata::PathPattern::parse(text));
  return all;
}

class Delegating : public Workshop {
 protected:
  Delegating() { publish_release("1.0.0", 1); }

  RoleHolders holders() const { return {public_keys(team_keys_), 1}; }

  Result<DelegationEdited> add_role(std::string_view role, std::string_view path,
                                    const RoleId& by = RoleId::targets()) {
    return add_delegation(repository(), disk_, {by, role_name(role), patterns({path}), holders()}, kNow);
  }
  Result<DelegationEdited> bins_of(std::string_view role, std::uint64_t count, bool listed = false) {
    return add_bins(repository(), disk_, {role_id(role), count, std::string(role) + "-bin", holders(), listed}, kNow);
  }
  Result<TargetsChanged> add_file(std::string_view role, const std::string& name, std::string_view content) {
    const fs::path file = temp_.write("file", content);
    fs::rename(file, file.parent_path() / name);
    return add_target_files(repository(), disk_, role_id(role), file.parent_path() / name, "apps/", kNow, no_progress_);
  }
  Result<void> sign_and_publish() {
    sign_all();
    EXPECT_TRUE(sign(team_keys_));
    sign_all();
    return publish();
  }
  // finder names the role that vouches for a path, as a new device finds it.
  std::string finder(std::string_view path) {
    const Repository repo = repository();
    const Result<Explanation> found = explain(repo, *repo.initial_root(), *metadata::TargetPath::parse(path), kNow);
    if (!found) return std::string(to_string(found.error().code));
    return found->found ? found->found->signed_by().text() : "nobody";
  }

  Keys team_keys_ = new_keys(1);
};

TEST_F(Delegating, MakesARoleThatClientsAsk) {
  const Result<DelegationEdited> edited = add_role("apps", "apps/*");
  ASSERT_TRUE(edited) << edited.error().message;
  EXPECT_EQ(edited->drafts.size(), 2u);
  ASSERT_TRUE(add_file("apps", "tool", "content"));
  const Result<void> published = sign_and_publish();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(finder("apps/tool"), "apps");
}

TEST_F(Delegating, GoesAsDeepAsTeamsDo) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(add_role("apps.audio", "apps/audio-*", role_id("apps")));
  ASSERT_TRUE(add_file("apps.audio", "audio-mixer", "content"));
  const Result<void> published = sign_and_publish();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(finder("apps/audio-mixer"), "apps.audio");
  const RoleTree tree = *RoleTree::read(repository());
  EXPECT_EQ(tree.way_to(role_id("apps.audio"))->depth, 2);
  EXPECT_EQ(tree.way_to(role_id("apps.audio"))->delegator, role_id("apps"));
}

TEST_F(Delegating, RefusesPathsThatAnotherMaySpeakForUnlessTold) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  EXPECT_EQ(code_of(add_role("more", "apps/m*")), "E_POLICY");
  EXPECT_TRUE(add_delegation(
      repository(), disk_, {RoleId::targets(), role_name("more"), patterns({"apps/m*"}), holders(), true, true}, kNow));
}

TEST_F(Delegating, RefusesARoleThatIsThereAndHoldersThatCannotSign) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  EXPECT_EQ(code_of(add_role("apps", "other/*")), "E_USAGE");
  RoleHolders too_few = holders();
  too_few.threshold = 2;
  EXPECT_EQ(code_of(add_delegation(repository(), disk_, {RoleId::targets(), role_name("x"), patterns({"x/*"}), too_few},
                                   kNow)),
            "E_USAGE");
  EXPECT_EQ(code_of(add_role("x", "x/*", role_id("nobody"))), "E_USAGE");
}

TEST_F(Delegating, SaysWhatANarrowedRoleNoLongerReaches) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(add_file("apps", "tool", "content"));
  ASSERT_TRUE(sign_and_publish());
  const Result<DelegationEdited> edited =
      edit_delegation(repository(), disk_, role_id("apps"), {.paths = patterns({"apps/a*"})}, kNow);
  ASSERT_TRUE(edited) << edited.error().message;
  ASSERT_EQ(edited->remarks.size(), 1u);
  EXPECT_NE(edited->remarks[0].find("1 target of apps will no longer be found, apps/tool"), std::string::npos)
      << edited->remarks[0];
  ASSERT_TRUE(sign_and_publish());
  EXPECT_EQ(finder("apps/tool"), "nobody");
}

TEST_F(Delegating, HasARoleSignedAnewWhenItsHoldersChange) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(sign_and_publish());
  const Keys old_keys = std::exchange(team_keys_, new_keys(1));
  ASSERT_TRUE(edit_delegation(repository(), disk_, role_id("apps"), {.keys = public_keys(team_keys_)}, kNow));
  sign_all();
  ASSERT_TRUE(sign(old_keys));
  EXPECT_EQ(code_of(publish()), "E_SIG");
  ASSERT_TRUE(sign_and_publish());
  const metadata::Targets targets = *repository().newest_targets(RoleId::targets());
  EXPECT_EQ(std::ranges::count_if(targets.delegations->keys,
                                  [&](const auto& key) { return key.second == old_keys[0]->public_key(); }),
            0);
}

TEST_F(Delegating, KeepsARemovedRoleInTheSnapshot) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(add_file("apps", "tool", "content"));
  ASSERT_TRUE(sign_and_publish());
  ASSERT_TRUE(remove_delegation(repository(), disk_, role_id("apps"), kNow));
  const Result<void> published = sign_and_publish();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(finder("apps/tool"), "nobody");
  EXPECT_TRUE((*repository().published_state())->snapshot.meta.contains("apps.json"));
}

TEST_F(Delegating, DoesNotTakeARoleFromAProduct) {
  EXPECT_EQ(code_of(remove_delegation(repository(), disk_, role_id("rollout.demo"), kNow)), "E_POLICY");
  EXPECT_EQ(code_of(remove_delegation(repository(), disk_, role_id("nobody"), kNow)), "E_USAGE");
}

// TAP 15
TEST_F(Delegating, PutsEachTargetIntoTheBinOfItsPath) {
  for (const bool listed : {false, true}) {
    const std::string role = listed ? "listed" : "succinct";
    ASSERT_TRUE(add_delegation(repository(), disk_,
                               {RoleId::targets(), role_name(role), patterns({role + "/*"}), holders()}, kNow));
    ASSERT_TRUE(bins_of(role, 8, listed));
    std::string lines;
    for (int i = 0; i < 40; ++i) {
      lines += Sha256::of(as_bytes(std::to_string(i))).hex() + " 7 " + role + "/" + std::to_string(i) + "\n";
    }
    const Result<TargetsChanged> added =
        add_target_manifest(repository(), disk_, role_id(role), temp_.write("list", lines), kNow, no_progress_);
    ASSERT_TRUE(added) << added.error().message;
    EXPECT_EQ(added->added, 40u);
    const Result<void> published = sign_and_publish();
    ASSERT_TRUE(published) << published.error().message;
    for (int i = 0; i < 40; ++i) {
      const std::string path = role + "/" + std::to_string(i);
      EXPECT_TRUE(finder(path).starts_with(role + "-bin-")) << path << " " << finder(path);
    }
  }
}

TEST_F(Delegating, MovesWhatARoleListsIntoItsBins) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(add_file("apps", "tool", "content"));
  ASSERT_TRUE(sign_and_publish());
  ASSERT_TRUE(bins_of("apps", 4));
  ASSERT_TRUE(sign_and_publish());
  EXPECT_TRUE(finder("apps/tool").starts_with("apps-bin-"));
}

TEST_F(Delegating, RefusesBinsThatCannotBe) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  for (const std::uint64_t count : {0u, 1u, 3u, 131'072u})
    EXPECT_EQ(code_of(bins_of("apps", count)), "E_USAGE") << count;
  EXPECT_EQ(code_of(bins_of("targets", 4)), "E_USAGE");  // it delegates already
  ASSERT_TRUE(bins_of("apps", 2));
  EXPECT_EQ(code_of(bins_of("apps", 4)), "E_USAGE");
  EXPECT_EQ(code_of(add_role("apps.audio", "apps/audio-*", role_id("apps"))), "E_USAGE");
}

TEST_F(Delegating, GivesAllBinsOtherHolders) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(bins_of("apps", 4));
  ASSERT_TRUE(sign_and_publish());
  const Keys role_keys = std::exchange(team_keys_, new_keys(1));
  ASSERT_TRUE(
      edit_delegation(repository(), disk_, role_id("apps"), {.keys = public_keys(team_keys_), .of_bins = true}, kNow));
  ASSERT_TRUE(sign(role_keys));  // apps itself
  const Result<void> published = sign_and_publish();
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(code_of(edit_delegation(repository(), disk_, role_id("apps-bin-0"), {.paths = patterns({"x"})}, kNow)),
            "E_USAGE");
}

TEST_F(Delegating, RenewsAllBinsBeforeTheyExpireTogether) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(bins_of("apps", 4));
  ASSERT_TRUE(sign_and_publish());
  const Result<std::vector<Draft>> drafts =
      renew_bins(repository(), disk_, role_id("apps"), *Days::create(7), days_later(1));
  ASSERT_TRUE(drafts) << drafts.error().message;
  ASSERT_EQ(drafts->size(), 4u);
  EXPECT_EQ(drafts->front().expires, days_later(8));
  EXPECT_EQ(code_of(renew_bins(repository(), disk_, role_id("apps-bin-0"), std::nullopt, kNow)), "E_USAGE");
}

TEST_F(Delegating, KeepsTheThresholdUnlessToldAndSaysWhenItFalls) {
  team_keys_ = new_keys(3);
  RoleHolders two = holders();
  two.threshold = 2;
  ASSERT_TRUE(
      add_delegation(repository(), disk_, {RoleId::targets(), role_name("apps"), patterns({"apps/*"}), two}, kNow));
  team_keys_ = new_keys(3);
  const auto threshold = [&] {
    return RoleTree::read(repository())->way_to(role_id("apps"))->edge.keys.threshold.value();
  };
  ASSERT_TRUE(edit_delegation(repository(), disk_, role_id("apps"), {.keys = public_keys(team_keys_)}, kNow));
  EXPECT_EQ(threshold(), 2u);
  EXPECT_EQ(code_of(edit_delegation(repository(), disk_, role_id("apps"), {.keys = public_keys(new_keys(1))}, kNow)),
            "E_USAGE");
  EXPECT_EQ(code_of(edit_delegation(repository(), disk_, role_id("apps"), {.threshold = 4}, kNow)), "E_USAGE");
  const Result<DelegationEdited> loosened =
      edit_delegation(repository(), disk_, role_id("apps"), {.threshold = 1}, kNow);
  ASSERT_TRUE(loosened) << loosened.error().message;
  EXPECT_EQ(loosened->remarks.at(0), "1 of its keys will be enough to sign apps, 2 were needed");
}

// What a product's roles list is for release and channel: around them a version could come to stand for two contents.
TEST_F(Delegating, LeavesTheRolesOfAProductAlone) {
  for (const char* role : {"releases.demo", "rollout.demo"}) {
    EXPECT_EQ(code_of(bins_of(role, 2)), "E_POLICY") << role;
    EXPECT_EQ(code_of(add_role("deep", "demo/*", role_id(role))), "E_POLICY") << role;
    EXPECT_EQ(code_of(edit_delegation(repository(), disk_, role_id(role), {.paths = patterns({"x/*"})}, kNow)),
              "E_POLICY")
        << role;
    EXPECT_EQ(code_of(remove_targets(repository(), disk_, role_id(role), {"demo/releases/1.0.0/release.json"}, kNow)),
              "E_POLICY")
        << role;
  }
  EXPECT_TRUE(repository().drafted_roles()->empty());
}

TEST_F(Delegating, RefusesBinsWhoseNamesWouldBePathsOrRolesThatThereAre) {
  ASSERT_TRUE(add_role("team/apps", "apps/*"));
  ASSERT_TRUE(add_role("x-1", "x/*"));
  const auto named = [&](const char* prefix) {
    return add_bins(repository(), disk_, {role_id("team/apps"), 2, prefix, holders()}, kNow);
  };
  EXPECT_EQ(code_of(named("team/apps")), "E_PARSE");
  EXPECT_EQ(code_of(named(".apps")), "E_PARSE");
  EXPECT_EQ(code_of(named("x")), "E_USAGE");
  EXPECT_FALSE(repository().staged(role_id("x-0"))->has_value());
  EXPECT_TRUE(named("apps"));
  EXPECT_EQ(code_of(add_role("deep", "apps/*", role_id("apps-0"))), "E_USAGE");
  EXPECT_EQ(code_of(add_bins(repository(), disk_, {role_id("apps-0"), 2, "y", holders()}, kNow)), "E_USAGE");
}

TEST_F(Delegating, PublishesNoDelegationToARoleThatClientsWouldNotFind) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(disk_.remove(repository().draft("apps.json")));
  sign_all();
  EXPECT_EQ(code_of(publish()), "E_POLICY");
}

TEST_F(Delegating, PublishesNothingWhileABinIsMissing) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(bins_of("apps", 4));
  ASSERT_TRUE(sign_and_publish());
  ASSERT_TRUE(disk_.remove(repository().public_metadata("1.apps-bin-2.json")));
  stage_release("1.1.0", 2, 2);
  EXPECT_EQ(code_of(publish()), "E_MISMATCH");
}

// A device knows what it has seen also when the key that signed it is no longer listed.
// Book: SRV-14
TEST_F(Delegating, IsCheckedAsAKnownDeviceAlsoAfterTheOnlineKeysWereRotated) {
  ASSERT_TRUE(add_role("apps", "apps/*"));
  ASSERT_TRUE(sign_and_publish());
  snapshot_keys_ = new_keys(1);
  timestamp_keys_ = new_keys(1);
  ASSERT_TRUE(disk_.put(repository().draft("2.root.json"), signed_root(root(2))));
  publish_release("1.1.0", 2, 2);
  stage_release("1.2.0", 3, 3);
  const Repository repo = repository();
  metadata::Snapshot snapshot = *metadata::Snapshot::parse((*repo.staged(RoleId::snapshot()))->signed_part());
  snapshot.meta.erase("apps.json");
  restage_online(snapshot);
  EXPECT_EQ(code_of(publish()), "E_ROLLBACK");
}

TEST_F(Delegating, DoesNotStopTheDailyJobWhateverIsStaged) {
  ASSERT_TRUE(disk_.put(repository().draft("targets.json"), as_bytes("no metadata at all")));
  const Repository repo = repository();
  const Result<OnlineRoles> roles = sign_online(repo, timestamp_keys_, std::nullopt, kNow);
  ASSERT_TRUE(roles) << roles.error().message;
  const Publication publication = *online_publication(*roles);
  EXPECT_TRUE(check_publication(repo, publication, kNow, no_progress_));
  EXPECT_TRUE(judge_publication(repo, publication, kNow));
}

}  // namespace
}  // namespace tenon::repo_tools
