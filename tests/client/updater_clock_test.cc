// A device whose clock cannot be right, and an update that waits until its metadata has expired.
#include <algorithm>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>
#include <tests/support/simulated_device.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;
using client::SlotState;
using metadata::UtcTime;

constexpr std::int64_t kDay = 86'400;

class DeviceClock : public testing::Test {
 protected:
  DeviceClock() {
    repository.timestamp.issued = test_now();
    repository.publish_timestamp();
  }

  bool was_warned_of_the_clock(SimulatedDevice& device) {
    return std::ranges::any_of(device.reporter.warnings,
                               [](const std::string& text) { return text.find("the clock says") != text.npos; });
  }

  RepositorySimulator repository;
  Bytes image = publish_release(repository, "1.1.0", 2);
};

// Book: TIME-04
TEST_F(DeviceClock, ThatIsBehindTheNewestIssueTimeIsReported) {
  SimulatedDevice device(repository);
  ASSERT_TRUE(device.updater().check());
  EXPECT_FALSE(was_warned_of_the_clock(device));
  device.clock.time = UtcTime::epoch();
  ASSERT_TRUE(device.updater().check());
  EXPECT_TRUE(was_warned_of_the_clock(device));
}

// Book: TIME-04
TEST_F(DeviceClock, ThatIsBehindTheBuildOfTheImageIsReportedAlsoWhenTheServerIsDown) {
  SimulatedDevice device(repository);
  device.clock.time = UtcTime::epoch();
  device.device.running_image.build_time = test_now();
  client::Updater updater(device.ports(), device.device);
  repository.fail_all(Error{ErrorCode::kNet, "no route"});
  EXPECT_EQ(code_of(updater.check()), "E_NET");
  EXPECT_TRUE(was_warned_of_the_clock(device));
}

// An update that was cut at each of its writes, lies there, and its metadata expires: what was armed may be booted and
// confirmed, anything less is not armed before a fresh check. No byte is fetched twice for it.
// Book: TIME-03
TEST_F(DeviceClock, PassesTheExpiryOfAnUpdateThatWaitsToBeArmed) {
  constexpr std::size_t kMoreThanAllWrites = 200;
  int not_armed = 0;
  bool was_armed = false;
  for (std::size_t cut = 0; cut < kMoreThanAllWrites && !was_armed; ++cut) {
    SCOPED_TRACE(cut);
    SimulatedDevice device(repository);
    device.power.cut_after(cut);
    EXPECT_EQ(code_of(device.updater().install()).substr(0, 2), "E_");
    device.power.restore();
    device.slots.lose_cache();
    device.restart();
    was_armed = device.boot.record.of(SlotGroup::kB).state == SlotState::kTrial;
    if (was_armed) break;
    ++not_armed;
    device.clock.advance_seconds(400 * kDay);
    ASSERT_TRUE(device.updater().start());
    EXPECT_EQ(code_of(device.updater().install()), "E_EXPIRED");
    EXPECT_NE(device.boot.record.of(SlotGroup::kB).state, SlotState::kTrial);
    EXPECT_EQ(device.power_on(), SlotGroup::kA);
  }
  EXPECT_TRUE(was_armed);
  EXPECT_GT(not_armed, 10);
}

}  // namespace
}  // namespace tenon::tests
