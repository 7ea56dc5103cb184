// Target files that are no release: which lists change, what is refused, and what of a large repository is touched.
#include <tenon/repo_tools/delegation_editor.h>
#include <tenon/repo_tools/target_list.h>

#include <algorithm>

#include <sys/stat.h>
#include <tests/repo_tools/test_writers.h>
#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

const RoleId kApps = *RoleId::parse("apps");

class TargetList : public Workshop {
 protected:
  TargetList() {
    publish_release("1.0.0", 1);
    EXPECT_TRUE(add_delegation(repository(), disk_,
                               {RoleId::targets(),
                                *metadata::RoleName::parse_delegated("apps"),
                                {*metadata::PathPattern::parse("apps/*")},
                                holders()},
                               kNow));
  }

  RoleHolders holders() const { return {public_keys(team_keys_), 1}; }

  Result<TargetsChanged> add_list(const std::string& lines) {
    return add_target_manifest(repository(), disk_, kApps, temp_.write("list", lines), kNow, no_progress_);
  }
  static std::string line(int number, std::string_view content = "x") {
    return Sha256::of(as_bytes(content)).hex() + " 7 apps/" + std::to_string(number) + "\n";
  }
  Result<void> sign_and_publish(FileWriter& writer) {
    sign_all();
    EXPECT_TRUE(sign(team_keys_));
    sign_all();
    return publish(writer);
  }

  Keys team_keys_ = new_keys(1);
};

TEST_F(TargetList, TakesEveryFileBelowAFolder) {
  const fs::path folder = temp_ / "team";
  for (const char* name : {"a", "deep/b"}) ASSERT_TRUE(disk_.put(folder / name, as_bytes(name)));
  ASSERT_TRUE(edit_delegation(
      repository(), disk_, kApps,
      {.paths = std::vector{*metadata::PathPattern::parse("apps/*"), *metadata::PathPattern::parse("apps/*/*")}},
      kNow));
  const auto add = [&] { return *add_target_files(repository(), disk_, kApps, folder, "apps/", kNow, no_progress_); };
  EXPECT_EQ(add().added, 2u);
  EXPECT_EQ(add().unchanged, 2u);
  EXPECT_TRUE(add().drafts.empty());
  ASSERT_TRUE(disk_.put(folder / "a", as_bytes("other")));
  EXPECT_EQ(add().replaced, 1u);
  const Result<void> published = sign_and_publish(disk_);
  ASSERT_TRUE(published) << published.error().message;
  EXPECT_EQ(repository().newest_targets(kApps)->targets.count("apps/deep/b"), 1u);
}

TEST_F(TargetList, RefusesNamesThatNoTargetMayHaveAndSaysWhichLine) {
  const std::string digest = Sha256::of(as_bytes("x")).hex();
  for (const char* wrong : {"../x", "/x", "apps/../x", "", "apps//x", "apps/x/", "apps/\x01"}) {
    const Result<TargetsChanged> added = add_list(line(1) + digest + " 7 " + wrong + "\n");
    ASSERT_FALSE(added) << wrong;
    EXPECT_NE(added.error().message.find("line 2"), std::string::npos) << added.error().message;
  }
  EXPECT_EQ(code_of(add_list(digest + " 7 apps/x" + std::string(1, '\0') + "y\n")), "E_PARSE");
  EXPECT_EQ(code_of(add_list(digest + " 7 " + std::string(4097, 'a') + "\n")), "E_PARSE");
  EXPECT_EQ(code_of(add_list(digest + " 7 " + std::string(9000, 'a') + "\n")), "E_LIMIT");
  EXPECT_TRUE(repository().newest_targets(kApps)->targets.empty());
}

// Book: SRV-09
TEST_F(TargetList, RefusesWhatIsNoFileAndTakesSameContentUnderTwoNames) {
  const fs::path folder = temp_ / "team";
  ASSERT_TRUE(disk_.put(folder / "a", as_bytes("same")));
  ASSERT_TRUE(disk_.put(folder / "b", as_bytes("same")));
  const auto add = [&](const fs::path& from) {
    return add_target_files(repository(), disk_, kApps, from, "apps/", kNow, no_progress_);
  };
  fs::create_symlink(folder / "a", folder / "link");
  EXPECT_EQ(code_of(add(folder)), "E_POLICY");
  EXPECT_EQ(code_of(add(folder / "link")), "E_POLICY");
  fs::remove(folder / "link");
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0644), 0);
  EXPECT_EQ(code_of(add(folder)), "E_POLICY");
  EXPECT_EQ(code_of(add(folder / "pipe")), "E_POLICY");
  fs::remove(folder / "pipe");
  EXPECT_EQ(code_of(add(folder / "nothing")), "E_STORAGE");
  EXPECT_TRUE(repository().newest_targets(kApps)->targets.empty());
  EXPECT_EQ(add(folder)->added, 2u);
  const Result<void> published = sign_and_publish(disk_);
  EXPECT_TRUE(published) << published.error().message;
}

TEST_F(TargetList, TakesLengthsAboveFourGibibytes) {
  ASSERT_TRUE(add_list(Sha256::of(as_bytes("x")).hex() + " 5000000000 apps/large\n"));
  EXPECT_EQ(repository().newest_targets(kApps)->targets.at("apps/large").length, 5'000'000'000u);
}

TEST_F(TargetList, RefusesLinesOfAnotherForm) {
  for (const char* wrong : {"apps/x", "00 7 apps/x", " 7 apps/x", "zz 7 apps/x"}) {
    EXPECT_EQ(code_of(add_list(std::string(wrong) + "\n")), "E_PARSE") << wrong;
  }
  const std::string digest = Sha256::of(as_bytes("x")).hex();
  for (const char* length : {"", "-1", "7x", "99999999999999999999", "9223372036854775808"}) {
    EXPECT_EQ(code_of(add_list(digest + " " + length + " apps/x\n")), "E_PARSE") << length;
  }
}

TEST_F(TargetList, RefusesAPathThatTheRoleMayNotSpeakFor) {
  const std::string digest = Sha256::of(as_bytes("x")).hex();
  EXPECT_EQ(code_of(add_list(digest + " 7 demo/channels/stable.json\n")), "E_POLICY");
  EXPECT_EQ(code_of(add_target_files(repository(), disk_, kApps, temp_.write("f", "x"), "other/", kNow, no_progress_)),
            "E_POLICY");
  EXPECT_EQ(code_of(add_target_files(repository(), disk_, RoleId::snapshot(), temp_.write("f", "x"), "a/", kNow,
                                     no_progress_)),
            "E_USAGE");
}

TEST_F(TargetList, DoesNotLookForFilesThatAreServedElsewhereAndForNoOthers) {
  ASSERT_TRUE(add_list(line(1)));
  EXPECT_TRUE(repository().settings().served_elsewhere.contains("apps"));
  ASSERT_TRUE(sign_and_publish(disk_));
  Settings settings = repository().settings();
  settings.served_elsewhere.clear();
  ASSERT_TRUE(disk_.put(repository().settings_file(), as_bytes(settings.to_text())));
  metadata::Targets targets = *repository().newest_targets(kApps);
  targets.targets.emplace("apps/2", target_entry(7, Sha256::of(as_bytes("y"))));
  ASSERT_TRUE(write_draft(repository(), disk_, kApps, targets, days_later(100)));
  EXPECT_EQ(code_of(sign_and_publish(disk_)), "E_NET");
}

TEST_F(TargetList, KeepsTheFilesOfARoleInOnePlace) {
  ASSERT_TRUE(add_target_files(repository(), disk_, kApps, temp_.write("f", "x"), "apps/", kNow, no_progress_));
  EXPECT_EQ(code_of(add_list(line(1))), "E_POLICY");
  ASSERT_TRUE(remove_targets(repository(), disk_, kApps, {"apps/f"}, kNow));
  ASSERT_TRUE(add_list(line(1)));
  EXPECT_EQ(code_of(add_target_files(repository(), disk_, kApps, temp_.write("f", "x"), "apps/", kNow, no_progress_)),
            "E_POLICY");
  ASSERT_TRUE(remove_delegation(repository(), disk_, kApps, kNow));
  EXPECT_TRUE(repository().settings().served_elsewhere.empty());
  EXPECT_EQ(code_of(add_list(line(1))), "E_USAGE");  // nobody delegates to it any more
}

TEST_F(TargetList, MarksNoRoleForAListThatWasRefused) {
  EXPECT_FALSE(add_list("nonsense\n"));
  EXPECT_EQ(add_list("")->drafts.size(), 0u);
  EXPECT_EQ(code_of(add_target_manifest(repository(), disk_, *RoleId::parse("aps"), temp_.write("list", line(1)), kNow,
                                        no_progress_)),
            "E_USAGE");
  EXPECT_TRUE(repository().settings().served_elsewhere.empty());
}

TEST_F(TargetList, RefusesAPathThatIsListedTwiceAndNamesThatAreNotPlain) {
  EXPECT_EQ(code_of(add_list(line(1) + line(1, "other"))), "E_PARSE");
  EXPECT_EQ(code_of(add_list(Sha256::of(as_bytes("x")).hex() + " 7 apps/a b\n")), "E_POLICY");
}

TEST_F(TargetList, TakesALastLineWithoutItsEnd) {
  std::string lines = line(1) + line(2);
  lines.pop_back();
  EXPECT_EQ(add_list(lines)->added, 2u);
}

TEST_F(TargetList, TakesAllTargetsOffOrNone) {
  ASSERT_TRUE(add_bins(repository(), disk_, {kApps, 16, "apps", holders()}, kNow));
  ASSERT_TRUE(add_list(line(1) + line(2) + line(3)));
  EXPECT_EQ(code_of(remove_targets(repository(), disk_, kApps, {"apps/1", "apps/2", "apps/9"}, kNow)), "E_USAGE");
  EXPECT_EQ(remove_targets(repository(), disk_, kApps, {"apps/1", "apps/2", "apps/3"}, kNow)->removed, 3u);
}

TEST_F(TargetList, TakesTargetsOff) {
  ASSERT_TRUE(add_list(line(1) + line(2)));
  EXPECT_EQ(remove_targets(repository(), disk_, kApps, {"apps/1"}, kNow)->removed, 1u);
  EXPECT_EQ(repository().newest_targets(kApps)->targets.size(), 1u);
  EXPECT_EQ(code_of(remove_targets(repository(), disk_, kApps, {"apps/1"}, kNow)), "E_USAGE");
}

TEST_F(TargetList, OfOneChangeTouchesOneBinSnapshotAndTimestamp) {
  ASSERT_TRUE(add_bins(repository(), disk_, {kApps, 64, "apps", holders()}, kNow));
  std::string lines;
  for (int i = 0; i < 500; ++i) lines += line(i);
  ASSERT_TRUE(add_list(lines));
  ASSERT_TRUE(sign_and_publish(disk_));
  const Result<TargetsChanged> changed = add_list(line(7, "other"));
  ASSERT_TRUE(changed) << changed.error().message;
  EXPECT_EQ(changed->replaced, 1u);
  ASSERT_EQ(changed->drafts.size(), 1u);
  RecordingWriter recorder(folder());
  const Result<void> published = sign_and_publish(recorder);
  ASSERT_TRUE(published) << published.error().message;
  std::vector<std::string> written;
  std::ranges::copy_if(recorder.steps, std::back_inserter(written),
                       [](const std::string& step) { return step.find("public/") != std::string::npos; });
  const std::string bin = changed->drafts[0].role.text();
  EXPECT_EQ(written, (std::vector<std::string>{"put_new public/metadata/2." + bin + ".json",
                                               "put_new public/metadata/3.snapshot.json",
                                               "put public/metadata/timestamp.json"}));
}

TEST_F(TargetList, OfABinCutAnywhereWhileItIsWrittenCanBeWrittenAgain) {
  ASSERT_TRUE(add_bins(repository(), disk_, {kApps, 8, "apps", holders()}, kNow));
  for (std::size_t steps = 0;; ++steps) {
    CutWriter cut(steps);
    const Result<TargetsChanged> added = add_target_manifest(
        repository(), cut, kApps, temp_.write("list", line(1) + line(2) + line(3)), kNow, no_progress_);
    if (added) break;
    ASSERT_LT(steps, 20u);
    const RoleTree tree = *RoleTree::read(repository());
    for (const RoleId& role : tree.staged_roles()) {
      EXPECT_TRUE(repository().staged(role)) << role.text();
    }
  }
  ASSERT_TRUE(add_list(line(1) + line(2) + line(3)));
  const Result<void> published = sign_and_publish(disk_);
  EXPECT_TRUE(published) << published.error().message;
}

}  // namespace
}  // namespace tenon::repo_tools
