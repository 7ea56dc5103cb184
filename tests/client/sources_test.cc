// Several sources of one repository, some of which fail or lie: the good one is found, and nobody is believed.
#include <tenon/client/updater/repository_client.h>

#include <algorithm>

#include <gtest/gtest.h>
#include <tests/support/fake_clock.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scenario.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::RepositoryClient;
using client::TrustedRepository;

// Two sources of one repository: `bad` comes first, and is a copy from which it may then differ.
struct TwoSources {
  TwoSources() {
    bad.add_target("app.bin", "content");
    bad.publish();
    good = bad;
  }

  Result<TrustedRepository> refresh() { return client.refresh(good.root_file(1), floors, {.now = clock.now()}); }
  Result<Bytes> fetch(const TrustedRepository& trusted) {
    TENON_TRY(const metadata::VerifiedTarget target, client.find(trusted, "app.bin", {.now = clock.now()}));
    return client.fetch(trusted, target, 1000);
  }

  RepositorySimulator bad;
  RepositorySimulator good;
  InMemoryStore store;
  FakeClock clock;
  RecordingReporter reporter;
  metadata::VersionFloors floors;
  RepositoryClient client{{&bad, &good}, store, clock, reporter};
};

// Book: MIR-01
TEST(Sources, OfWhichTheFirstFailsOrLiesLeadToTheGoodOne) {
  const std::function<void(RepositorySimulator&)> misdeeds[] = {
      [](auto& source) {
        source.fail_all(Error{ErrorCode::kNet, "unreachable"});
      },
      [](auto& source) {
        source.fail("metadata/2.root.json", Error{ErrorCode::kNet, "503"});
      },
      [](auto& source) { source.replace("metadata/timestamp.json", to_bytes("<html>log in</html>")); },
      [](auto& source) { source.replace("metadata/timestamp.json", Bytes(1u << 20, '{')); },
      [](auto& source) { source.hide("metadata/timestamp.json"); },
      [](auto& source) { source.hide(source.path_of("snapshot")); },
      [](auto& source) { source.replace(source.path_of("targets"), source.served("metadata/1.root.json")); },
      [](auto& source) { source.cut_transfer(source.path_of("snapshot"), 10); },
  };
  for (const auto& misdeed : misdeeds) {
    TwoSources sources;
    misdeed(sources.bad);
    const Result<TrustedRepository> trusted = sources.refresh();
    ASSERT_TRUE(trusted) << trusted.error().message;
    const Result<Bytes> file = sources.fetch(*trusted);
    ASSERT_TRUE(file) << file.error().message;
    EXPECT_EQ(*file, to_bytes("content"));
    EXPECT_FALSE(sources.reporter.warnings.empty());
    // A source that failed is asked last from then on, and the good one is asked for everything.
    sources.bad.forget_requests();
    ASSERT_TRUE(sources.refresh());
    EXPECT_TRUE(sources.bad.requests().empty());
  }
}

// Book: MIR-02
TEST(Sources, OfWhichOneIsStaleAreLeftForTheNewerOne) {
  TwoSources sources;
  ASSERT_TRUE(sources.refresh());
  sources.good.publish();
  RepositoryClient newer({&sources.good}, sources.store, sources.clock, sources.reporter);
  ASSERT_TRUE(newer.refresh(sources.good.root_file(1), sources.floors, {.now = sources.clock.now()}));
  const Result<TrustedRepository> trusted = sources.refresh();  // the stale one is asked first
  ASSERT_TRUE(trusted) << trusted.error().message;
  EXPECT_EQ(trusted->timestamp->header.version, sources.good.timestamp.header.version);
  ASSERT_EQ(sources.reporter.warnings.size(), 1U);
  EXPECT_NE(sources.reporter.warnings.front().find("timestamp version"), std::string::npos);
}

// Book: MIR-03, MIR-06
TEST(Sources, ThatServeWrongTargetsAreAskedOnceAndLeft) {
  TwoSources sources;
  const Result<TrustedRepository> trusted = sources.refresh();
  ASSERT_TRUE(trusted);
  for (const auto& [path, content] : sources.bad.files()) {
    if (path.starts_with("targets/")) sources.bad.replace(path, to_bytes("c0ntent"));
  }
  sources.bad.forget_requests();
  const Result<Bytes> file = sources.fetch(*trusted);
  ASSERT_TRUE(file) << file.error().message;
  EXPECT_EQ(*file, to_bytes("content"));
  EXPECT_EQ(sources.bad.requests().size(), 1U);
}

// Book: MIR-04
TEST(Sources, ThatAllFailSayWhyEachOfThemFailed) {
  TwoSources sources;
  sources.bad.fail_all(Error{ErrorCode::kNet, "no route"});
  sources.good.replace("metadata/timestamp.json", to_bytes("{}"));
  const Result<TrustedRepository> trusted = sources.refresh();
  ASSERT_FALSE(trusted);
  EXPECT_EQ(trusted.error().code, ErrorCode::kNet);
  EXPECT_NE(trusted.error().message.find("no route"), std::string::npos);
  EXPECT_NE(trusted.error().message.find("timestamp.json"), std::string::npos);
  sources.bad.replace("metadata/timestamp.json", to_bytes("{}"));
  sources.bad.fail_all(std::nullopt);
  EXPECT_EQ(code_of(sources.refresh()), "E_PARSE") << "all agree";
  sources.good.restore_all();
  EXPECT_EQ(code_of(sources.refresh()), "accepted");
}

// A disk that is full is no source's fault: the next one is not asked, and nobody is blamed.
TEST(Sources, AreNotBlamedForTheStore) {
  TwoSources sources;
  class FullStore final : public client::TrustStore {
   public:
    std::optional<Bytes> load(const std::string&) override { return std::nullopt; }
    Result<void> save(const std::string&, ByteView) override { return Error{ErrorCode::kStorage, "disk full"}; }
  } full;
  RepositoryClient client({&sources.bad, &sources.good}, full, sources.clock, sources.reporter);
  EXPECT_EQ(code_of(client.refresh(sources.good.root_file(1), sources.floors, {.now = sources.clock.now()})),
            "E_STORAGE");
  EXPECT_TRUE(sources.good.requests().empty());
  EXPECT_TRUE(sources.reporter.warnings.empty());
}

// Book: MIR-06
TEST(Sources, ThatPoisonAPayloadCostOnlyTheSegmentTheySpoiled) {
  RepositorySimulator good;
  const Bytes first = publish_release(good, "2.0.0", 2);
  RepositorySimulator bad = good;
  for (const auto& [path, content] : good.files()) {
    if (!path.ends_with(".full")) continue;
    Bytes poisoned = content;
    poisoned[content.size() / 2] ^= 1;
    bad.replace(path, poisoned);
  }
  SimulatedDevice device(good);
  device.sources = {&bad, &good};
  device.restart();
  const auto outcome = device.updater().install();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(device.slot_holds(client::SlotGroup::kB, first));
  // The good one was asked to go on, not to begin again.
  ASSERT_FALSE(good.requests().empty());
  const auto payload = std::ranges::find_if(good.requests(), [](const client::FetchRequest& request) {
    return request.path.ends_with(".full") && request.offset > 0;
  });
  EXPECT_NE(payload, good.requests().end());
}

// Book: TIME-01, TIME-09
// Spec: 5.1
TEST(SessionAge, IsBoundedSoThatAPauseDoesNotExtendWhatExpires) {
  TwoSources sources;
  const Result<TrustedRepository> trusted = sources.refresh();
  ASSERT_TRUE(trusted);
  sources.clock.advance_seconds(24 * 3600);
  EXPECT_EQ(code_of(sources.fetch(*trusted)), "accepted");
  sources.clock.advance_seconds(1);
  EXPECT_EQ(code_of(sources.fetch(*trusted)), "E_EXPIRED");
  EXPECT_EQ(code_of(sources.refresh()), "accepted");
}

// Book: TIME-09
TEST(SessionAge, CountsTheTimeInsideARefreshWhateverTheClockSays) {
  TwoSources sources;
  sources.bad.before_request = [&](const client::FetchRequest& request) {
    if (request.path.ends_with("timestamp.json")) sources.clock.uptime += std::chrono::hours(7 * 24);
  };
  EXPECT_EQ(code_of(sources.refresh()), "E_EXPIRED");
  sources.bad.before_request = nullptr;
  EXPECT_EQ(code_of(sources.refresh()), "accepted");
}

}  // namespace
}  // namespace tenon::tests
