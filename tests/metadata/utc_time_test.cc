#include <tenon/metadata/utc_time.h>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::UtcTime;

// Book: JSON-16, TIME-08
// Spec: 4.2.3
TEST(UtcTime, ReadsRealMomentsAndWritesThemBack) {
  struct Row {
    const char* text;
    std::int64_t seconds;  // origin: GNU date -u -d TEXT +%s
  };
  for (const Row& row :
       {Row{"1970-01-01T00:00:00Z", 0}, Row{"1970-01-01T00:00:01Z", 1}, Row{"2000-02-29T23:59:59Z", 951868799},
        Row{"2024-02-29T00:00:00Z", 1709164800}, Row{"2038-01-19T03:14:07Z", 2147483647},
        Row{"2038-01-19T03:14:08Z", 2147483648}, Row{"2100-03-01T00:00:00Z", 4107542400},
        Row{"2106-02-07T06:28:16Z", 4294967296}, Row{"9999-12-31T23:59:59Z", 253402300799}}) {
    const Result<UtcTime> time = UtcTime::parse(row.text);
    ASSERT_TRUE(time) << row.text;
    EXPECT_EQ(time->unix_seconds(), row.seconds) << row.text;
    EXPECT_EQ(time->text(), row.text);
    EXPECT_EQ(*UtcTime::from_unix(row.seconds), *time);
  }
}

// Book: JSON-16, JSON-08, TIME-08
// Spec: 4.2.3
TEST(UtcTime, RefusesEveryOtherForm) {
  for (const std::string_view text : {std::string_view(""),
                                      std::string_view("2026-11-01"),
                                      std::string_view("2026-11-01T12:00:00"),
                                      std::string_view("2026-11-01T12:00:00z"),
                                      std::string_view("2026-11-01t12:00:00Z"),
                                      std::string_view("2026-11-01 12:00:00Z"),
                                      std::string_view("2026-11-01T12:00:00.0Z"),
                                      std::string_view("2026-11-01T12:00:00.123456Z"),
                                      std::string_view("2026-11-01T12:00:00+00:00"),
                                      std::string_view("2026-11-01T12:00:00-01:00"),
                                      std::string_view("2026-11-01T12:00Z"),
                                      std::string_view("2026-11-0:T12:00:00Z"),
                                      std::string_view("2026-11-01T12:00:60Z"),
                                      std::string_view("2016-12-31T23:59:60Z"),
                                      std::string_view("2026-11-01T24:00:00Z"),
                                      std::string_view("2026-11-01T12:60:00Z"),
                                      std::string_view("2026-02-30T12:00:00Z"),
                                      std::string_view("2025-02-29T12:00:00Z"),
                                      std::string_view("2100-02-29T12:00:00Z"),
                                      std::string_view("2026-04-31T12:00:00Z"),
                                      std::string_view("2026-13-01T12:00:00Z"),
                                      std::string_view("2026-00-01T12:00:00Z"),
                                      std::string_view("2026-11-00T12:00:00Z"),
                                      std::string_view("2026-11-32T12:00:00Z"),
                                      std::string_view("0000-01-01T00:00:00Z"),
                                      std::string_view("1969-12-31T23:59:59Z"),
                                      std::string_view("10000-01-01T00:00:00Z"),
                                      std::string_view("-2026-11-01T12:00:00Z"),
                                      std::string_view("+2026-11-01T12:00:00Z"),
                                      std::string_view(" 2026-11-01T12:00:00Z"),
                                      std::string_view("2026-11-01T12:00:00Z "),
                                      std::string_view("2026-11-01T12:00:00Z\n"),
                                      std::string_view("2026-11-01T12:00:00Z\0", 21),
                                      std::string_view("2026-11-01T12:00:0\0Z", 20),
                                      std::string_view("2026-1-01T12:00:00Z"),
                                      std::string_view("2026-11-1T12:00:00Z"),
                                      std::string_view("26-11-01T12:00:00Z"),
                                      std::string_view("2026/11/01T12:00:00Z"),
                                      std::string_view("2026-11-01T12-00-00Z"),
                                      std::string_view("20261101T120000Z"),
                                      std::string_view("2026-W44-7T12:00:00Z"),
                                      std::string_view("2026-11-01T1a:00:00Z"),
                                      std::string_view("\xEF\xBC\x92"
                                                       "026-11-01T12:00:00Z")}) {
    EXPECT_EQ(code_of(UtcTime::parse(text)), "E_PARSE") << text;
  }
}

// Book: TIME-08
TEST(UtcTime, StopsAtTheEndsOfItsRange) {
  EXPECT_EQ(code_of(UtcTime::from_unix(-1)), "E_PARSE");
  EXPECT_EQ(code_of(UtcTime::from_unix(253402300800)), "E_PARSE");
  EXPECT_EQ(UtcTime::epoch().plus_seconds(-1), UtcTime::epoch());
  EXPECT_EQ(test_now().plus_seconds(INT64_MAX).text(), "9999-12-31T23:59:59Z");
  EXPECT_EQ(test_now().plus_seconds(INT64_MIN), UtcTime::epoch());
  EXPECT_EQ(test_now().plus_seconds(86'400).text(), "2026-11-02T12:00:00Z");
}

}  // namespace
}  // namespace tenon::tests
