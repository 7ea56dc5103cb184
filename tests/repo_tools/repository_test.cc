#include <tenon/repo_tools/repository.h>
#include <tenon/repo_tools/role_status.h>

#include <algorithm>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

// --- init

class Init : public Workshop {
 protected:
  Result<void> init_in(std::string_view name, ByteView root_file, const ProductRequest& request) {
    return init_repository(temp_ / name, root_file, request, {.is_lab = true}, kNow);
  }
};

// Spec: 4.5k
TEST_F(Init, DraftsTerminatingDelegationsOfTheProduct) {
  const metadata::Targets targets = *repository().newest_targets(RoleId::targets());
  ASSERT_TRUE(targets.delegations);
  const auto& roles = targets.delegations->roles;
  ASSERT_EQ(roles.size(), 2u);
  EXPECT_EQ(roles[0].name.text(), "releases.demo");
  EXPECT_EQ(roles[0].paths.patterns->at(0).text(), "demo/releases/*/*");
  EXPECT_EQ(roles[0].keys.threshold.value(), 2u);
  EXPECT_EQ(roles[1].name.text(), "rollout.demo");
  EXPECT_EQ(roles[1].paths.patterns->at(0).text(), "demo/channels/*");
  for (const metadata::DelegatedRole& role : roles) EXPECT_TRUE(role.terminating);
}

TEST_F(Init, RefusesAFolderThatIsNotEmptyAndLeavesItAsItWas) {
  temp_.write("file", "x");
  EXPECT_EQ(code_of(init_in("", signed_root(root()), product())), "E_POLICY");
  EXPECT_EQ(code_of(init_in("repo", signed_root(root()), product())), "E_POLICY");
}

TEST_F(Init, TakesAnEmptyFolder) {
  fs::create_directory(temp_ / "empty");
  EXPECT_TRUE(init_in("empty", signed_root(root()), product()));
  EXPECT_TRUE(Repository::open(temp_ / "empty"));
}

TEST_F(Init, RefusesARootBelowItsOwnThreshold) {
  EXPECT_EQ(code_of(init_in("new", signed_root(root(), 1), product())), "E_SIG");
  EXPECT_EQ(code_of(init_in("new", as_bytes("null"), product())), "E_PARSE");
  for (const auto& entry : fs::directory_iterator(temp_.path())) EXPECT_EQ(entry.path().filename(), "repo");
}

// Spec: 6.2.1e
TEST_F(Init, RefusesARootWithoutConsistentSnapshotsAndOneThatExpired) {
  metadata::Root plain = root();
  plain.consistent_snapshot = false;
  EXPECT_EQ(code_of(init_in("new", signed_root(plain), product())), "E_POLICY");
  metadata::Root old = root();
  old.header.expires = kNow;
  EXPECT_EQ(code_of(init_in("new", signed_root(old), product())), "E_EXPIRED");
}

// Book: SRV-20
TEST_F(Init, RefusesAThresholdThatTheKeysCannotMeetAndAKeyGivenTwice) {
  ProductRequest request = product();
  request.releases.threshold = 3;
  EXPECT_EQ(code_of(init_in("new", signed_root(root()), request)), "E_USAGE");
  request.releases.threshold = 0;
  EXPECT_EQ(code_of(init_in("new", signed_root(root()), request)), "E_USAGE");
  request = product();
  request.releases.keys[1] = request.releases.keys[0];
  EXPECT_EQ(code_of(init_in("new", signed_root(root()), request)), "E_USAGE");
  EXPECT_FALSE(fs::exists(temp_ / "new"));
}

TEST_F(Init, BeginsWithALaterRootToo) {
  ASSERT_TRUE(init_in("late", signed_root(root(7)), product()));
  EXPECT_EQ(Repository::open(temp_ / "late")->root()->value().header.version.value(), 7);
}

// --- the folder

using RepositoryFolder = Workshop;

TEST_F(RepositoryFolder, WithoutSettingsIsNoRepository) {
  const Result<Repository> opened = Repository::open(temp_.path());
  EXPECT_EQ(code_of(opened), "E_USAGE");
  EXPECT_NE(opened.error().hint.find("tenon-repo init"), std::string::npos);
}

// Book: SRV-18
TEST_F(RepositoryFolder, WithBadSettingsSaysWhere) {
  for (std::string_view text : {"", "{}", "[]", R"({"format":"tenon-repo-2"})",
                                R"({"format":"tenon-repo-1","products":["../x"],"expiry_days":{}})"}) {
    ASSERT_TRUE(disk_.put(folder() / "tenon-repo.json", as_bytes(text)));
    const Result<Repository> opened = Repository::open(folder());
    EXPECT_EQ(code_of(opened), "E_PARSE") << text;
    EXPECT_NE(opened.error().message.find("tenon-repo.json"), std::string::npos);
  }
}

TEST(Settings, AreReadAsTheyWereWritten) {
  Settings settings{.products = {label("demo"), label("other")}};
  settings.expiry.timestamp = *Days::create(2);
  EXPECT_EQ(*Settings::parse(as_bytes(settings.to_text())), settings);
}

TEST(Settings, RefuseMembersThatNobodyKnows) {
  std::string text = Settings{.products = {label("demo")}}.to_text();
  text.insert(text.find('{') + 1, "\"colour\": \"red\",");
  EXPECT_EQ(code_of(Settings::parse(as_bytes(text))), "E_PARSE");
}

TEST(Lifetimes, AreDaysOrWeeks) {
  EXPECT_EQ(Days::parse("7")->value(), 7);
  EXPECT_EQ(Days::parse("7d")->value(), 7);
  EXPECT_EQ(Days::parse("2w")->value(), 14);
  for (std::string_view text : {"", "d", "0d", "-1d", "7m", "7 d", "3651", "99999999999999999999", "600w"}) {
    EXPECT_EQ(code_of(Days::parse(text)), "E_USAGE") << text;
  }
}

TEST_F(RepositoryFolder, SaysWhatBlocksIt) {
  Result<RepositoryStatus> status = repository_status(repository(), kNow);
  ASSERT_TRUE(status);
  EXPECT_TRUE(status->anything_staged);
  EXPECT_EQ(status->blockers.size(), 4u);  // three roles without signatures, no snapshot
  sign_all();
  EXPECT_TRUE(repository_status(repository(), kNow)->blockers.empty());
  ASSERT_TRUE(publish());
  EXPECT_FALSE(repository_status(repository(), kNow)->anything_staged);
}

// Three daily jobs that failed have used up half of a week.
// Book: SRV-08
TEST_F(RepositoryFolder, WarnsOfWhatEndsSoonBeforeClientsSeeIt) {
  publish_release("1.0.0", 1);
  EXPECT_TRUE(repository_status(repository(), kNow)->warnings.empty());
  EXPECT_TRUE(repository_status(repository(), days_later(3))->warnings.empty());
  const auto says = [&](std::int64_t day, const std::string& text) {
    const std::vector<std::string> warnings = repository_status(repository(), days_later(day))->warnings;
    return std::ranges::any_of(warnings, [&](const std::string& line) { return line.starts_with(text); });
  };
  EXPECT_TRUE(says(4, "timestamp expires in 3 days: tenon-repo refresh"));
  EXPECT_FALSE(says(4, "snapshot"));
  EXPECT_TRUE(says(23, "snapshot expires in 7 days"));
  EXPECT_TRUE(says(23, "timestamp expired "));
  EXPECT_TRUE(says(70, "rollout.demo expires in 20 days: tenon-repo renew"));
  const metadata::UtcTime end_of_root = repository_status(repository(), kNow)->root_expires;
  const std::int64_t days_of_root = (end_of_root.unix_seconds() - kNow.unix_seconds()) / 86'400;
  EXPECT_FALSE(says(days_of_root - 61, "root "));
  EXPECT_TRUE(says(days_of_root - 59, "root expires in 59 days: its keys must sign the next one"));
}

TEST_F(RepositoryFolder, WhosePublicFilesAreGoneSaysWhatIsMissing) {
  publish_release("1.0.0", 1);
  fs::remove(folder() / "public/metadata/1.releases.demo.json");
  const Result<RepositoryStatus> status = repository_status(repository(), kNow);
  EXPECT_EQ(code_of(status), "E_MISMATCH");
  EXPECT_NE(status.error().message.find("1.releases.demo.json"), std::string::npos);
}

// --- what a device sees

using VerifyAsClient = Workshop;

TEST_F(VerifyAsClient, ReadsEveryByteOfWhatADeviceWouldInstall) {
  publish_release("1.0.0", 1);
  for (const auto& [name, content] : files_below("public/targets")) {
    Bytes damaged = content;
    damaged[damaged.size() / 3] ^= 1;
    ASSERT_TRUE(disk_.put(folder() / name, damaged));
    const std::string code = code_of(current());
    EXPECT_TRUE(code == "E_MISMATCH" || code == "E_PARSE") << name << ": " << code;
    ASSERT_TRUE(disk_.put(folder() / name, content));
  }
  EXPECT_EQ(*current(), "1.0.0");
}

TEST_F(VerifyAsClient, WithAnotherRootTrustsNothing) {
  publish_release("1.0.0", 1);
  const Keys others = new_keys(2);
  metadata::Root other = root();
  other.roles.at(metadata::TopRole::kTimestamp).keyids = {others[0]->public_key().hash_keyid()};
  other.keys.emplace(others[0]->public_key().hash_keyid(), others[0]->public_key());
  EXPECT_EQ(
      code_of(verify_as_client(RepositoryView::published(repository()), signed_root(other), {kNow}, no_progress_)),
      "E_SIG");
}

TEST_F(VerifyAsClient, OfAnUnpublishedRepositoryFindsNothing) {
  EXPECT_EQ(code_of(current()), "E_NET");
}

TEST_F(VerifyAsClient, SaysWhatEachHardwareInstalls) {
  publish_release("1.0.0", 1);
  const Bytes root_file = *repository().initial_root();
  const ClientReport report =
      *verify_as_client(RepositoryView::published(repository()), root_file, {kNow}, no_progress_);
  ASSERT_EQ(report.channels.size(), 1u);
  EXPECT_EQ(report.channels[0].path, "demo/channels/stable.json");
  EXPECT_EQ(report.channels[0].decisions.front().first.text(), "demo-board");
  EXPECT_EQ(report.channels[0].decisions.front().second.verdict, policies::Verdict::kInstall);
}

TEST_F(VerifyAsClient, SaysWhatASimulatedDeviceInstallsAndWhy) {
  publish_release("1.0.0", 1);
  publish_release("1.1.0", 2);
  const Bytes root_file = *repository().initial_root();
  for (const auto& [device, reason] : std::map<std::string, std::string>{{"demo-board", "newer"},
                                                                         {"demo-board@1.0.0", "newer"},
                                                                         {"demo-board@1.1.0", "up_to_date"},
                                                                         {"other-board@1.0.0", "hardware"}}) {
    const ClientReport report = *verify_as_client(RepositoryView::published(repository()), root_file,
                                                  {kNow, {*SimulatedDevice::parse(device)}}, no_progress_);
    ASSERT_EQ(report.channels.front().decisions.size(), 1u);
    EXPECT_EQ(report.channels.front().decisions.front().first.text(), device);
    EXPECT_EQ(report.channels.front().decisions.front().second.reason, reason) << device;
  }
  const ClientReport unknown = *verify_as_client(RepositoryView::published(repository()), root_file,
                                                 {kNow, {*SimulatedDevice::parse("demo-board@7")}}, no_progress_);
  EXPECT_EQ(unknown.first_error()->code, ErrorCode::kUsage);
  for (const char* text : {"", "@", "@1.0.0", "demo-board@", "demo board", "a@b@c"}) {
    EXPECT_FALSE(SimulatedDevice::parse(text)) << text;
  }
}

}  // namespace
}  // namespace tenon::repo_tools
