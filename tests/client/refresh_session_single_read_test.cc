// What was verified is what is used: nothing is read a second time, so that a source that changes its mind between two
// readings changes no verdict.
#include <gtest/gtest.h>
#include <tests/support/scenario.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

// Serves garbage to everybody who asks for a file a second time.
void serve_garbage_from_the_second_time(RepositorySimulator& repository, std::map<std::string, int>& times) {
  repository.before_request = [&](const client::FetchRequest& request) {
    if (++times[request.path] == 2) repository.replace(request.path, Bytes(100, '!'));
  };
}

// A store that gives every file once in a cycle, and garbage after that.
class TurncoatStore final : public client::TrustStore {
 public:
  explicit TurncoatStore(InMemoryStore& store) : store_(store) {}
  std::optional<Bytes> load(const std::string& file_name) override {
    if (++loads[file_name] > 1) return Bytes(100, '!');
    return store_.load(file_name);
  }
  Result<void> save(const std::string& file_name, ByteView content) override {
    loads.erase(file_name);
    return store_.save(file_name, content);
  }
  std::map<std::string, int> loads;

 private:
  InMemoryStore& store_;
};

// Book: JSON-19
TEST(TheNetwork, IsAskedForEachFileOnceInACycle) {
  Scenario scenario;
  add_delegation_chain(scenario.repository);
  std::map<std::string, int> times;
  serve_garbage_from_the_second_time(scenario.repository, times);
  scenario.expect_accepted(kDeepTarget);
  for (const auto& [path, count] : times) EXPECT_EQ(count, 1) << path;
  EXPECT_EQ(times.size(), 7U);  // 2.root, timestamp, snapshot, targets, d1, d2, d3
}

// Book: JSON-19
TEST(TheStore, IsAskedForEachFileOnceInACycle) {
  RepositorySimulator repository;
  add_delegation_chain(repository);
  for (int i = 0; i < 3; ++i) repository.publish_root();
  InMemoryStore store;
  TurncoatStore turncoat(store);
  SessionRunner device(repository, turncoat);
  for (const char* cycle : {"cold", "warm"}) {
    turncoat.loads.clear();
    EXPECT_EQ(code_of(device.refresh_and_find(kDeepTarget)), "accepted") << cycle;
    for (const auto& [name, count] : turncoat.loads) EXPECT_EQ(count, 1) << name << ", " << cycle;
  }
  EXPECT_EQ(device.requested, std::vector<std::string>{});  // the roles came from the store
}

// Book: JSON-19
TEST(TheStore, IsGivenTheBytesThatWereVerified) {
  Scenario scenario;
  add_delegation_chain(scenario.repository);
  const RepositorySimulator original = scenario.repository;
  std::map<std::string, int> times;
  serve_garbage_from_the_second_time(scenario.repository, times);
  scenario.expect_accepted(kDeepTarget);
  for (const std::string role : {"timestamp", "snapshot", "targets", "d1", "d2", "d3"}) {
    EXPECT_EQ(scenario.store.files.at(role + ".json"), original.served(original.path_of(role))) << role;
  }
}

// Book: JSON-19, LOC-01
TEST(AnUpdate, ReadsEachFileOfTheReleaseOnce) {
  RepositorySimulator repository;
  const Bytes image = publish_release(repository, "1.1.0", 2);
  SimulatedDevice device(repository);
  std::map<std::string, int> times;
  serve_garbage_from_the_second_time(repository, times);
  const auto outcome = device.updater().install();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(device.slot_holds(client::SlotGroup::kB, image));
  for (const auto& [path, count] : times) EXPECT_EQ(count, 1) << path;
}

}  // namespace
}  // namespace tenon::tests
