// An update on a device whose clock stands, jumps, or sleeps.
#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;
using client::SlotState;
using metadata::UtcTime;

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kYear = 365 * kDay;

template <class T>
std::string code_of(const Result<T>& result) {
  return result ? "accepted" : std::string(to_string(result.error().code));
}

class ClockOfADevice : public testing::Test {
 protected:
  ClockOfADevice() {
    repository.timestamp.issued = test_now();
    image = publish_release(repository, "1.1.0", 2);
    repository.timestamp.header.expires = test_now().plus_seconds(7 * kDay);
    repository.publish_timestamp();
    device.restart();
  }

  std::string install() { return code_of(device.updater().install()); }

  // Makes the clock jump before the request with that number.
  void jump_at_request(int number, std::int64_t seconds) {
    requests_ = 0;
    repository.before_request = [=, this](const client::FetchRequest&) {
      if (requests_++ == number) device.clock.time = device.clock.time.plus_seconds(seconds);
    };
  }
  int requests() const { return requests_; }

  RepositorySimulator repository;
  Bytes image = publish_release(repository, "1.0.9", 1);
  SimulatedDevice device{repository};

 private:
  int requests_ = 0;
};

// Book: TIME-01
// Spec: 5.1
TEST_F(ClockOfADevice, IsReadOnceForARefresh) {
  jump_at_request(2, 100 * kDay);  // after the roots, before snapshot
  EXPECT_EQ(code_of(device.updater().check()), "accepted");
  EXPECT_GT(requests(), 2);
  EXPECT_EQ(code_of(device.updater().check()), "E_EXPIRED");
}

// Book: TIME-03
TEST_F(ClockOfADevice, IsReadAgainBeforeAnythingIsArmed) {
  jump_at_request(2, 8 * kDay);
  EXPECT_EQ(install(), "E_EXPIRED");
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
  repository.restore_all();
  repository.timestamp.header.expires = test_now().plus_seconds(30 * kDay);
  repository.publish_timestamp();
  EXPECT_EQ(install(), "accepted");
  EXPECT_EQ(device.slots.medium(SlotGroup::kB, "rootfs").bytes_written, image.size());  // what was written stays
}

// Book: TIME-04
TEST_F(ClockOfADevice, ThatSays1970IsNotBelievedAgainstTheBuildTimeOfTheImage) {
  device.clock.time = UtcTime::epoch();
  device.device.running_image.build_time = test_now().plus_seconds(8 * kDay);
  client::Updater updater(device.ports(), device.device);
  EXPECT_EQ(code_of(updater.check()), "E_EXPIRED");
}

// Book: TIME-04, TIME-05
TEST_F(ClockOfADevice, ThatSays1970IsNotBelievedAgainstTheNewestIssueTimeSeen) {
  EXPECT_EQ(code_of(device.updater().check()), "accepted");
  repository.timestamp.issued = test_now().plus_seconds(6 * kDay);
  repository.publish_timestamp();
  EXPECT_EQ(code_of(device.updater().check()), "accepted");
  device.clock.time = UtcTime::epoch();
  repository.role("rollout.camera").header.expires = test_now().plus_seconds(5 * kDay);
  repository.publish();
  EXPECT_EQ(code_of(device.updater().check()), "E_EXPIRED");
}

// Book: TIME-05
TEST_F(ClockOfADevice, MayJumpBackAtAnyMomentOfAnUpdate) {
  int steps = 0;
  for (std::int64_t seconds : {std::int64_t{-3600}, -10 * kYear}) {
    for (int request = 0; request < 12; ++request) {
      SCOPED_TRACE(request);
      SimulatedDevice one(repository);
      int at = 0;
      repository.before_request = [&](const client::FetchRequest&) {
        if (at++ == request) one.clock.advance_seconds(seconds);
      };
      EXPECT_EQ(code_of(one.updater().install()), "accepted");
      EXPECT_TRUE(one.slot_holds(SlotGroup::kB, image));
      EXPECT_EQ(one.floors().versions.issued, test_now());
      steps += at > request ? 1 : 0;
    }
  }
  EXPECT_GE(steps, 16);  // the jumps were inside
}

// Book: TIME-06
TEST_F(ClockOfADevice, ThatJumpsFiftyYearsAheadCostsOneCycleAndNoMore) {
  for (int request = 0; request < 6; ++request) {
    SCOPED_TRACE(request);
    SimulatedDevice one(repository);
    int at = 0;
    repository.before_request = [&](const client::FetchRequest&) {
      if (at++ == request) one.clock.advance_seconds(50 * kYear);
    };
    EXPECT_EQ(code_of(one.updater().install()), "E_EXPIRED");
    repository.before_request = nullptr;
    EXPECT_EQ(code_of(one.updater().check()), "E_EXPIRED");
    one.clock.time = test_now();
    EXPECT_EQ(code_of(one.updater().install()), "accepted");
    EXPECT_EQ(one.floors().versions.issued, test_now());
  }
}

// Book: TIME-07, TGT-11
TEST_F(ClockOfADevice, SetBackByAnAttackerMakesNoOldRepositoryGood) {
  RepositorySimulator old = repository;
  publish_release(repository, "1.2.0", 3);
  ASSERT_EQ(install(), "accepted");
  ASSERT_EQ(device.power_on(), SlotGroup::kB);
  ASSERT_TRUE(device.updater().start());
  ASSERT_TRUE(device.updater().confirm()->confirmed);
  repository = old;
  device.clock.time = test_now().plus_seconds(-kDay);
  EXPECT_EQ(install(), "E_ROLLBACK");
}

// Book: TIME-09
TEST_F(ClockOfADevice, ThatSleptForAWeekInsideADownloadArmsNothingThatIsExpired) {
  std::string payload;
  for (const auto& [path, file] : repository.files()) {
    if (path.find("/1.1.0/") != path.npos && path.ends_with(".full")) payload = path;
  }
  repository.before_request = [&](const client::FetchRequest& request) {
    if (request.path == payload) device.clock.advance_seconds(7 * kDay);
  };
  EXPECT_EQ(install(), "E_EXPIRED");
  EXPECT_EQ(device.boot.record.of(SlotGroup::kB).state, SlotState::kEmpty);
}

}  // namespace
}  // namespace tenon::tests
