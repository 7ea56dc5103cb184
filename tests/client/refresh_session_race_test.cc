// A publisher that never rests, and a device that reads while files change under it.
#include <random>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

std::string content_of(metadata::Version release) {
  return "release " + std::to_string(release.value());
}

// Publishes release after release in the order that tenon-repo has, one file at a time. Every role of a release has the
// release's number for its version.
class RestlessPublisher {
 public:
  // After a request it writes a file in `percent` of all cases, and then perhaps another.
  RestlessPublisher(RepositorySimulator& repository, std::uint32_t seed, std::uint32_t percent)
      : repository_(repository), random_(seed), percent_(percent) {}

  void work() {
    while (random_() % 100 < percent_) write_next_file();
  }

 private:
  void write_next_file() {
    constexpr const char* kOrder[] = {"d3", "d2", "d1", "targets", "snapshot", "timestamp"};
    const std::string role = kOrder[next_];
    next_ = (next_ + 1) % std::size(kOrder);
    if (role == "snapshot") {
      bump(repository_.snapshot.header);
      repository_.write_snapshot();
    } else if (role == "timestamp") {
      bump(repository_.timestamp.header);
      repository_.write_timestamp();
    } else {
      bump(repository_.role(role).header);
      if (role == "d3") repository_.add_target(kDeepTarget, content_of(repository_.role(role).header.version), role);
      repository_.write_role(role);
    }
  }

  RepositorySimulator& repository_;
  std::mt19937 random_;
  std::uint32_t percent_;
  std::size_t next_ = 0;
};

struct Race {
  std::size_t accepted = 0;
  std::size_t retries = 0;
  std::set<std::string> codes = {};
};

// Runs that many cycles against the publisher; each ends with one whole release, or with an error.
Race race(RepositoryOptions options, int cycles, std::uint32_t percent) {
  Scenario scenario(options);
  RepositorySimulator& repository = scenario.repository;
  add_delegation_chain(repository);
  repository.add_target(kDeepTarget, content_of(*metadata::Version::create(3)), "d3");
  repository.publish();
  scenario.settle_with(kDeepTarget);
  RestlessPublisher publisher(repository, 20261101, percent);
  repository.before_request = [&](const client::FetchRequest&) { publisher.work(); };

  Race outcome;
  for (int cycle = 0; cycle < cycles; ++cycle) {
    const metadata::Version before = repository.timestamp.header.version;
    const Result<client::TrustedRepository> trusted = scenario.device.refresh();
    Result<std::optional<metadata::VerifiedTarget>> target = std::optional<metadata::VerifiedTarget>();
    if (trusted) target = scenario.device.find(*trusted, kDeepTarget);
    if (!trusted || !target) {
      ++outcome.retries;
      outcome.codes.insert(trusted ? code_of(target) : code_of(trusted));
      continue;
    }
    ++outcome.accepted;
    const metadata::Version release = trusted->timestamp->header.version;
    EXPECT_GE(release, before);
    EXPECT_LE(release, repository.timestamp.header.version);
    EXPECT_EQ(trusted->snapshot->header.version, release) << "cycle " << cycle;
    EXPECT_EQ(trusted->targets.targets()->header.version, release) << "cycle " << cycle;
    if (!target->has_value()) {
      ADD_FAILURE() << "cycle " << cycle << ": no such target";
      continue;
    }
    const std::string content = content_of(release);
    EXPECT_EQ(code_of((*target)->check(as_bytes(content))), "accepted") << "cycle " << cycle;
    const Result<Bytes> downloaded = scenario.device.download(**target);
    if (options.consistent_snapshot) {
      EXPECT_EQ(code_of(downloaded), "accepted") << "cycle " << cycle;
    }
  }
  repository.before_request = nullptr;
  repository.publish();
  scenario.expect_accepted(kDeepTarget);
  return outcome;
}

// Book: META-27
// Spec: 6.2
TEST(APublisherThatNeverRests, IsReadAsOneReleaseOrTheOtherInEveryOfAThousandCycles) {
  const Race outcome = race({}, 1000, 60);
  EXPECT_EQ(outcome.accepted, 1000U);  // every file of a release stays under its own name
}

// Book: META-27
TEST(APublisherThatNeverRests, CostsARetryWhereFilesAreReplacedAndNeverGivesAMix) {
  for (bool list_hashes : {true, false}) {
    const Race outcome = race({.consistent_snapshot = false, .list_hashes = list_hashes}, 1000, 8);
    EXPECT_GT(outcome.accepted, 50U);
    EXPECT_GT(outcome.retries, 50U);
    for (const std::string& code : outcome.codes) EXPECT_TRUE(code == "E_MISMATCH" || code == "E_LIMIT") << code;
  }
}

}  // namespace
}  // namespace tenon::tests
