#include <tenon/metadata/utc_time.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <chrono>
#include <cstdio>

namespace tenon::metadata {
namespace {

constexpr std::int64_t kLast = 253'402'300'799;  // 9999-12-31T23:59:59Z

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

int number(std::string_view digits) {
  int value = 0;
  for (char digit : digits) value = value * 10 + (digit - '0');
  return value;
}

}  // namespace

Result<UtcTime> UtcTime::parse(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:ddZ";
  const bool well_formed =
      text.size() == kForm.size() && std::equal(text.begin(), text.end(), kForm.begin(),
                                                [](char c, char f) { return f == 'd' ? is_digit(c) : c == f; });
  const Error bad{ErrorCode::kParse, "\"" + printable(text, 40) + "\" is no time of the form YYYY-MM-DDTHH:MM:SSZ"};
  if (!well_formed) return bad;

  using namespace std::chrono;
  const year_month_day date(year(number(text.substr(0, 4))), month(static_cast<unsigned>(number(text.substr(5, 2)))),
                            day(static_cast<unsigned>(number(text.substr(8, 2)))));
  const int hour = number(text.substr(11, 2));
  const int minute = number(text.substr(14, 2));
  const int second = number(text.substr(17, 2));
  if (!date.ok() || date.year() < year(1970) || hour > 23 || minute > 59 || second > 59) return bad;
  const std::int64_t days = sys_days(date).time_since_epoch().count();
  return UtcTime(days * 86'400 + hour * 3'600 + minute * 60 + second);
}

Result<UtcTime> UtcTime::from_unix(std::int64_t seconds) {
  if (seconds < 0 || seconds > kLast) {
    return Error{ErrorCode::kParse, std::to_string(seconds) + " seconds are outside the years 1970 to 9999"};
  }
  return UtcTime(seconds);
}

std::string UtcTime::text() const {
  using namespace std::chrono;
  const sys_seconds moment{seconds(seconds_)};
  const sys_days midnight = floor<days>(moment);
  const year_month_day date(midnight);
  const hh_mm_ss time(moment - midnight);
  char text[sizeof "9999-12-31T23:59:59Z" + 32];
  std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()));
  return text;
}

UtcTime UtcTime::plus_seconds(std::int64_t seconds) const {
  return UtcTime(std::clamp<std::int64_t>(seconds_ + std::clamp(seconds, -kLast, kLast), 0, kLast));
}

}  // namespace tenon::metadata
