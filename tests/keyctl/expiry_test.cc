#include <tenon/keyctl/expiry.h>

#include <gtest/gtest.h>

namespace tenon::keyctl {
namespace {

using metadata::UtcTime;

UtcTime at(std::string_view text) {
  return *UtcTime::parse(text);
}

const UtcTime kStart = at("2026-11-22T12:00:00Z");

TEST(ExpiryAfter, CountsHoursDaysAndWeeks) {
  EXPECT_EQ(*expiry_after("36h", kStart), at("2026-11-24T00:00:00Z"));
  EXPECT_EQ(*expiry_after("365d", kStart), at("2027-11-22T12:00:00Z"));
  EXPECT_EQ(*expiry_after("2w", kStart), at("2026-12-06T12:00:00Z"));
}

TEST(ExpiryAfter, RefusesEveryOtherForm) {
  for (const char* text :
       {"", "d", "365", "0d", "-1d", "1y", "1dd", " 1d", "1.5d", "100001d", "99999999999999999999d"}) {
    const Result<UtcTime> expiry = expiry_after(text, kStart);
    ASSERT_FALSE(expiry) << text;
    EXPECT_EQ(expiry.error().code, ErrorCode::kUsage);
  }
}

TEST(RelativeDays, RoundsTowardsTheReader) {
  EXPECT_EQ(relative_days(at("2026-11-24T13:00:00Z"), kStart), "in 2 days");
  EXPECT_EQ(relative_days(at("2026-11-23T12:00:00Z"), kStart), "in 1 day");
  EXPECT_EQ(relative_days(at("2026-11-22T13:00:00Z"), kStart), "in less than a day");
  EXPECT_EQ(relative_days(at("2026-11-22T11:00:00Z"), kStart), "less than a day ago");
  EXPECT_EQ(relative_days(at("2026-11-19T11:00:00Z"), kStart), "3 days ago");
}

}  // namespace
}  // namespace tenon::keyctl
