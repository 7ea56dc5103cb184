// Every limit of a file, at n and at n + 1, and files that are as wide as a file may be.
#include <gtest/gtest.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>
#include <tests/support/stopwatch.h>

namespace tenon::tests {
namespace {

using metadata::TopRole;

struct LimitCase {
  std::string role;
  bool listed;  // the role above says how long the file is
  std::size_t limit;
};

constexpr std::size_t kListed = 16u << 20;

class EveryLimit : public testing::TestWithParam<LimitCase> {
 protected:
  EveryLimit() { add_delegation_chain(scenario.repository); }

  // Publishes a new version of the role in a file of that many bytes: spaces are not signed.
  void publish_file_of(std::size_t bytes) {
    RepositorySimulator& repository = scenario.repository;
    repository.file_edits[role] = [=](std::string file) {
      file.resize(bytes, ' ');
      return file;
    };
    if (role == "root") return repository.publish_root();
    if (role == "timestamp") return repository.publish_timestamp();
    if (role == "snapshot") return repository.publish_snapshot();
    repository.publish_role(role);
  }

  std::set<std::string> accepted_before() const {
    if (role == "root" || role == "timestamp") return {};
    // A length above the limit is refused with the file that says it: timestamp itself is not accepted then.
    if (role == "snapshot")
      return GetParam().listed ? std::set<std::string>{} : std::set<std::string>{"timestamp.json"};
    return {"timestamp.json", "snapshot.json"};
  }

  const client::FetchRequest* request_for(const std::string& path) const {
    for (const client::FetchRequest& request : scenario.repository.requests()) {
      if (request.path == path) return &request;
    }
    return nullptr;
  }

  const std::string role = GetParam().role;
  Scenario scenario{RepositoryOptions{.list_hashes = GetParam().listed}};
};
INSTANTIATE_TEST_SUITE_P(Roles, EveryLimit,
                         testing::Values(LimitCase{"root", false, 512'000}, LimitCase{"timestamp", false, 65'536},
                                         LimitCase{"snapshot", false, 2'000'000},
                                         LimitCase{"targets", false, 5'000'000}, LimitCase{"d1", false, 5'000'000},
                                         LimitCase{"d3", false, 5'000'000}, LimitCase{"snapshot", true, kListed},
                                         LimitCase{"targets", true, kListed}, LimitCase{"d1", true, kListed}),
                         [](const auto& parameter) {
                           return parameter.param.role + (parameter.param.listed ? "WithALength" : "WithoutALength");
                         });

// Book: RES-01
TEST_P(EveryLimit, IsReachedByAFileThatIsAccepted) {
  publish_file_of(GetParam().limit);
  scenario.expect_accepted(kDeepTarget);
}

// Book: RES-01
TEST_P(EveryLimit, IsPassedByOneByteAndNoMoreIsRead) {
  scenario.settle_with(kDeepTarget);
  publish_file_of(GetParam().limit + 1);
  scenario.repository.forget_requests();
  EXPECT_EQ(code_of(scenario.device.refresh_and_find(kDeepTarget)), "E_LIMIT");
  const client::FetchRequest* request = request_for(scenario.repository.path_of(role));
  if (GetParam().listed) {
    EXPECT_EQ(request, nullptr);  // what is listed as too long is not asked for
  } else {
    ASSERT_NE(request, nullptr);
    EXPECT_EQ(request->max_length, GetParam().limit);
  }
}

// Book: RES-01
TEST_P(EveryLimit, LeavesTheDeviceAsItWasWhenAFilePassesIt) {
  scenario.settle_with(kDeepTarget);
  publish_file_of(GetParam().limit + 1);
  scenario.expect_refused(ErrorCode::kLimit, {.accepted = accepted_before(), .target = kDeepTarget});
}

// Book: RES-01
TEST(AListedLength, BeyondAllSizesIsRefusedBeforeAnyRequest) {
  for (const std::string role : {"snapshot", "targets", "d1"}) {
    for (std::int64_t length : {std::int64_t{kListed} + 1, std::int64_t{1} << 32, INT64_MAX}) {
      SCOPED_TRACE(role + " of " + std::to_string(length));
      Scenario scenario;
      add_delegation_chain(scenario.repository);
      const std::string above = role == "snapshot" ? "timestamp" : "snapshot";
      scenario.repository.signed_edits[above] = [&](const json::Value& value) {
        return with(value, {"meta", role + ".json", "length"}, length);
      };
      scenario.repository.publish();
      EXPECT_EQ(code_of(scenario.device.refresh_and_find(kDeepTarget)), "E_LIMIT");
      for (const client::FetchRequest& request : scenario.repository.requests()) {
        EXPECT_NE(request.path, scenario.repository.path_of(role));
      }
    }
  }
}

// Adds that many keys that no role uses.
void add_keys(RepositorySimulator& repository, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) {
    const Sha256 key = Sha256::of(as_bytes(std::to_string(i)));
    repository.root.keys.emplace(*metadata::KeyId::parse("k" + std::to_string(i)),
                                 metadata::PublicKey::ed25519(key.bytes));
  }
}

// Book: RES-04
TEST(ARoot, OfAHundredThousandKeysIsRefusedByItsSize) {
  Scenario scenario;
  scenario.settle();
  add_keys(scenario.repository, 100'000);
  scenario.repository.publish_root();
  const Stopwatch watch;
  scenario.expect_refused(ErrorCode::kLimit);
  EXPECT_LT(watch.read(), kTimeForAnything);
}

// Book: RES-04
TEST(ARoot, OfAsManyKeysAsFitIsReadInTime) {
  RepositorySimulator repository;
  add_keys(repository, 3300);
  repository.publish_root();
  ASSERT_GT(repository.root_file(2).size(), 430'000U);
  InMemoryStore store;
  SessionRunner device(repository, store);
  const Stopwatch watch;
  EXPECT_EQ(code_of(device.refresh()), "accepted");
  EXPECT_EQ(device.root_version->value(), 2);
  EXPECT_LT(watch.read(), kTimeForAnything);
}

// Book: RES-04
TEST(ASnapshot, OfTenThousandRolesIsReadInTimeAlsoWithAFloorForEach) {
  Scenario scenario;
  for (int i = 0; i < 10'000; ++i) {
    scenario.repository.snapshot.meta.emplace("role-" + std::to_string(i) + ".json",
                                              scenario.repository.snapshot.meta.at("targets.json"));
  }
  scenario.repository.publish_snapshot();
  const Stopwatch watch;
  scenario.settle();
  EXPECT_EQ(scenario.device.floors.targets.size(), 10'001U);
  scenario.repository.publish_snapshot();
  scenario.expect_accepted();
  EXPECT_LT(watch.read(), kTimeForAnything);
}

// Book: SIG-19
TEST(ManySignatures, AreRefusedByTheirNumberBeforeAnyIsVerified) {
  Scenario scenario;
  scenario.settle();
  std::string entries;
  for (int i = 0; i < 100'000; ++i) {
    entries += R"({"keyid":"unknown)" + std::to_string(i) + R"(","sig":""},)";
  }
  scenario.repository.file_edits["targets"] = [&](const std::string& file) {
    return replaced(file, "\"signatures\": [", "\"signatures\": [" + entries);
  };
  scenario.repository.publish();
  const Stopwatch watch;
  scenario.expect_refused(ErrorCode::kLimit, {.accepted = {"timestamp.json", "snapshot.json"}});
  EXPECT_LT(watch.read(), kTimeForAnything);
}

// Book: SIG-20
TEST(TwentyKeys, OverFiveThousandTargetsAreVerifiedInTime) {
  RepositorySimulator repository;
  repository.set_keys(TopRole::kTargets, test_keys(960, 20), 20);
  repository.publish_root();
  for (int i = 0; i < 5000; ++i) {
    repository.targets.targets.emplace(
        "target-" + std::to_string(i),
        metadata::TargetEntry{
            .length = 7, .hashes = {.sha256 = Sha256::of(as_bytes(std::to_string(i))), .sha512 = {}, .extra = {}}});
  }
  repository.publish();
  InMemoryStore store;
  SessionRunner device(repository, store);
  const Stopwatch watch;
  EXPECT_EQ(code_of(device.refresh_and_find("target-7")), "accepted");
  EXPECT_LT(watch.read(), kTimeForAnything);
}

}  // namespace
}  // namespace tenon::tests
