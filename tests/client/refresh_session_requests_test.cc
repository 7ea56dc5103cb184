// What a refresh asks for: names, limits, the whole chain of roots, and one time for all of it.
#include <gtest/gtest.h>
#include <tests/support/scenario.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using metadata::TopRole;

struct Request {
  std::string path;
  std::uint64_t max_length;
  bool operator==(const Request&) const = default;
};
void PrintTo(const Request& request, std::ostream* out) {
  *out << request.path << " up to " << request.max_length;
}

std::vector<Request> requests_for_deep_target(Scenario& scenario) {
  add_delegation_chain(scenario.repository);
  scenario.repository.forget_requests();
  scenario.expect_accepted(kDeepTarget);
  std::vector<Request> requests;
  for (const client::FetchRequest& request : scenario.repository.requests()) {
    requests.push_back({request.path, request.max_length});
  }
  return requests;
}

// Spec: 4.4b, 5.3.3a, 5.4.1, 5.5.1b, 5.6.1b
TEST(Requests, AreLimitedByKindWhereNoLengthIsListed) {
  Scenario scenario(RepositoryOptions{.list_hashes = false});
  metadata::Limits& limits = scenario.device.rules.limits;
  limits.root_bytes = 100'001;
  limits.timestamp_bytes = 100'002;
  limits.snapshot_bytes = 100'003;
  limits.targets_bytes = 100'004;
  EXPECT_EQ(requests_for_deep_target(scenario), (std::vector<Request>{{"metadata/2.root.json", 100'001},
                                                                      {"metadata/timestamp.json", 100'002},
                                                                      {"metadata/2.snapshot.json", 100'003},
                                                                      {"metadata/2.targets.json", 100'004},
                                                                      {"metadata/2.d1.json", 100'004},
                                                                      {"metadata/2.d2.json", 100'004},
                                                                      {"metadata/2.d3.json", 100'004}}));
}

// Spec: 5.5.1a, 5.6.1a
TEST(Requests, AreLimitedToTheLengthThatIsListed) {
  Scenario scenario;
  const std::vector<Request> requests = requests_for_deep_target(scenario);
  ASSERT_EQ(requests.size(), 7U);
  for (std::size_t i = 2; i < requests.size(); ++i) {
    EXPECT_EQ(requests[i].max_length, scenario.repository.served(requests[i].path).size()) << requests[i].path;
  }
}

// Spec: 5.5.1b, 5.6.1b
TEST(Requests, NameNoVersionWhereSnapshotsAreNotConsistent) {
  Scenario scenario(RepositoryOptions{.consistent_snapshot = false});
  std::vector<std::string> paths;
  for (const Request& request : requests_for_deep_target(scenario)) paths.push_back(request.path);
  EXPECT_EQ(paths, (std::vector<std::string>{"metadata/2.root.json", "metadata/timestamp.json",
                                             "metadata/snapshot.json", "metadata/targets.json", "metadata/d1.json",
                                             "metadata/d2.json", "metadata/d3.json"}));
}

// Spec: 4.4b, 5.5.1a, 5.6.1a
TEST(Requests, AreNotMadeForMoreThanTheLimitOfListedLengths) {
  for (const std::string role : {"snapshot", "targets", "d1"}) {
    for (const std::uint64_t above : {std::uint64_t{0}, std::uint64_t{1}}) {
      SCOPED_TRACE(role + " + " + std::to_string(above));
      Scenario scenario;
      add_delegation_chain(scenario.repository);
      metadata::MetaEntry& entry = role == "snapshot" ? scenario.repository.timestamp.snapshot
                                                      : scenario.repository.snapshot.meta.at(role + ".json");
      entry.length = scenario.device.rules.limits.listed_bytes + above;
      const std::string path = scenario.repository.path_of(role);
      role == "snapshot" ? scenario.repository.publish_timestamp() : scenario.repository.publish_snapshot();
      // Exactly at the limit the file is asked for, and is not of the length that is listed.
      const Result<std::optional<metadata::VerifiedTarget>> result = scenario.device.refresh_and_find(kDeepTarget);
      EXPECT_EQ(code_of(result), above == 0 ? "E_MISMATCH" : "E_LIMIT");
      const auto& requests = scenario.repository.requests();
      EXPECT_EQ(std::any_of(requests.begin(), requests.end(), [&](const auto& r) { return r.path == path; }),
                above == 0);
    }
  }
}

// Spec: 5.3.1a, 5.3.1b, 5.3.9
TEST(RootChain, LeadsThroughRootsThatShareNoKeyToTheNewest) {
  Scenario scenario;
  for (int i = 0; i < 4; ++i) {
    scenario.repository.rotate_key(TopRole::kRoot);
    scenario.repository.publish_root();
  }
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.root_version->value(), 5);
  EXPECT_EQ(std::vector<std::string>(scenario.device.requested.begin(), scenario.device.requested.begin() + 5),
            (std::vector<std::string>{"2.root.json", "3.root.json", "4.root.json", "5.root.json", "6.root.json"}));
  // Nothing but the roots in between leads there.
  Scenario gap;
  gap.repository = scenario.repository;
  gap.repository.replace("metadata/2.root.json", scenario.repository.root_file(5));
  gap.expect_refused(ErrorCode::kSig);
}

// Spec: 4.3i
TEST(Keyid, StandsForTheKeyOfTheFileThatListsIt) {
  Scenario scenario;
  const TestKey in_root(950);
  const TestKey in_targets = TestKey(951).named(in_root.keyid().text());
  scenario.repository.set_keys(TopRole::kTimestamp, {in_root});
  scenario.repository.publish_root();
  scenario.repository.add_delegation({.name = "d", .keys = {in_targets}});
  scenario.repository.add_target("app", "content", "d");
  scenario.repository.publish();
  scenario.settle_with("app");
  scenario.repository.signers["d"] = {in_root};
  scenario.repository.publish_role("d");
  scenario.expect_refused(ErrorCode::kSig, {.accepted = {"timestamp.json", "snapshot.json"}, .target = "app"});
}

// Book: META-08
// Spec: 5.5.2
TEST(StoredSnapshot, OfTheRightVersionIsNotUsedWithOtherBytesThanTimestampPins) {
  Scenario scenario;
  scenario.settle();
  scenario.repository.snapshot.extra.set("x-other", 1);
  scenario.repository.write_snapshot();  // the same version
  scenario.repository.publish_timestamp();
  scenario.expect_accepted();
  EXPECT_EQ(scenario.device.persisted, (std::vector<std::string>{"timestamp.json", "snapshot.json"}));
  EXPECT_EQ(scenario.store.files.at("snapshot.json"), scenario.repository.served("metadata/1.snapshot.json"));
}

// Spec: 5.1
TEST(StartTime, IsTheTimeForAllOfOneRefresh) {
  RepositorySimulator repository;
  publish_release(repository, "1.1.0", 2);
  SimulatedDevice device(repository);
  repository.before_request = [&](const client::FetchRequest& request) {
    if (request.path == "metadata/timestamp.json") device.clock.time = test_now().plus_seconds(400LL * 86'400);
  };
  EXPECT_EQ(code_of(device.updater().check()), "accepted");
  repository.before_request = nullptr;
  EXPECT_EQ(code_of(device.updater().check()), "E_EXPIRED");
}

// Spec: 5.7.3a, 5.7.3b
TEST(Downloads, OfTargetsAreNamedAsTheRootSaysAndLimitedToTheirLength) {
  for (const bool consistent : {true, false}) {
    RepositorySimulator repository({.consistent_snapshot = consistent});
    publish_release(repository, "1.1.0", 2);
    SimulatedDevice device(repository);
    repository.forget_requests();
    ASSERT_EQ(code_of(device.updater().install()), "accepted");
    std::size_t targets = 0;
    for (const client::FetchRequest& request : repository.requests()) {
      if (!request.path.starts_with("targets/")) continue;
      ++targets;
      const Bytes content = repository.served(request.path);
      EXPECT_EQ(request.path.find(Sha256::of(content).hex() + ".") != std::string::npos, consistent) << request.path;
      EXPECT_EQ(request.offset + request.max_length, content.size()) << request.path;
    }
    EXPECT_GE(targets, 4U);  // channel, release, segment list, payload
  }
}

}  // namespace
}  // namespace tenon::tests
