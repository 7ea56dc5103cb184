// A deferral ends: whatever the clock does, however often the device is started, and whatever becomes of its record.
#include <tenon/client/store/file_store.h>
#include <tenon/client/updater/device_state.h>

#include <fstream>

#include <gtest/gtest.h>
#include <tests/support/fake_clock.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/scratch_folder.h>

namespace tenon::tests {
namespace {

using client::Deferral;
using client::Uptime;
using metadata::UtcTime;
using std::chrono::hours;
using std::chrono::seconds;

const Uptime kStart = {"boot-1", seconds(1000)};

Uptime later(seconds by) {
  return {kStart.boot_id, kStart.since_boot + by};
}

Deferral for_three_days() {
  return *Deferral::create(hours(72), test_now(), kStart);
}

TEST(Deferral, LastsAsLongAsItWasAskedFor) {
  const Deferral deferral = for_three_days();
  EXPECT_EQ(deferral.ends_at(test_now()), test_now().plus_seconds(72 * 3600));
  const auto is_over = [&](seconds passed) {
    return deferral.counted(later(passed)).is_over(test_now().plus_seconds(passed.count()));
  };
  EXPECT_FALSE(is_over(seconds(0)));
  EXPECT_FALSE(is_over(hours(72) - seconds(1)));
  EXPECT_TRUE(is_over(hours(72)));
  EXPECT_TRUE(Deferral::ended().is_over(UtcTime::epoch()));
}

TEST(Deferral, IsRefusedWhenItIsNegativeOrHuge) {
  for (const std::int64_t length :
       {std::int64_t{-1}, INT64_MIN, std::int64_t{0}, std::int64_t{30 * 86'400 + 1}, INT64_MAX}) {
    const auto deferral = Deferral::create(seconds(length), test_now(), kStart);
    ASSERT_FALSE(deferral) << length;
    EXPECT_EQ(deferral.error().code, ErrorCode::kUsage);
  }
  EXPECT_TRUE(Deferral::create(Deferral::kLongest, test_now(), kStart));
}

TEST(Deferral, IsNotLongerWhenTheClockIsSetBack) {
  const UtcTime set_back = test_now().plus_seconds(-10LL * 365 * 86'400);
  EXPECT_FALSE(for_three_days().counted(later(hours(71))).is_over(set_back));
  EXPECT_TRUE(for_three_days().counted(later(hours(72))).is_over(set_back));
  EXPECT_EQ(for_three_days().counted(later(hours(71))).ends_at(set_back), set_back.plus_seconds(3600));
}

TEST(Deferral, EndsWhenTheClockJumpsAhead) {
  EXPECT_TRUE(for_three_days().is_over(test_now().plus_seconds(50LL * 365 * 86'400)));
}

// A board without a battery starts at the same moment each time; nobody sets its clock.
TEST(Deferral, EndsWhereTheClockStandsStillAndThePowerGoesEachDay) {
  Deferral deferral = for_three_days();
  int boots = 0;
  for (; !deferral.is_over(test_now()) && boots < 100; ++boots) {
    const std::string boot = "boot-" + std::to_string(boots + 2);
    for (int hour = 1; hour <= 12; ++hour) deferral = deferral.counted({boot, hours(hour)});
  }
  EXPECT_EQ(boots, 6);
}

TEST(Deferral, LosesNothingByClocksThatRunBackwards) {
  const Deferral before = for_three_days();
  const Deferral after = before.counted({kStart.boot_id, seconds(0)});
  EXPECT_EQ(after.ends_at(test_now()), before.ends_at(test_now()));
}

TEST(Deferral, ReadsWhatItWrote) {
  EXPECT_EQ(*Deferral::read(for_three_days().write()), for_three_days());
  EXPECT_EQ(*Deferral::read(Deferral::ended().write()), Deferral::ended());
}

TEST(Deferral, RefusesARecordThatWouldLastLongerThanAnyMay) {
  for (const char* record :
       {R"({"boot_id":"b","seconds_left":2592001,"since_boot":0,"until":"9999-12-31T23:59:59Z"})",
        R"({"boot_id":"b","seconds_left":-1,"since_boot":0,"until":"2026-11-01T12:00:00Z"})",
        R"({"boot_id":"b","seconds_left":9223372036854775807,"since_boot":0,"until":"2026-11-01T12:00:00Z"})",
        R"({"boot_id":"b","seconds_left":1,"since_boot":-9223372036854775808,"until":"2026-11-01T12:00:00Z"})",
        R"({"boot_id":"b","seconds_left":1,"since_boot":9223372036854775807,"until":"2026-11-01T12:00:00Z"})",
        R"({"boot_id":"b","seconds_left":1,"since_boot":0,"until":"soon"})", "{}", "", "[]"}) {
    EXPECT_FALSE(Deferral::read(as_bytes(record))) << record;
  }
}

TEST(DeferralLength, IsReadAndBounded) {
  EXPECT_EQ(*client::parse_deferral_length("3d"), hours(72));
  EXPECT_EQ(*client::parse_deferral_length("12h"), hours(12));
  EXPECT_EQ(*client::parse_deferral_length("30m"), seconds(1800));
  EXPECT_EQ(*client::parse_deferral_length("4294967295d"), seconds(4'294'967'295LL * 86'400));  // create() refuses it
  for (const char* text :
       {"", "d", "3", "3 d", "3w", "-3d", "+3d", "3.5h", "3dd", "3D", "99999999999d", "0x3d", "3d\n"}) {
    EXPECT_FALSE(client::parse_deferral_length(text)) << text;
  }
}

// The record on a disk, with what a disk may do to it.
class DeferralRecord : public testing::Test {
 protected:
  Deferral stored() {
    const auto store = *client::FileStore::open(folder.path());
    return *client::DeviceState(*store, reporter).deferral();
  }
  void save(const Deferral& deferral) {
    const auto store = *client::FileStore::open(folder.path());
    ASSERT_TRUE(client::DeviceState(*store, reporter).save(deferral));
  }
  // A sector of one of the two records is not what was written.
  void tear(std::streamoff record) {
    std::fstream file(folder.path() / "records/deferral", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(record * 4096 + 30);
    file.write("\0\0\0\0\0\0\0\0", 8);
    ASSERT_TRUE(file.flush());
  }

  ScratchFolder folder;
  RecordingReporter reporter;
};

TEST_F(DeferralRecord, OutlivesARestart) {
  EXPECT_EQ(stored(), Deferral::ended());
  save(for_three_days());
  EXPECT_EQ(stored(), for_three_days());
  save(Deferral::ended());
  EXPECT_EQ(stored(), Deferral::ended());
  EXPECT_TRUE(reporter.warnings.empty());
}

// Book: DEV-02
TEST_F(DeferralRecord, ThatIsTornIsTheOneBefore) {
  const Deferral first = for_three_days();
  const Deferral second = first.counted(later(hours(1)));
  for (const std::streamoff torn : {0, 1}) {
    save(first);
    save(second);
    tear(torn);
    EXPECT_TRUE(stored() == first || stored() == second) << torn;
  }
}

TEST_F(DeferralRecord, ThatIsDamagedDefersNothing) {
  save(for_three_days());
  save(for_three_days());
  for (const std::streamoff torn : {0, 1}) tear(torn);
  EXPECT_EQ(stored(), Deferral::ended());
  EXPECT_EQ(reporter.warnings.size(), 1U);
}

}  // namespace
}  // namespace tenon::tests
