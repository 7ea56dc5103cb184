// When tenond wakes: for what it waits for, never in a hurry, and not with all others.
#include <tenon/client/daemon/next_check.h>

#include <gtest/gtest.h>

namespace tenon::tests {
namespace {

using client::DeviceConfig;
using std::chrono::hours;
using std::chrono::minutes;
using std::chrono::seconds;

constexpr double kLast = 0.999999;

DeviceConfig config_of(std::uint32_t interval_minutes, const char* window = nullptr) {
  const policies::Label label = *policies::Label::parse("x");
  DeviceConfig config{label, label, label};
  config.interval_minutes = interval_minutes;
  if (window != nullptr) config.window = *policies::MaintenanceWindow::parse(window);
  return config;
}

TEST(NextCheck, IsTheIntervalAndUpToATenthMore) {
  EXPECT_EQ(until_next_check(config_of(60), {}, 0), minutes(60));
  EXPECT_EQ(until_next_check(config_of(60), {}, 0.5), minutes(63));
  EXPECT_LE(until_next_check(config_of(60), {}, kLast), minutes(66));
}

TEST(NextCheck, IsWhenTheWindowOpensOrADeferralEnds) {
  EXPECT_EQ(until_next_check(config_of(24 * 60, "02:00-04:00"), {.is_window = true, .in = hours(5)}, 0), hours(5));
  EXPECT_EQ(until_next_check(config_of(24 * 60), {.in = hours(5)}, 0), hours(5));
}

TEST(NextCheck, IsNotPutOffByWhatComesLater) {
  EXPECT_EQ(until_next_check(config_of(60), {.in = hours(700)}, 0.5), minutes(63));
}

// Book: RES-08
TEST(NextCheck, SpreadsAFleetWhoseWindowOpensAtOneMoment) {
  const DeviceConfig config = config_of(60, "02:00-04:00");
  std::set<seconds> moments;
  for (int device = 0; device < 360; ++device) {
    moments.insert(until_next_check(config, {.is_window = true, .in = minutes(10)}, (device + 0.5) / 360));
  }
  EXPECT_EQ(moments.size(), 360U) << "no two in the same second";
  EXPECT_EQ(*moments.begin(), minutes(10));
  EXPECT_LT(*moments.rbegin(), minutes(16));
}

TEST(NextCheck, LeavesHalfOfAShortWindowToInstallIn) {
  const DeviceConfig config = config_of(30 * 24 * 60, "02:00-02:20");
  EXPECT_LE(until_next_check(config, {.is_window = true, .in = hours(1)}, kLast), hours(1) + minutes(10));
}

TEST(NextCheck, FindsTheWindowOfADeviceWhoseClockIsSetLate) {
  EXPECT_EQ(until_next_check(config_of(30 * 24 * 60, "02:00-04:00"), {.is_window = true}, 0), hours(1));
  EXPECT_EQ(until_next_check(config_of(30, "02:00-04:00"), {.is_window = true}, 0), minutes(30));
}

// Book: RES-08
TEST(NextCheck, IsNeverAtOnceWhateverTheClockSays) {
  for (const std::int64_t in : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN / 4}) {
    EXPECT_GE(until_next_check(config_of(60), {.in = seconds(in)}, 0), seconds(10)) << in;
  }
  EXPECT_GE(until_next_check(config_of(60, "02:00-02:01"), {.is_window = true}, 0), minutes(15));
}

}  // namespace
}  // namespace tenon::tests
