// When no source helps they are asked again, after pauses that a test can read, and left alone when they ask for it.
#include <tenon/client/updater/repository_client.h>

#include <gtest/gtest.h>
#include <tests/support/fake_clock.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scenario.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::Sources;
using std::chrono::milliseconds;
using std::chrono::seconds;

// BusySource fails a number of times, with a pause that it asks for.
class BusySource final : public client::Fetcher {
 public:
  explicit BusySource(int busy_for, seconds asks = seconds(0), ErrorCode code_ = ErrorCode::kNet)
      : busy(busy_for), pause(asks), code(code_) {}
  std::string name() const override { return "busy"; }
  Result<client::FetchOutcome> fetch(const client::FetchRequest&, client::ByteSink&) override {
    ++asked;
    failed = busy > 0;
    if (busy-- > 0) return Error{code, "busy"};
    return client::FetchOutcome::kComplete;
  }
  seconds asked_pause() const override { return failed ? pause : seconds(0); }

  int busy;
  seconds pause;
  ErrorCode code;
  int asked = 0;
  bool failed = false;
};

class DiscardingSink final : public client::ByteSink {
 public:
  Result<void> accept(ByteView) override { return {}; }
};

struct Asking {
  Result<client::FetchOutcome> ask(std::vector<client::Fetcher*> fetchers, std::uint32_t attempts) {
    sources.emplace(std::move(fetchers), clock, reporter, attempts);
    return again();
  }
  Result<client::FetchOutcome> again() {
    return sources->attempt([&](client::Fetcher& source) { return source.fetch({.path = "x"}, sink); });
  }

  FakeClock clock;
  RecordingReporter reporter;
  DiscardingSink sink;
  std::optional<Sources> sources;
};

TEST(AskingAgain, HelpsWhenTheNetworkWasAwayForAMoment) {
  BusySource source(3);
  Asking asking;
  EXPECT_TRUE(asking.ask({&source}, 5));
  EXPECT_EQ(source.asked, 4);
}

TEST(AskingAgain, PausesTwiceAsLongEachTimeAndByChance) {
  BusySource source(100);
  Asking asking;
  EXPECT_EQ(code_of(asking.ask({&source}, 12)), "E_NET");
  EXPECT_EQ(source.asked, 12);
  ASSERT_EQ(asking.clock.waits.size(), 11U) << "none after the last";
  for (std::size_t i = 0; i < asking.clock.waits.size(); ++i) {
    const auto [least, most] = asking.clock.waits[i];
    EXPECT_EQ(most, std::min<milliseconds>(seconds(2) * (1 << i), seconds(300))) << i;
    EXPECT_EQ(least, most / 2) << "chance has half of it";
  }
}

TEST(AskingAgain, IsNotDoneForWhatAPauseDoesNotChange) {
  for (const ErrorCode code : {ErrorCode::kSig, ErrorCode::kRollback, ErrorCode::kExpired, ErrorCode::kMismatch,
                               ErrorCode::kParse, ErrorCode::kLimit, ErrorCode::kStorage}) {
    BusySource source(100, seconds(0), code);
    Asking asking;
    EXPECT_FALSE(asking.ask({&source}, 5));
    EXPECT_EQ(source.asked, 1);
    EXPECT_TRUE(asking.clock.waits.empty());
  }
}

TEST(AskingAgain, AsksEverySourceBeforeItPauses) {
  BusySource first(2);
  BusySource second(2);
  Asking asking;
  EXPECT_TRUE(asking.ask({&first, &second}, 5));
  EXPECT_EQ(first.asked + second.asked, 5);
  EXPECT_EQ(asking.clock.waits.size(), 2U);
}

// Book: NET-10
TEST(ASourceThatAsksToBeLeftAlone, IsAskedAgainWhenThatTimeHasPassed) {
  BusySource source(2, seconds(120));
  Asking asking;
  const seconds began = asking.clock.uptime;
  EXPECT_TRUE(asking.ask({&source}, 5));
  EXPECT_EQ(source.asked, 3);
  EXPECT_GE(asking.clock.uptime - began, seconds(240));
}

// Book: NET-10
TEST(ASourceThatAsksToBeLeftAlone, KeepsNobodyFromAnotherOne) {
  BusySource busy(1, seconds(600));
  BusySource good(0);
  Asking asking;
  EXPECT_TRUE(asking.ask({&busy, &good}, 5));
  EXPECT_TRUE(asking.clock.waits.empty());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(asking.again());
  EXPECT_EQ(busy.asked, 1) << "it is left alone for all that follows, too";
  asking.clock.advance_seconds(600);
  good.busy = 1;
  EXPECT_TRUE(asking.again());
  EXPECT_EQ(busy.asked, 2);
}

// Book: MIR-01
TEST(ASourceThatAsksToBeLeftAlone, CannotDrawAnUpdateOutForEver) {
  BusySource source(1000, seconds(600));
  Asking asking;
  const seconds began = asking.clock.uptime;
  EXPECT_EQ(code_of(asking.ask({&source}, 5)), "E_NET");
  EXPECT_LE(asking.clock.uptime - began, seconds(4 * 900));
}

// What was written stays, and each attempt goes on from there: a link that breaks again and again ends no update, as long
// as something comes.
// Book: NET-24, NET-01
TEST(ALongTransfer, GoesOnAsLongAsSomethingComes) {
  BusySource source(0);
  Asking asking;
  asking.sources.emplace(std::vector<client::Fetcher*>{&source}, asking.clock, asking.reporter, 2U);
  client::Transferred transferred;
  int asked = 0;
  const auto drops = [&](client::Fetcher&) -> Result<void> {
    transferred.received += 1u << 20;
    transferred.reached += 1u << 20;
    if (++asked == 40) return {};
    return Error{ErrorCode::kNet, "the link is down"};
  };
  EXPECT_TRUE(asking.sources->attempt(drops, &transferred, UINT64_MAX));
  EXPECT_EQ(asked, 40);
  for (const auto& [least, most] : asking.clock.waits) EXPECT_EQ(most, seconds(2)) << "the pause begins anew, too";
  const auto drips = [&](client::Fetcher&) -> Result<void> {
    ++transferred.received;
    ++transferred.reached;
    ++asked;
    return Error{ErrorCode::kNet, "the link is down"};
  };
  asked = 0;
  EXPECT_FALSE(asking.sources->attempt(drips, &transferred, UINT64_MAX));
  EXPECT_EQ(asked, 2);
}

// A middlebox that cuts each transfer at the same byte, or a mirror that sends what nobody wants, again and again.
// Book: NET-01
TEST(ALongTransfer, EndsWhenFarMoreCameThanItHas) {
  BusySource source(0);
  Asking asking;
  asking.sources.emplace(std::vector<client::Fetcher*>{&source}, asking.clock, asking.reporter, 2U);
  client::Transferred transferred;
  int asked = 0;
  const auto cut = [&](client::Fetcher&) -> Result<void> {
    transferred.received += 5u << 20;
    transferred.reached += 2u << 20;
    ++asked;
    return Error{ErrorCode::kNet, "the link is down"};
  };
  EXPECT_FALSE(asking.sources->attempt(cut, &transferred, std::uint64_t{40} << 20));
  EXPECT_EQ(asked, 9);
  // What comes again and reaches no further is none at all.
  transferred = {};
  asked = 0;
  const auto again = [&](client::Fetcher&) -> Result<void> {
    transferred.received += 5u << 20;
    transferred.reached = 5u << 20;
    ++asked;
    return Error{ErrorCode::kNet, "the link is down"};
  };
  EXPECT_FALSE(asking.sources->attempt(again, &transferred, UINT64_MAX));
  EXPECT_EQ(asked, 2);
}

// Book: NET-08, NET-09
TEST(ATransferThatHasAllOfItsBytes, AsksForNone) {
  BusySource source(0);
  DiscardingSink sink;
  client::Transferred transferred;
  EXPECT_TRUE(client::PartReader(source, "x", 10, transferred).read(10, sink));
  EXPECT_EQ(source.asked, 0);
  EXPECT_TRUE(client::PartReader(source, "x", 10, transferred).read(9, sink));
  EXPECT_EQ(source.asked, 1);
}

// Book: NET-01, MIR-06
TEST(AnUpdate, GoesOnWithTheSegmentThatIsMissingAtTheSourceThatComesBack) {
  RepositorySimulator repository;
  const Bytes image = publish_release(repository, "2.0.0", 2);
  std::string payload;
  for (const auto& [path, content] : repository.files()) {
    if (path.ends_with(".full")) payload = path;
  }
  SimulatedDevice device(repository);
  device.device.attempts = 3;
  device.restart();
  repository.cut_transfer(payload, repository.served(payload).size() / 2);
  std::vector<std::uint64_t> offsets;
  repository.before_request = [&](const client::FetchRequest& request) {
    if (request.path != payload) return;
    offsets.push_back(request.offset);
    if (offsets.size() > 1) repository.restore_all();
  };
  const auto outcome = device.updater().install();
  ASSERT_TRUE(outcome) << outcome.error().message;
  EXPECT_TRUE(device.slot_holds(client::SlotGroup::kB, image));
  ASSERT_GE(offsets.size(), 2U);
  EXPECT_EQ(offsets.front(), 0U);
  for (std::size_t i = 1; i < offsets.size(); ++i) EXPECT_GT(offsets[i], 0U);
}

// Book: NET-17
TEST(ACaptivePortal, ChangesNothingAndIsForgottenOnceItIsPassed) {
  RepositorySimulator repository;
  const Bytes image = publish_release(repository, "2.0.0", 2);
  SimulatedDevice device(repository);
  for (const auto& [path, content] : repository.files()) repository.replace(path, to_bytes("<html>log in</html>"));
  repository.replace("metadata/2.root.json", to_bytes("<html>log in</html>"));
  EXPECT_EQ(code_of(device.updater().install()), "E_PARSE");
  EXPECT_EQ(device.slots.medium(client::SlotGroup::kB, "rootfs").bytes_written, 0U);
  EXPECT_EQ(device.boot.writes, 0U);
  repository.restore_all();
  EXPECT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(client::SlotGroup::kB, image));
}

// The reply ends early, and nothing in it says so.
// Book: NET-03
TEST(AFileThatEndsEarly, IsRefusedByItsSignedLengthWhateverTheSourceSays) {
  RepositorySimulator repository;
  const Bytes image = publish_release(repository, "2.0.0", 2);
  SimulatedDevice device(repository);
  for (const auto& [path, content] : repository.files()) {
    if (!path.starts_with("targets/")) continue;
    for (const std::size_t length : {std::size_t{0}, content.size() / 2, content.size() - 1}) {
      repository.replace(path, Bytes(content.begin(), content.begin() + static_cast<std::ptrdiff_t>(length)));
      EXPECT_FALSE(device.updater().install()) << path << " cut to " << length;
      repository.restore_all();
    }
  }
  EXPECT_EQ(device.boot.writes, 0U);
  EXPECT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(client::SlotGroup::kB, image));
}

}  // namespace
}  // namespace tenon::tests
