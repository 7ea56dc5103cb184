// Delegations that are many, deep or wide, and targets that are many.
#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>
#include <tests/support/stopwatch.h>

namespace tenon::tests {
namespace {

// Makes targets delegate to that many roles, without files of their own.
void delegate_to_many(RepositorySimulator& repository, std::size_t count, const std::string& pattern) {
  repository.signed_edits["targets"] = [=](const json::Value& value) {
    const json::Value first = at(value, {"delegations", "roles", "0"});
    json::Array roles = {first};
    for (std::size_t i = 1; i < count; ++i) {
      roles.push_back(with(with(first, {"name"}, "role-" + std::to_string(i)), {"paths", "0"}, pattern));
    }
    return with(value, {"delegations", "roles"}, roles);
  };
}

// Book: DEL-10
TEST(AHundredThousandDelegations, InOneFileAreTooLargeOrReadInTime) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "role-0"});
  repository.add_target("app", "content", "role-0");
  delegate_to_many(repository, 120'000, "other");
  repository.publish();
  ASSERT_GT(repository.served(repository.path_of("targets")).size(), 16u << 20);
  InMemoryStore store;
  SessionRunner device(repository, store);
  const Stopwatch watch;
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "E_LIMIT");
  EXPECT_LT(watch.read(), kTimeForAnything);

  delegate_to_many(repository, 50'000, "other");
  repository.publish();
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "accepted");
  EXPECT_LT(watch.read(), kTimeForAnything);
}

// Book: DEL-10
// Spec: 5.6.7.1
TEST(AThousandDelegations, ThatAllMatchEndTheSearchAtItsLimit) {
  RepositorySimulator repository;
  repository.add_delegation({.name = "role-0"});
  delegate_to_many(repository, 1000, "*");
  repository.publish();
  for (std::size_t i = 1; i < 1000; ++i) {  // every one of them is listed, and served under a name of its own
    const std::string name = "role-" + std::to_string(i);
    repository.snapshot.meta.emplace(name + ".json", repository.snapshot.meta.at("role-0.json"));
  }
  repository.publish_snapshot();
  const Bytes file = repository.served(repository.path_of("role-0"));
  const std::string version = std::to_string(repository.delegated.at("role-0").header.version.value());
  for (std::size_t i = 1; i < 1000; ++i) {
    repository.replace("metadata/" + version + ".role-" + std::to_string(i) + ".json", file);
  }
  InMemoryStore store;
  SessionRunner device(repository, store);
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "E_LIMIT");
  EXPECT_EQ(device.visited.size(), 33U);  // targets and 32 more
  EXPECT_EQ(device.requested.size(), 32U);
}

// Book: DEL-10
TEST(ATree, OfAThousandTimesAThousandRolesIsLeftAtTheLimitToo) {
  RepositorySimulator repository;
  const std::vector<TestKey> key = {TestKey(950)};
  for (int i = 0; i < 40; ++i) {
    const std::string branch = "branch-" + std::to_string(i);
    repository.add_delegation({.name = branch, .keys = key});
    repository.add_delegation({.delegator = branch, .name = branch + "-twig", .keys = key});
  }
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  EXPECT_EQ(code_of(device.refresh_and_find("app")), "E_LIMIT");
  EXPECT_EQ(device.visited.size(), 33U);
}

// Book: RES-03
TEST(FiftyThousandTargets, AreReadInTimeAndLookedUpInNone) {
  RepositorySimulator repository;
  for (int i = 0; i < 50'000; ++i) {
    repository.targets.targets.emplace(
        "some/folder/target-" + std::to_string(i),
        metadata::TargetEntry{
            .length = 7, .hashes = {.sha256 = Sha256::of(as_bytes(std::to_string(i))), .sha512 = {}, .extra = {}}});
  }
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const Stopwatch reading;
  const auto trusted = device.refresh();
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_LT(reading.read(), kTimeForAnything);
  const Stopwatch looking;
  for (int i = 0; i < 1000; ++i) {
    const auto target = device.find(*trusted, "some/folder/target-" + std::to_string(i * 50));
    ASSERT_TRUE(target && *target);
  }
  EXPECT_LT(looking.read(), std::chrono::seconds(1));  // of a thousand: each has a thousandth of what the book allows
}

// Book: RES-05, META-08
TEST(AThousandDigests, OfWhichOneIsKnownCostOneDigest) {
  RepositorySimulator repository;
  repository.add_target("app", "content");
  json::Object& extra = repository.targets.targets.at("app").hashes.extra;
  for (int i = 0; i < 1000; ++i) extra.set("hash-" + std::to_string(i), std::string(64, 'a'));
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const auto target = device.refresh_and_find("app");
  ASSERT_TRUE(target && *target);
  EXPECT_EQ(code_of((*target)->check(as_bytes("content"))), "accepted");
  EXPECT_EQ(code_of((*target)->check(as_bytes("Content"))), "E_MISMATCH");
  const Bytes large(1u << 20, 'x');
  const Stopwatch watch;
  for (int i = 0; i < 20; ++i) EXPECT_FALSE((*target)->check(large));  // another length: no byte is hashed
  EXPECT_LT(watch.read(), std::chrono::seconds(1));
}

}  // namespace
}  // namespace tenon::tests
