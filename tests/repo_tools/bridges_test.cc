// Releases that older devices reach over a bridge, from the command that makes them to the device that takes it.
#include <tenon/repo_tools/bridges.h>
#include <tenon/repo_tools/prune.h>
#include <tenon/repo_tools/release_removal.h>

#include <algorithm>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

class Bridges : public Workshop {
 protected:
  static policies::Bridge bridge(std::int64_t below, std::string_view via) {
    return {*policies::Sequence::create(below), label(via)};
  }

  ReleaseRequest over(std::vector<policies::Bridge> bridges, std::string_view version = "2.0.0",
                      std::int64_t sequence = 9) const {
    ReleaseRequest request = release(version, sequence, 9);
    request.bridges = std::move(bridges);
    return request;
  }

  // 1.0.0 is sequence 1, 1.4.0 sequence 6, and 2.0.0, sequence 9, leads devices below 5 over 1.4.0.
  void publish_bridge() {
    publish_release("1.0.0", 1, 1);
    publish_release("1.4.0", 6, 2);
    ASSERT_TRUE(add(over({bridge(5, "1.4.0")})));
    ASSERT_TRUE(set("2.0.0"));
    sign_all();
    const Result<void> published = publish();
    ASSERT_TRUE(published) << published.error().message;
  }

  // What devices would do, by what they run: "" is nothing of ours.
  Result<std::vector<std::string>> decisions(const std::vector<std::string>& devices) {
    const Repository repo = repository();
    VerifyOptions options{kNow};
    for (const std::string& device : devices) options.devices.push_back(*SimulatedDevice::parse(device));
    TENON_TRY(const Bytes root, repo.initial_root());
    TENON_TRY(const ClientReport report,
              verify_as_client(RepositoryView::published(repo), root, options, no_progress_));
    if (std::optional<Error> error = report.first_error()) return *std::move(error);
    std::vector<std::string> texts;
    for (const auto& [device, decision] : report.channels.front().decisions) texts.push_back(decision.text);
    return texts;
  }
};

TEST_F(Bridges, LeadOverReleasesThatAreListedPublishedOrDrafted) {
  publish_release("1.0.0", 1, 1);
  ASSERT_TRUE(add(release("1.4.0", 6, 2)));
  const auto added = add(over({bridge(5, "1.4.0")}));
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->release.bridges, std::vector{bridge(5, "1.4.0")});
}

TEST_F(Bridges, AreSortedAndMakeTheSameReleaseInAnyOrder) {
  ASSERT_TRUE(add(release("1.2.0", 3, 1)));
  ASSERT_TRUE(add(release("1.4.0", 6, 2)));
  const auto added = add(over({bridge(5, "1.4.0"), bridge(2, "1.2.0")}));
  ASSERT_TRUE(added) << added.error().message;
  EXPECT_EQ(added->release.bridges.front(), bridge(2, "1.2.0"));
  const auto again = add(over({bridge(2, "1.2.0"), bridge(5, "1.4.0")}));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->draft.has_value());
  EXPECT_EQ(code_of(add(over({bridge(2, "1.2.0")}))), "E_POLICY") << "other content";
}

TEST_F(Bridges, StayInLaterReleasesUntilSomebodySaysOtherwise) {
  ASSERT_TRUE(add(release("1.4.0", 6, 2)));
  ASSERT_TRUE(add(over({bridge(5, "1.4.0")})));
  const auto next = add(release("2.1.0", 10));
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->release.bridges, std::vector{bridge(5, "1.4.0")});
  const auto again = add(release("2.1.0", 10));
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_FALSE(again->draft.has_value());
  EXPECT_EQ(add(over({}, "2.2.0", 11))->release.bridges, std::vector<policies::Bridge>());
}

TEST_F(Bridges, ThatTheReleaseBeforeDoesNotHaveAreNotInheritedAndThatIsSaid) {
  ASSERT_TRUE(add(release("1.4.0", 6, 2)));
  ASSERT_EQ(add(over({bridge(5, "1.4.0")}))->note, "");
  ASSERT_EQ(add(over({}, "2.1.0", 10))->note, "") << "somebody said so";
  const auto next = add(release("2.2.0", 11));
  ASSERT_TRUE(next) << next.error().message;
  EXPECT_EQ(next->release.bridges, std::vector<policies::Bridge>());
  EXPECT_EQ(next->note,
            "no bridges, as 2.1.0 before it has none; 2.0.0 led devices below sequence 5 over 1.4.0: if there are any "
            "left, add it under another version with --bridge");
}

TEST_F(Bridges, AreForAllHardwareThatTheReleaseIsFor) {
  ASSERT_TRUE(add(release("1.4.0", 6, 2)));
  ReleaseRequest request = over({bridge(5, "1.4.0")});
  request.hardware.push_back(label("new-board"));
  const auto refused = add(request);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(refused.error().message,
            "2.0.0 (sequence 9) is for hardware new-board and leads over 1.4.0 (sequence 6), which is not");
  EXPECT_EQ(refused.error().hint, "lead over a release that is for new-board too, or leave that hardware out");
}

TEST_F(Bridges, ThatLackAFileStopEveryPublication) {
  publish_bridge();
  for (const char* kind : {".full.zst", ".segments"}) {
    for (const auto& [path, content] : files_below("public/targets/demo/releases/1.4.0")) {
      if (!path.ends_with(kind)) continue;
      ASSERT_TRUE(fs::remove(folder() / path));
      ASSERT_TRUE(edit_channel(repository(), disk_, {label("demo"), label("beta"), label("2.0.0")}, kNow));
      sign_all();
      const Result<void> refused = publish();
      ASSERT_FALSE(refused) << kind;
      EXPECT_NE(refused.error().message.find("bridge 1.4.0"), std::string::npos) << refused.error().message;
      ASSERT_TRUE(disk_.put(folder() / path, Bytes(content.begin(), content.end() - 1)));
      EXPECT_EQ(code_of(publish()), "E_MISMATCH") << kind << " cut short";
      ASSERT_TRUE(disk_.put(folder() / path, content));
    }
  }
  EXPECT_TRUE(publish());
}

TEST_F(Bridges, ThatLeadNowhereAreRefusedBeforeTheLongWork) {
  ASSERT_TRUE(add(release("1.4.0", 6, 2)));
  const auto before = files_below("staging");
  const auto missing = add(over({bridge(5, "1.5.0")}));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::kUsage);
  EXPECT_EQ(missing.error().hint, "it has: 1.4.0; add the bridge first");
  const auto too_low = add(over({bridge(7, "1.4.0")}));
  ASSERT_FALSE(too_low);
  EXPECT_EQ(too_low.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(too_low.error().hint, "a bridge is a listed release of sequence 7 to 8");
  for (const std::vector<policies::Bridge>& bad :
       {std::vector{bridge(9, "1.4.0")}, std::vector{bridge(1, "1.4.0")}, std::vector{bridge(5, "2.0.0")},
        std::vector{bridge(5, "1.4.0"), bridge(5, "1.4.0")}}) {
    EXPECT_EQ(code_of(add(over(bad))), "E_PARSE");
  }
  EXPECT_EQ(files_below("staging"), before);
}

TEST_F(Bridges, AreEightOneAfterTheOtherAtMost) {
  const auto name = [](std::int64_t number) { return "v" + std::to_string(number); };
  ASSERT_TRUE(add(release("v1", 1)));
  ASSERT_TRUE(add(release("v2", 2)));
  for (std::int64_t number = 3; number <= 10; ++number) {
    const auto added = add(over({bridge(number - 1, name(number - 1))}, name(number), number));
    ASSERT_TRUE(added) << number << added.error().message;
  }
  EXPECT_EQ(code_of(add(over({bridge(10, "v10")}, "v11", 11))), "E_LIMIT");
  EXPECT_TRUE(add(over({bridge(2, "v2")}, "v11", 11))) << "over one";
}

TEST_F(Bridges, AreNotRemovedWhileAReleaseLeadsOverThem) {
  publish_bridge();
  const auto removed = remove_release(repository(), disk_, label("demo"), label("1.4.0"), kNow);
  ASSERT_FALSE(removed);
  EXPECT_EQ(removed.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(removed.error().message, "release 2.0.0 (sequence 9) leads older devices over release 1.4.0");
  EXPECT_TRUE(remove_release(repository(), disk_, label("demo"), label("1.0.0"), kNow));
}

TEST_F(Bridges, AreWhatADeviceBelowThemInstalls) {
  publish_bridge();
  const auto texts = decisions({"demo-board@1.0.0", "demo-board@1.4.0", "demo-board@2.0.0", "demo-board"});
  ASSERT_TRUE(texts) << texts.error().message;
  EXPECT_EQ(*texts, (std::vector<std::string>{"1.4.0 (sequence 6, bridge to 2.0.0) is to be installed",
                                              "2.0.0 (sequence 9) is to be installed", "2.0.0 (sequence 9) is running",
                                              "1.4.0 (sequence 6, bridge to 2.0.0) is to be installed"}));
}

TEST_F(Bridges, MayBeWithdrawnAndItIsSaidWhoWaits) {
  publish_bridge();
  EXPECT_EQ(set("2.0.0", {label("1.0.0")})->note, "");
  const auto edited = set("2.0.0", {label("1.4.0")});
  ASSERT_TRUE(edited) << edited.error().message;
  EXPECT_EQ(edited->note, "devices below sequence 5 wait: 1.4.0, over which they go, is withdrawn");
  sign_all();
  ASSERT_TRUE(publish());
  const auto texts = decisions({"demo-board@1.0.0"});
  ASSERT_TRUE(texts) << texts.error().message;
  EXPECT_EQ(texts->front(), "1.4.0 (sequence 6) was withdrawn");
}

TEST_F(Bridges, OfBridgesMayBeWithdrawnAndItIsSaidWhoWaits) {
  publish_release("1.0.0", 1, 1);
  publish_release("1.2.0", 4, 1);
  ReleaseRequest first = release("1.4.0", 6, 2);
  first.bridges = {bridge(3, "1.2.0")};
  ASSERT_TRUE(add(first));
  ASSERT_TRUE(add(over({bridge(5, "1.4.0")})));
  const auto edited = set("2.0.0", {label("1.2.0")});
  ASSERT_TRUE(edited) << edited.error().message;
  EXPECT_EQ(edited->note, "devices below sequence 3 wait: 1.2.0, over which they go, is withdrawn");
}

TEST_F(Bridges, AreVerifiedToTheLastByteThoughNoChannelLeadsToThem) {
  publish_bridge();
  std::size_t changed_files = 0;
  for (const char* file : {".full.zst", ".segments"}) {
    for (const auto& [path, content] : files_below("public/targets/demo/releases/1.4.0")) {
      if (!path.ends_with(file)) continue;
      Bytes changed = content;
      changed[content.size() / 2] ^= 1;
      ASSERT_TRUE(disk_.put(folder() / path, changed));
      EXPECT_FALSE(decisions({"demo-board@2.0.0"})) << file;
      ASSERT_TRUE(disk_.put(folder() / path, content));
      ++changed_files;
    }
  }
  EXPECT_EQ(changed_files, 2U);
  EXPECT_TRUE(decisions({"demo-board@2.0.0"}));
}

// Book: SRV-11
TEST_F(Bridges, AreNotPrunedThoughNoChannelLeadsToThem) {
  publish_bridge();
  for (const char* role : {"targets", "releases.demo", "rollout.demo"}) {
    ASSERT_TRUE(renew(repository(), disk_, *RoleId::parse(role), std::nullopt, days_later(40)));
  }
  sign_all(days_later(40));
  ASSERT_TRUE(publish(disk_, days_later(40)));
  const auto files = prunable(repository(), days_later(40));
  ASSERT_TRUE(files) << files.error().message;
  EXPECT_FALSE(files->empty());
  for (const PrunedFile& file : *files) EXPECT_EQ(file.name.find("1.4.0"), std::string::npos) << file.name;
}

}  // namespace
}  // namespace tenon::repo_tools
