// Names that metadata chooses: of roles, which become files and addresses, and of targets.
#include <tenon/client/store/file_store.h>
#include <tenon/client/updater/repository_client.h>

#include <gtest/gtest.h>
#include <tests/support/fake_clock.h>
#include <tests/support/json_edit.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scenario.h>
#include <tests/support/scratch_folder.h>

namespace tenon::tests {
namespace {

namespace fs = std::filesystem;

// Legal role names that a careless client would take for a path, a query or each other.
const std::vector<std::string>& hostile_names() {
  static const std::vector<std::string> names = {"?",
                                                 "#",
                                                 "/delegatedrole",
                                                 "../delegatedrole",
                                                 "../../../../../../tmp/delegatedrole",
                                                 "..%2fdelegatedrole",
                                                 "..%2F",
                                                 "%2e%2e",
                                                 "%2F",
                                                 "/",
                                                 ".",
                                                 "..",
                                                 "...",
                                                 ".new",
                                                 "a\\b",
                                                 "C:x",
                                                 "CON",
                                                 "con",
                                                 "-rf",
                                                 "~",
                                                 "a b",
                                                 "a+b",
                                                 "a&b=c;d",
                                                 "$(touch x)",
                                                 "role",
                                                 "Role",
                                                 "ROLE",
                                                 "role.json",
                                                 "\xF0\x9F\x98\x80",
                                                 "\xE2\x80\xAEgpj.exe",
                                                 "\xC3\xA9",
                                                 "e\xCC\x81",
                                                 "Snapshot",
                                                 "root.json",
                                                 std::string(200, 'n'),
                                                 std::string(200, 'n') + "m"};
  return names;
}

std::string target_of(std::size_t index) {
  return "target-" + std::to_string(index);
}

// Each name is a role with a key of its own and one target; all are delegated to by targets.
void delegate_to_all(RepositorySimulator& repository) {
  for (std::size_t i = 0; i < hostile_names().size(); ++i) {
    repository.add_delegation({.name = hostile_names()[i], .paths = {target_of(i)}});
    repository.add_target(target_of(i), "content " + std::to_string(i), hostile_names()[i]);
  }
  repository.publish();
}

void find_all(SessionRunner& device, bool wants_requests) {
  const auto trusted = device.refresh();
  ASSERT_TRUE(trusted) << trusted.error().message;
  for (std::size_t i = 0; i < hostile_names().size(); ++i) {
    SCOPED_TRACE(hostile_names()[i]);
    const auto target = device.find(*trusted, target_of(i));
    ASSERT_TRUE(target) << target.error().message;
    ASSERT_TRUE(target->has_value());
    EXPECT_EQ((*target)->signed_by().text(), hostile_names()[i]);
    EXPECT_EQ(code_of((*target)->check(as_bytes("content " + std::to_string(i)))), "accepted");
    EXPECT_EQ(device.requested.size(), wants_requests ? 1U : 0U);
  }
}

// Book: DEL-12
// Spec: 3.1.2
TEST(RoleNames, HoweverHostileEachGetAFileOfTheirOwnInsideTheStore) {
  const ScratchFolder scratch;
  const fs::path data = scratch.make_folder("outer/inner/data");
  RepositorySimulator repository;
  delegate_to_all(repository);
  {
    const auto store = client::FileStore::open(data);
    ASSERT_TRUE(store) << store.error().message;
    SessionRunner device(repository, **store);
    find_all(device, true);
    find_all(device, false);  // all from the store: no two shared a file
  }
  std::size_t metadata_files = 0;
  for (const std::string& entry : scratch.entries()) {
    const fs::path path(entry);
    EXPECT_TRUE(entry == "outer" || entry == "outer/inner" || entry.starts_with("outer/inner/data")) << entry;
    if (path.parent_path() == "outer/inner/data/metadata") ++metadata_files;
  }
  // timestamp, snapshot, targets, and one for each role.
  EXPECT_EQ(metadata_files, 3 + hostile_names().size());
}

// Book: DEL-12
// Spec: 3.1.2
TEST(RoleNames, HoweverHostileAreOneSegmentOfAnAddress) {
  for (const bool consistent : {true, false}) {
    RepositorySimulator repository({.consistent_snapshot = consistent});
    delegate_to_all(repository);
    InMemoryStore store;
    SessionRunner device(repository, store);
    find_all(device, true);
    std::set<std::string> paths;
    for (const client::FetchRequest& request : repository.requests()) {
      EXPECT_EQ(std::count(request.path.begin(), request.path.end(), '/'), 1) << request.path;
      EXPECT_EQ(request.path.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789%._-~/"),
                std::string::npos)
          << request.path;
      EXPECT_TRUE(paths.insert(request.path).second) << request.path;
    }
  }
}

// A name is encoded once: what a search asks for is the address, as every other client asks for it.
// Book: DEL-12
TEST(RoleNames, HoweverHostileAreFoundByADeviceToo) {
  RepositorySimulator repository;
  delegate_to_all(repository);
  InMemoryStore store;
  FakeClock clock;
  RecordingReporter reporter;
  client::RepositoryClient device({&repository}, store, clock, reporter);
  metadata::VersionFloors floors;
  const metadata::Rules rules{.now = clock.now()};
  const auto trusted = device.refresh(repository.root_file(1), floors, rules);
  ASSERT_TRUE(trusted) << trusted.error().message;
  for (std::size_t i = 0; i < hostile_names().size(); ++i) {
    const auto target = device.find(*trusted, target_of(i), rules);
    ASSERT_TRUE(target) << hostile_names()[i] << ": " << target.error().message;
    EXPECT_EQ(target->signed_by().text(), hostile_names()[i]);
  }
}

// Book: DEL-09, DEL-12
TEST(RoleNames, ThatNoFileCanHaveOrThatBelongToOthersMakeTheFileUnreadable) {
  for (const std::string& name :
       {std::string(), std::string(300, 'x'), std::string("a\nb"), std::string("a\x7F"), std::string("root"),
        std::string("1.root"), std::string("77.timestamp"), std::string("targets"), std::string(100, '/')}) {
    SCOPED_TRACE(name);
    Scenario scenario;
    scenario.repository.add_delegation({.name = "d"});
    scenario.repository.publish();
    scenario.settle();
    scenario.repository.signed_edits["targets"] = [&](const json::Value& value) {
      return with(value, {"delegations", "roles", "0", "name"}, name);
    };
    scenario.repository.publish_role("targets");
    scenario.expect_refused(ErrorCode::kParse, {.accepted = {"timestamp.json", "snapshot.json"}});
  }
}

// Book: JSON-09
// Spec: 4.5
TEST(TargetNames, ComposedAndDecomposedAreTwoTargets) {
  const std::string composed = "caf\xC3\xA9";
  const std::string decomposed = "cafe\xCC\x81";
  RepositorySimulator repository;
  repository.add_delegation({.name = "composed", .paths = {composed}});
  repository.add_delegation({.name = "decomposed", .paths = {decomposed}});
  for (const std::string& name : {composed, decomposed}) {
    repository.add_target(name, "of composed: " + name, "composed");
    repository.add_target(name, "of decomposed: " + name, "decomposed");
  }
  repository.add_target("top-" + composed, "content");
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  for (const auto& [name, role] : {std::pair(composed, "composed"), std::pair(decomposed, "decomposed")}) {
    const auto target = device.refresh_and_find(name);
    ASSERT_TRUE(target && *target) << name;
    EXPECT_EQ((*target)->signed_by().text(), role);
    EXPECT_EQ(as_text(*device.download(**target)), std::string("of ") + role + ": " + name);
  }
  const auto other = device.refresh_and_find("top-" + decomposed);
  ASSERT_TRUE(other);
  EXPECT_FALSE(other->has_value());
}

// Book: TGT-12
// Spec: 4.5
TEST(TargetNames, ThatLeaveAFolderAreNeverAskedForThoughTheyAreSigned) {
  for (const std::string name : {"/etc/passwd", "../x", "a/../../x", "a//b", "a/", "a\\b", "a/./b", ""}) {
    SCOPED_TRACE(name);
    RepositorySimulator repository;
    repository.add_target("good", "content");
    const metadata::TargetEntry entry = repository.targets.targets.at("good");
    repository.targets.targets.emplace(name, entry);
    repository.publish();
    InMemoryStore store;
    SessionRunner device(repository, store);
    const auto good = device.refresh_and_find("good");  // one odd name does not take the others away
    ASSERT_TRUE(good && *good);
    repository.forget_requests();
    EXPECT_EQ(code_of(device.refresh_and_find(name)), "E_PARSE");
    for (const client::FetchRequest& request : repository.requests()) {
      EXPECT_FALSE(request.path.starts_with("targets/")) << request.path;
    }
  }
}

}  // namespace
}  // namespace tenon::tests
