#include <tenon/policies/maintenance_window.h>

#include <optional>

namespace tenon::policies {
namespace {

constexpr std::int64_t kMinutesOfADay = 24 * 60;

std::int64_t minute_of_day(metadata::UtcTime now) {
  return now.unix_seconds() / 60 % kMinutesOfADay;
}

std::int64_t minutes_from(std::int64_t from, std::int64_t to) {
  return (to - from + kMinutesOfADay) % kMinutesOfADay;
}

// "23:30" as a minute of the day.
std::optional<std::int64_t> parse_minute(std::string_view text) {
  const auto digit = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '9' ? text[at] - '0' : 100; };
  if (text.size() != 5 || text[2] != ':') return std::nullopt;
  const std::int64_t hour = digit(0) * 10 + digit(1);
  const std::int64_t minute = digit(3) * 10 + digit(4);
  if (hour > 23 || minute > 59) return std::nullopt;
  return hour * 60 + minute;
}

std::string minute_text(std::int64_t minute) {
  const auto two_digits = [](std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); };
  return two_digits(minute / 60) + ":" + two_digits(minute % 60);
}

}  // namespace

Result<MaintenanceWindow> MaintenanceWindow::parse(std::string_view text) {
  const bool has_dash = text.size() == 11 && text[5] == '-';
  const std::optional<std::int64_t> opens = has_dash ? parse_minute(text.substr(0, 5)) : std::nullopt;
  const std::optional<std::int64_t> closes = has_dash ? parse_minute(text.substr(6)) : std::nullopt;
  if (!opens || !closes) return Error{ErrorCode::kParse, "is no window of the day in UTC, as \"02:00-04:00\""};
  if (opens == closes) return Error{ErrorCode::kParse, "opens and closes at the same minute"};
  return MaintenanceWindow{.opens_minute = *opens, .length_minutes = minutes_from(*opens, *closes)};
}

std::string MaintenanceWindow::text() const {
  return minute_text(opens_minute) + "-" + minute_text((opens_minute + length_minutes) % kMinutesOfADay);
}

bool MaintenanceWindow::is_open(metadata::UtcTime now) const {
  return minutes_from(opens_minute, minute_of_day(now)) < length_minutes;
}

metadata::UtcTime MaintenanceWindow::next_opening(metadata::UtcTime from) const {
  if (is_open(from)) return from;
  const std::int64_t whole_minute = from.unix_seconds() % 60;
  return from.plus_seconds(minutes_from(minute_of_day(from), opens_minute) * 60 - whole_minute);
}

}  // namespace tenon::policies
