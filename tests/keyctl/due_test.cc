#include <tenon/keyctl/due.h>

#include <string>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>

namespace tenon::keyctl {
namespace {

constexpr std::int64_t kWindow = 60 * 86'400;

Deadline deadline(std::int64_t seconds, const std::string& file = "1.root.json") {
  return {file, "root", 1, kNow.plus_seconds(seconds)};
}

std::string state_of(std::int64_t seconds) {
  const std::string text = describe_deadlines({deadline(seconds)}, kWindow, kNow).text;
  return text.substr(0, text.find(' '));
}

TEST(Deadlines, AreDueFromTheFirstSecondOfTheirWindow) {
  EXPECT_EQ(state_of(kWindow + 1), "ok");
  EXPECT_EQ(state_of(kWindow), "DUE");
  EXPECT_EQ(state_of(1), "DUE");
  EXPECT_EQ(state_of(0), "EXPIRED");
  EXPECT_EQ(state_of(-1), "EXPIRED");
}

TEST(Deadlines, StandSoonestFirstAndAskForAPersonWhenAnyIsDue) {
  const Report report =
      describe_deadlines({deadline(9 * kWindow, "late"), deadline(-5, "gone"), deadline(5, "soon")}, kWindow, kNow);
  EXPECT_LT(report.text.find("gone"), report.text.find("soon"));
  EXPECT_LT(report.text.find("soon"), report.text.find("late"));
  EXPECT_EQ(report.status, ExitStatus::kNeedsPerson);
  EXPECT_EQ(*report.data.find("due")->integer(), 2);
  EXPECT_EQ(describe_deadlines({deadline(9 * kWindow)}, kWindow, kNow).status, ExitStatus::kOk);
  EXPECT_EQ(describe_deadlines({}, kWindow, kNow).status, ExitStatus::kOk);
}

// Book: KEYT-06
TEST(Deadlines, NameHostileFilesSafely) {
  const Report report = describe_deadlines({deadline(5, kHostile)}, kWindow, kNow);
  expect_safe(report.text);
  expect_safe_data(report.data);
}

TEST(ReadDeadline, ReadsAnyRoleAndPolicies) {
  CeremonyBuilder world;
  EXPECT_EQ(read_deadline("f", as_bytes(world.root_1()))->role, "root");
  EXPECT_EQ(read_deadline("f", as_bytes(world.policy_1()))->role, "policy");
  EXPECT_EQ(read_deadline("f", as_bytes(world.policy_1()))->expires, kInAYear);
  for (const char* text : {"", "{}", "{\"signed\":{},\"signatures\":[]}",
                           "{\"signed\":{\"_type\":\"root\",\"version\":0,\"expires\":\"2027-01-01T00:00:00Z\"},"
                           "\"signatures\":[]}"}) {
    EXPECT_FALSE(read_deadline("f", as_bytes(std::string_view(text)))) << text;
  }
}

// RFC 5545, 3.1 and 3.3.11: lines end with CR LF, nothing else breaks one, and TEXT is escaped.
TEST(Calendar, HoldsNoLineThatAFileNameMade) {
  const std::string file = "a,b;c\\d\r\nEND:VEVENT\r\nBEGIN:VALARM" + kHostile;
  const std::string text = calendar({deadline(9 * kWindow, file)}, kWindow, kNow);
  std::size_t lines = 0;
  for (std::size_t begin = 0, end = 0; begin < text.size(); begin = end + 2, ++lines) {
    end = text.find("\r\n", begin);
    ASSERT_NE(end, std::string::npos);
    expect_safe(text.substr(begin, end - begin));
  }
  EXPECT_EQ(lines, 3u + 7 + 1);
  EXPECT_NE(text.find("DESCRIPTION:a\\,b\\;c\\\\d\\\\x0d\\\\x0aEND:VEVENT"), std::string::npos) << text;
}

TEST(Calendar, RemindsOnTheDayThatTheWindowOpens) {
  const std::string text = calendar({deadline(kWindow)}, kWindow, kNow);
  EXPECT_NE(text.find("DTSTART:20261122T000000Z\r\n"), std::string::npos) << text;
  EXPECT_NE(text.find("SUMMARY:Sign root 1 again\r\n"), std::string::npos);
}

}  // namespace
}  // namespace tenon::keyctl
