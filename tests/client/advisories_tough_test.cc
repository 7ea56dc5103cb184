// Advisories and fixes of tough and tuftool, each with the test that would have caught it: what concerns a client.
#include <tenon/client/store/file_store.h>

#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>
#include <tests/support/scratch_folder.h>

namespace tenon::tests {
namespace {

namespace fs = std::filesystem;
using metadata::Version;

// CVE-2021-41149, CVE-2021-41150 / GHSA-x3r5-q6mj-m485: names of targets and of delegated roles were used as paths.
// Book: TGT-12, DEL-12
TEST(Advisory, Tough_CVE_2021_41149_CVE_2021_41150) {
  RepositorySimulator repository;
  repository.add_target("good", "content");
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "a/../../b"}) {
    repository.targets.targets.emplace(name, repository.targets.targets.at("good"));
  }
  repository.add_delegation({.name = "../../etc/cron.d/role", .paths = {"app"}});
  repository.add_target("app", "content", "../../etc/cron.d/role");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  for (const char* name : {"../../etc/passwd", "/etc/passwd", "a/../../b"}) {
    EXPECT_EQ(code_of(device.refresh_and_find(name)), "E_PARSE") << name;
  }
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "accepted");
  for (const auto& [name, content] : store.files) EXPECT_EQ(name.find('/'), name.npos) << name;
}

// CVE-2025-2885 / GHSA-5vmp-m5v2-hx47: the next root had to be not older, where it has to be the very next.
// Book: ROOT-03
TEST(Advisory, Tough_CVE_2025_2885) {
  for (std::int64_t version : {1, 3, 4, 1000}) {
    SCOPED_TRACE(version);
    Scenario scenario;
    scenario.settle();
    scenario.repository.signed_edits["root"] = [&](const json::Value& value) {
      return with(value, {"version"}, version);
    };
    scenario.repository.publish_root();
    scenario.expect_refused(ErrorCode::kRollback);
  }
}

// CVE-2025-2886: a terminating delegation did not end the search.
// Book: DEL-02
TEST(Advisory, Tough_CVE_2025_2886) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "terminating", .paths = {"app"}, .terminating = true});
  repository.add_delegation({.delegator = "terminating", .name = "below", .paths = {"app"}});
  repository.add_delegation({.name = "after", .paths = {"app"}});
  repository.add_target("app", "content", "after");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto target = device.refresh_and_find("app");
  ASSERT_TRUE(target);
  EXPECT_FALSE(target->has_value());
  EXPECT_EQ(device.visited, (std::vector<std::string>{"targets", "terminating", "below"}));
}

// CVE-2025-2887: an older file of a delegated role was no rollback.
// Book: META-09, DEL-14
TEST(Advisory, Tough_CVE_2025_2887) {
  for (const std::string role : {"d1", "d2", "d3"}) {
    SCOPED_TRACE(role);
    Scenario scenario;
    add_delegation_chain(scenario.repository);
    const Version first = scenario.repository.delegated.at(role).header.version;
    scenario.repository.publish();
    scenario.settle_with(kDeepTarget);
    scenario.repository.delegated.at(role).header.version = first;
    scenario.repository.write_role(role);
    scenario.repository.publish_snapshot();
    scenario.expect_refused(ErrorCode::kRollback, {.accepted = {"timestamp.json"}, .target = kDeepTarget});
  }
}

// CVE-2025-2888: a timestamp was stored though the snapshot in it was a rollback, and the client was stuck.
// Book: META-07
TEST(Advisory, Tough_CVE_2025_2888) {
  Scenario scenario;
  const metadata::MetaEntry old = scenario.repository.timestamp.snapshot;
  scenario.repository.publish_snapshot();
  scenario.settle();
  const Bytes stored = scenario.store.files.at("timestamp.json");
  const metadata::MetaEntry good = scenario.repository.timestamp.snapshot;
  scenario.repository.timestamp.snapshot = old;
  scenario.repository.publish_timestamp();
  EXPECT_EQ(code_of(scenario.device.refresh()), "E_ROLLBACK");
  EXPECT_EQ(scenario.store.files.at("timestamp.json"), stored);
  scenario.repository.timestamp.snapshot = good;  // the operator repairs it, at the same version
  scenario.repository.write_timestamp();
  scenario.expect_accepted();
}

// CVE-2026-6966: duplicate signatures were refused for the top-level roles and counted for delegated ones.
// Book: SIG-01, DEL-14
TEST(Advisory, Tough_CVE_2026_6966) {
  Scenario scenario;
  const std::vector<TestKey> keys = test_keys(1400, 2);
  scenario.repository.add_delegation({.name = "d", .keys = keys, .threshold = 2});
  scenario.repository.add_target("app", "content", "d");
  scenario.repository.publish();
  scenario.settle_with("app");
  scenario.repository.signers["d"] = {keys[0]};
  scenario.repository.file_edits["d"] = [](const std::string& file) {
    const json::Value value = *json::parse(as_bytes(file));
    json::Array signatures = *at(value, {"signatures"}).array();
    signatures.push_back(signatures.front());
    return json::to_text(with(value, {"signatures"}, signatures));
  };
  scenario.repository.publish_role("d");
  scenario.expect_refused(ErrorCode::kParse, {.accepted = {"timestamp.json", "snapshot.json"}, .target = "app"});
  scenario.repository.signers["d"] = {keys[0], keys[0].named("another-name")};
  scenario.repository.file_edits.clear();
  scenario.repository.publish_role("d");
  EXPECT_EQ(code_of(scenario.device.refresh_and_find("app")), "E_SIG");
}

// CVE-2026-6967: expiry, digest and length of delegated roles were not checked, and bad files stayed in the cache.
// Book: DEL-14
TEST(Advisory, Tough_CVE_2026_6967) {
  struct Row {
    const char* code;
    void (*attack)(RepositorySimulator& repository);
  };
  for (const Row& row : {Row{"E_EXPIRED",
                             [](RepositorySimulator& repository) {
                               repository.role("d3").header.expires = test_now();
                               repository.publish_role("d3");
                             }},
                         Row{"E_MISMATCH",
                             [](RepositorySimulator& repository) {
                               Bytes file = repository.served(repository.path_of("d3"));
                               std::swap(file[file.size() - 2], file[file.size() - 1]);
                               repository.replace(repository.path_of("d3"), file);
                             }},
                         Row{"E_MISMATCH",
                             [](RepositorySimulator& repository) {
                               Bytes file = repository.served(repository.path_of("d3"));
                               file.pop_back();
                               repository.replace(repository.path_of("d3"), file);
                             }},
                         Row{"E_LIMIT", [](RepositorySimulator& repository) {
                               Bytes file = repository.served(repository.path_of("d3"));
                               file.push_back(' ');
                               repository.replace(repository.path_of("d3"), file);
                             }}}) {
    SCOPED_TRACE(row.code);
    RepositorySimulator repository;
    add_delegation_chain(repository);
    row.attack(repository);
    InMemoryStore store;
    SessionRunner device(repository, store);
    EXPECT_EQ(code_of(device.refresh_and_find(kDeepTarget)), row.code);
    EXPECT_FALSE(store.files.contains("d3.json"));
    EXPECT_EQ(code_of(device.refresh_and_find(kDeepTarget)), row.code);
  }
}

// CVE-2026-6968: the fix of 2021 was not whole: absolute names, links in the place of folders and of metadata files.
// Book: TGT-12, TGT-13
TEST(Advisory, Tough_CVE_2026_6968) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("data");
  std::ofstream(scratch.path() / "victim") << "precious";
  fs::create_directory(data / "metadata");
  for (const char* name : {"timestamp.json", "snapshot.json", "targets.json", "%2Fetc%2Fpasswd.json", ".new"}) {
    fs::create_symlink(scratch.path() / "victim", data / "metadata" / name);
  }
  RepositorySimulator repository;
  repository.add_delegation({.name = "/etc/passwd"});
  repository.add_target("app", "content", "/etc/passwd");
  repository.publish();
  {
    const auto store = client::FileStore::open(data);
    ASSERT_TRUE(store) << store.error().message;
    SessionRunner device(repository, **store);
    EXPECT_EQ(code_of(device.refresh_and_find("app")), "accepted");
  }
  EXPECT_EQ(fs::file_size(scratch.path() / "victim"), 8U);
  EXPECT_EQ(code_of(metadata::TargetPath::parse("/etc/passwd")), "E_PARSE");

  fs::remove_all(data / "metadata");
  fs::create_directory_symlink(scratch.path(), data / "metadata");
  EXPECT_FALSE(client::FileStore::open(data));
}

}  // namespace
}  // namespace tenon::tests
