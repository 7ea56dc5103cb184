#include <tenon/repo_tools/prune.h>
#include <tenon/repo_tools/release_removal.h>

#include <algorithm>

#include <tests/repo_tools/test_writers.h>
#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class Pruning : public Workshop {
 protected:
  std::vector<std::string> names(metadata::UtcTime now) const {
    const auto files = prunable(repository(), now);
    EXPECT_TRUE(files) << files.error().message;
    std::vector<std::string> names;
    for (const PrunedFile& file : *files) names.push_back(file.name);
    return names;
  }

  Result<void> prune(FileWriter& writer, metadata::UtcTime now) {
    TENON_TRY(const std::vector<PrunedFile> files, prunable(repository(), now));
    TENON_TRY_VOID(check_pruned(repository(), files, now));
    return remove_pruned(repository(), writer, files);
  }

  void sign_and_publish(metadata::UtcTime now = kNow) {
    sign_all(now);
    const Result<void> published = publish(disk_, now);
    ASSERT_TRUE(published) << published.error().message;
  }

  // Three releases, of which the first is listed no more.
  void publish_three() {
    publish_release("1.0.0", 1, 1);
    publish_release("1.1.0", 2, 2);
    publish_release("1.2.0", 3, 3);
    ASSERT_TRUE(remove_release(repository(), disk_, label("demo"), label("1.0.0"), kNow));
    sign_and_publish();
  }

  // When every snapshot that is published now but the current one has expired, and the current one was renewed.
  metadata::UtcTime later() {
    const metadata::UtcTime then = days_later(40);
    for (const char* role : {"targets", "releases.demo", "rollout.demo"}) {
      EXPECT_TRUE(renew(repository(), disk_, *RoleId::parse(role), std::nullopt, then));
    }
    sign_and_publish(then);
    return then;
  }
};

TEST_F(Pruning, KeepsWhateverAnUnexpiredSnapshotLeadsTo) {  // Book: SRV-11
  publish_three();
  EXPECT_EQ(names(kNow), std::vector<std::string>());
}

// Book: SRV-11
TEST_F(Pruning, RemovesSupersededMetadataAndTheFilesOfAReleaseThatIsGone) {
  publish_three();
  const metadata::UtcTime then = later();
  const std::vector<std::string> gone = names(then);
  const auto has = [&](std::string_view ending) {
    return std::ranges::count_if(gone, [&](const std::string& name) { return name.ends_with(ending); });
  };
  EXPECT_EQ(gone.front(), "metadata/1.snapshot.json");
  EXPECT_EQ(has(".snapshot.json"), 4);
  EXPECT_EQ(has("1.releases.demo.json"), 1);
  EXPECT_EQ(has(".root.json"), 0);
  const auto of_release = [&](std::string_view version) {
    return std::ranges::count_if(gone, [&](const std::string& name) {
      return name.starts_with("targets/demo/releases/" + std::string(version) + "/");
    });
  };
  EXPECT_EQ(of_release("1.0.0"), 3);
  EXPECT_EQ(of_release("1.1.0"), 0);
  ASSERT_TRUE(prune(disk_, then));
  EXPECT_EQ(names(then), std::vector<std::string>());
  EXPECT_EQ(*current(then), "1.2.0");
  EXPECT_TRUE(fs::exists(folder() / "public/metadata/1.root.json"));
}

TEST_F(Pruning, LeavesDevicesOfAnyAgeAWayToTheNewest) {
  publish_release("1.0.0", 1, 1);
  const Repository repo = repository();
  const RepositoryView view = RepositoryView::published(repo);
  const Bytes root = *repo.initial_root();
  CheckingClient old(view, root, {}, kNow);
  ASSERT_TRUE(old.refresh());
  publish_release("1.1.0", 2, 2);
  const metadata::UtcTime then = later();
  ASSERT_TRUE(prune(disk_, then));
  CheckingClient again(view, root, old.state(), then);
  const Result<void> refreshed = again.refresh();
  EXPECT_TRUE(refreshed) << refreshed.error().message;
}

TEST_F(Pruning, CanBeCutAnywhereAndGoesOn) {
  publish_three();
  const metadata::UtcTime then = later();
  const std::size_t all = names(then).size();
  fs::copy(folder(), temp_ / "before", fs::copy_options::recursive);
  for (std::size_t steps = 0; steps < all; ++steps) {
    fs::remove_all(folder());
    fs::copy(temp_ / "before", folder(), fs::copy_options::recursive);
    CutWriter writer(steps);
    ASSERT_EQ(code_of(prune(writer, then)), "E_STORAGE") << steps;
    EXPECT_EQ(*current(then), "1.2.0") << steps;
    ASSERT_TRUE(prune(disk_, then)) << steps;
    EXPECT_EQ(names(then), std::vector<std::string>()) << steps;
  }
}

TEST_F(Pruning, LeavesFilesAloneThatAreNotOurs) {
  publish_three();
  const metadata::UtcTime then = later();
  const std::vector<std::string> others{"index.html",
                                        ".nojekyll",
                                        ".well-known/x",
                                        "metadata/notes.txt",
                                        "metadata/7.unknown.json",
                                        "metadata/0007.json",
                                        "metadata/01.snapshot.json",
                                        "metadata/-3.snapshot.json",
                                        "metadata/.htaccess.backup",
                                        "targets/README",
                                        "targets/.notes.part",
                                        "targets/demo/abc.zst"};
  for (const std::string& name : others) {
    ASSERT_TRUE(disk_.put(folder() / "public" / name, as_bytes("ours"))) << name;
  }
  ASSERT_TRUE(prune(disk_, then));
  for (const std::string& name : others) EXPECT_TRUE(fs::exists(folder() / "public" / name)) << name;
}

TEST_F(Pruning, RemovesWhatAKilledPublicationLeftHalfWritten) {
  publish_release("1.0.0", 1);
  const std::string part = "targets/demo/." + std::string(64, 'a') + ".rootfs.part";
  ASSERT_TRUE(disk_.put(folder() / "public" / part, as_bytes("half")));
  ASSERT_TRUE(disk_.put(folder() / "public/metadata/.timestamp.json.a1B2c3", as_bytes("half")));
  EXPECT_EQ(names(kNow), (std::vector<std::string>{"metadata/.timestamp.json.a1B2c3", part}));
}

// A version stands for its bytes for ever, also one that a cut publication wrote and nothing leads to.
TEST_F(Pruning, KeepsVersionsAboveThePublishedOnes) {
  publish_release("1.0.0", 1, 1);
  stage_release("1.1.0", 2, 2);
  CutWriter writer(5);
  ASSERT_FALSE(publish(writer));
  ASSERT_TRUE(fs::exists(folder() / "public/metadata/2.releases.demo.json"));
  for (const std::string& name : names(kNow)) EXPECT_FALSE(name.starts_with("metadata/2.")) << name;
}

TEST_F(Pruning, KeepsWhatADraftLists) {
  publish_three();
  const metadata::UtcTime then = later();
  // Somebody takes the release back in before it is pruned.
  ASSERT_TRUE(add(release("1.3.0", 4, 1)));
  for (const std::string& name : names(then)) EXPECT_FALSE(name.find("1.3.0") != name.npos) << name;
  ASSERT_TRUE(prune(disk_, then));
  ASSERT_TRUE(set("1.3.0"));
  sign_and_publish(then);
  EXPECT_EQ(*current(then), "1.3.0");
}

TEST_F(Pruning, RefusesWhenAFileThatIsNeededIsMissing) {
  publish_three();
  const metadata::UtcTime then = later();
  for (const auto& entry : fs::directory_iterator(folder() / "public/targets/demo/releases/1.2.0")) {
    if (entry.path().native().ends_with(".segments")) fs::remove(entry.path());
  }
  const auto before = files_below("public");
  EXPECT_EQ(code_of(prune(disk_, then)), "E_NET");
  EXPECT_EQ(files_below("public"), before);
}

TEST_F(Pruning, OfWhatWasNeverPublishedIsRefused) {
  EXPECT_EQ(code_of(prunable(repository(), kNow)), "E_USAGE");
}

// Before the first target file is published there is no folder of them.
TEST_F(Pruning, WithoutAnyTargetsFindsNothingToDo) {
  sign_all();
  ASSERT_TRUE(publish());
  fs::remove_all(folder() / "public/targets");
  EXPECT_EQ(names(kNow), std::vector<std::string>());
}

class RemovingARelease : public Workshop {
 protected:
  Result<ReleaseRemoved> remove(std::string_view version) {
    return remove_release(repository(), disk_, label("demo"), label(version), kNow);
  }
};

TEST_F(RemovingARelease, TakesAllItsFilesOffTheListAndNoOthers) {
  publish_release("1.0.0", 1, 1);
  publish_release("1.0.0-1", 2, 2);
  const auto removed = remove("1.0.0");
  ASSERT_TRUE(removed) << removed.error().message;
  EXPECT_EQ(removed->paths.size(), 3u);
  const auto left = listed_releases(repository(), label("demo"));
  ASSERT_EQ(left->size(), 1u);
  EXPECT_EQ(left->front().release.version.text(), "1.0.0-1");
}

TEST_F(RemovingARelease, KeepsItsVersionForEver) {
  publish_release("1.0.0", 1, 1);
  publish_release("1.1.0", 2, 2);
  ASSERT_TRUE(remove("1.0.0"));
  EXPECT_EQ(code_of(add(release("1.0.0", 3, 3))), "E_POLICY");
}

TEST_F(RemovingARelease, ThatAPublishedChannelLeadsToIsNotPublished) {
  publish_release("1.0.0", 1, 1);
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  ASSERT_TRUE(set("1.1.0"));
  ASSERT_TRUE(remove("1.0.0"));
  ASSERT_TRUE(disk_.remove(folder() / "staging/metadata/rollout.demo.json"));
  sign_all();
  EXPECT_EQ(code_of(publish()), "E_NET");
  EXPECT_EQ(*current(), "1.0.0");
}

TEST_F(RemovingARelease, IsRefusedWhileAChannelLeadsToItAndForTheNewest) {
  publish_release("1.0.0", 1, 1);
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  EXPECT_EQ(code_of(remove("1.0.0")), "E_POLICY") << "the channel's";
  EXPECT_EQ(code_of(remove("1.1.0")), "E_POLICY") << "the newest: the next sequence is above it";
  EXPECT_EQ(code_of(remove("0.9.0")), "E_USAGE");
}

}  // namespace
}  // namespace tenon::repo_tools
