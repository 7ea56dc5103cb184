// Advisories and fixes of python-tuf, go-tuf, tuf-js, notary and oc-mirror, each with the test that would have caught
// it: what concerns a client. tough's and aktualizr's have files of their own, metadata alone is in tests/metadata.
#include <tenon/client/store/file_store.h>
#include <tenon/client/updater/repository_client.h>

#include <filesystem>

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <tests/support/fake_clock.h>
#include <tests/support/json_edit.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scenario.h>
#include <tests/support/scratch_folder.h>
#include <tests/support/stopwatch.h>

namespace tenon::tests {
namespace {

namespace fs = std::filesystem;
using metadata::TopRole;
using metadata::Version;

// CVE-2020-6173 / GHSA-2828-9vh6-9m6j (python-tuf): any number of bad signatures was verified, one after the other.
// Book: SIG-19
TEST(Advisory, PythonTuf_CVE_2020_6173) {
  Scenario scenario;
  scenario.settle();
  std::string entries;
  for (int i = 0; i < 20'000; ++i) {
    entries += R"({"keyid":"k)" + std::to_string(i) + R"(","sig":"00"},)";
  }
  scenario.repository.file_edits["snapshot"] = [&](const std::string& file) {
    return replaced(file, "\"signatures\": [", "\"signatures\": [" + entries);
  };
  scenario.repository.publish();
  const Stopwatch watch;
  scenario.expect_refused(ErrorCode::kLimit, {.accepted = {"timestamp.json"}});
  EXPECT_LT(watch.read(), kTimeForAnything);
}

// CVE-2020-15163 / GHSA-f8mr-jv2c-v8mg (python-tuf): a root that was refused stayed on disk and was trusted later.
// Book: ROOT-09
TEST(Advisory, PythonTuf_CVE_2020_15163) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.publish_root();
  const json::Value evil = scenario.repository.root.to_json();
  const Bytes file = sign_file(evil, {TestKey(1300)});
  scenario.repository.replace("metadata/2.root.json", file);
  EXPECT_EQ(code_of(scenario.device.refresh()), "E_SIG");
  for (const auto& [name, content] : scenario.store.files) EXPECT_NE(content, file) << name;
  // Also if it had got there in some way, the next start does not trust it.
  scenario.store.files["2.root.json"] = file;
  scenario.repository.hide("metadata/2.root.json");
  EXPECT_EQ(code_of(scenario.device.refresh()), "accepted");
  EXPECT_EQ(scenario.device.root_version->value(), 1);
}

// CVE-2021-41131 / GHSA-wjw6-2cqr-j4qr (python-tuf), 6915c1f (tuf-js): the name of a role was used as a path.
// Book: DEL-12
TEST(Advisory, PythonTuf_CVE_2021_41131_TufJs_6915c1f) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  RepositorySimulator repository;
  repository.add_delegation({.name = "../../../outside"});
  repository.add_target("app", "content", "../../../outside");
  repository.publish();
  const auto store = client::FileStore::open(data);
  ASSERT_TRUE(store) << store.error().message;
  SessionRunner device(repository, **store);
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "accepted");
  EXPECT_TRUE(fs::exists(data / "metadata/%2E.%2F..%2F..%2Foutside.json"));
  for (const std::string& entry : scratch.entries()) EXPECT_TRUE(entry.starts_with("data")) << entry;
}

// python-tuf #1574: metadata files were not replaced as one.
// Book: DEV-01
TEST(Advisory, PythonTuf_1574) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  {
    const auto store = client::FileStore::open(data);
    ASSERT_TRUE(store && (*store)->save("timestamp.json", as_bytes("old")));
    fs::create_directory(data / "metadata/.new");  // the new file cannot be written
    EXPECT_FALSE((*store)->save("timestamp.json", as_bytes("new")));
    EXPECT_EQ((*store)->load("timestamp.json"), to_bytes("old"));
  }
}

// Conformance suite, 2026-08-12 (python-tuf, go-tuf): a delegated role that one delegator had vouched for was taken
// from the cache for another. Open in both.
// Book: DEL-03
TEST(Advisory, PythonTuf_GoTuf_CachedRoleOfAnotherDelegator) {
  const TestKey key_a(1301);
  const TestKey key_b(1302);
  RepositorySimulator repository;
  repository.add_delegation({.name = "a", .paths = {"a/*"}});
  repository.add_delegation({.name = "b", .paths = {"b/*"}});
  repository.add_delegation({.delegator = "a", .name = "release", .paths = {"a/*"}, .keys = {key_a}});
  repository.add_delegation({.delegator = "b", .name = "release", .paths = {"b/*"}, .keys = {key_b}});
  repository.add_target("a/app", "content", "release");
  repository.add_target("b/app", "content", "release");
  repository.signers["release"] = {key_a};
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto trusted = device.refresh();
  ASSERT_TRUE(trusted);
  EXPECT_EQ(code_of(device.find(*trusted, "a/app")), "accepted");
  EXPECT_EQ(code_of(device.find(*trusted, "b/app")), "E_SIG");
}

// CVE-2022-29173 / GHSA-66x3-6cw3-v5gj (go-tuf): what was trusted before was not loaded, so that nothing was a rollback.
// Book: LOC-04, META-02
TEST(Advisory, GoTuf_CVE_2022_29173) {
  RepositorySimulator repository;
  const RepositorySimulator old = repository;
  repository.publish();
  InMemoryStore store;
  EXPECT_EQ(code_of(SessionRunner(repository, store).refresh()), "accepted");
  RepositorySimulator replay = old;
  SessionRunner restarted(replay, store);  // without floors: the stored files alone
  EXPECT_EQ(code_of(restarted.refresh()), "E_ROLLBACK");
}

// CVE-2024-47534 / GHSA-4f8r-qqr9-fq8j (go-tuf): delegations were walked in the random order of a map.
// Book: DEL-01
TEST(Advisory, GoTuf_CVE_2024_47534) {
  RepositorySimulator repository;
  for (const char* name : {"z", "m", "a", "q", "b"}) {
    repository.add_delegation({.name = name});
    repository.add_target("app", std::string("from ") + name, name);
  }
  repository.publish();
  for (int i = 0; i < 100; ++i) {
    InMemoryStore store;
    SessionRunner device(repository, store);
    const auto target = device.refresh_and_find("app");
    ASSERT_TRUE(target && *target);
    ASSERT_EQ((*target)->signed_by().text(), "z");
    ASSERT_EQ(device.visited, (std::vector<std::string>{"targets", "z"}));
  }
}

// 4eb06c8 (go-tuf): a delegated role that snapshot does not list was no error.
// Book: META-11
TEST(Advisory, GoTuf_4eb06c8) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "d"});
  repository.add_target("app", "content", "d");
  repository.publish();
  repository.snapshot.meta.erase("d.json");
  repository.publish_snapshot();
  InMemoryStore store;
  SessionRunner device(repository, store);
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "E_MISMATCH");
  EXPECT_TRUE(device.requested.empty());
}

// 2fd1bbf (go-tuf): 403 was taken for "there is no newer root". The transport makes it E_NET, which ends the cycle.
// Book: ROOT-12
TEST(Advisory, GoTuf_2fd1bbf) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.publish();
  scenario.repository.fail("metadata/2.root.json", {ErrorCode::kNet, "status 403"});
  scenario.expect_refused(ErrorCode::kNet);
}

// f400bf4 (go-tuf): the folder of trusted files was open for others to write.
// Book: LOC-07
TEST(Advisory, GoTuf_f400bf4) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  const mode_t before = ::umask(0);
  {
    const auto store = client::FileStore::open(data);
    EXPECT_TRUE(store && (*store)->save("timestamp.json", as_bytes("{}")));
  }
  ::umask(before);
  for (const char* name : {"metadata", "records", "metadata/timestamp.json", "lock"}) {
    const fs::perms mode = fs::status(data / name).permissions();
    EXPECT_EQ(mode & (fs::perms::group_write | fs::perms::others_write), fs::perms::none) << name;
  }
}

// 478d36e (go-tuf): what is signed was put into canonical form once for each key, which took 14 times as long.
// Book: SIG-20
TEST(Advisory, GoTuf_478d36e) {
  RepositorySimulator repository;
  repository.set_keys(TopRole::kTargets, test_keys(1310, 40), 40);
  repository.publish_root();
  for (int i = 0; i < 5000; ++i) repository.add_target("target-" + std::to_string(i), "content");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const Stopwatch watch;
  EXPECT_EQ(code_of(device.refresh()), "accepted");
  EXPECT_LT(watch.read(), kTimeForAnything);
}

// 47b931f (tuf-js): a keyid that signs twice was accepted, at every place of the chain.
// Book: SIG-01
TEST(Advisory, TufJs_47b931f) {
  for (const std::string role : {"timestamp", "snapshot", "targets", "d1"}) {
    SCOPED_TRACE(role);
    Scenario scenario;
    add_delegation_chain(scenario.repository);
    scenario.settle_with(kDeepTarget);
    scenario.repository.file_edits[role] = [](const std::string& file) {
      const json::Value value = *json::parse(as_bytes(file));
      json::Array signatures = *at(value, {"signatures"}).array();
      signatures.push_back(signatures.front());
      return json::to_text(with(value, {"signatures"}, signatures));
    };
    scenario.repository.publish();
    EXPECT_EQ(code_of(scenario.device.refresh_and_find(kDeepTarget)), "E_PARSE");
  }
}

// CVE-2015-9259 (notary): that a root is expired was said in a comment and checked nowhere.
// Book: ROOT-13
TEST(Advisory, Notary_CVE_2015_9259) {
  Scenario scenario;
  scenario.repository.root.header.expires = test_now().plus_seconds(60);
  scenario.repository.publish_root();
  scenario.settle();
  scenario.device.rules.now = test_now().plus_seconds(60);
  scenario.expect_refused(ErrorCode::kExpired, {.heal = [&] { scenario.device.rules.now = test_now(); }});
}

// A source that sends every byte as it should be, and fails after the last.
class FailsAfterTheEnd final : public client::Fetcher {
 public:
  FailsAfterTheEnd(client::Fetcher& fetcher, std::string path) : fetcher_(fetcher), path_(std::move(path)) {}
  std::string name() const override { return fetcher_.name(); }
  Result<client::FetchOutcome> fetch(const client::FetchRequest& request, client::ByteSink& sink) override {
    TENON_TRY(const client::FetchOutcome outcome, fetcher_.fetch(request, sink));
    if (request.path == path_) return Error{ErrorCode::kNet, "the connection was reset"};
    return outcome;
  }

 private:
  client::Fetcher& fetcher_;
  std::string path_;
};

// CVE-2026-75939 (oc-mirror): the verdict was read before the body was, and an error after it was lost.
// Book: LOC-19
TEST(Advisory, OcMirror_CVE_2026_75939) {
  RepositorySimulator repository;
  repository.add_target("app", "content");
  repository.publish();
  RecordingReporter reporter;
  FakeClock clock;
  for (const std::string role : {"timestamp", "snapshot", "targets"}) {
    FailsAfterTheEnd source(repository, repository.path_of(role));
    InMemoryStore store;
    client::RepositoryClient device({&source}, store, clock, reporter);
    metadata::VersionFloors floors;
    EXPECT_EQ(code_of(device.refresh(repository.root_file(1), floors, {.now = test_now()})), "E_NET") << role;
    EXPECT_FALSE(store.files.contains(role + ".json")) << role;
  }
  InMemoryStore store;
  FailsAfterTheEnd source(repository, "targets/" + Sha256::of(as_bytes("content")).hex() + ".app");
  client::RepositoryClient device({&source}, store, clock, reporter);
  metadata::VersionFloors floors;
  const metadata::Rules rules{.now = test_now()};
  const auto trusted = device.refresh(repository.root_file(1), floors, rules);
  ASSERT_TRUE(trusted);
  const auto target = device.find(*trusted, "app", rules);
  ASSERT_TRUE(target);
  EXPECT_EQ(code_of(device.fetch(*trusted, *target, 1000)), "E_NET");
}

}  // namespace
}  // namespace tenon::tests
