#include <tenon/keyctl/expiry.h>
#include <tenon/metadata/utf8.h>

#include <charconv>

namespace tenon::keyctl {
namespace {

constexpr std::int64_t kHour = 3'600;
constexpr std::int64_t kDay = 24 * kHour;
constexpr std::int64_t kMaxCount = 100'000;  // far beyond any sane lifetime, far below overflow

std::int64_t seconds_of(char unit) {
  switch (unit) {
    case 'h': return kHour;
    case 'd': return kDay;
    case 'w': return 7 * kDay;
    default: return 0;
  }
}

std::string count_of(std::int64_t days) {
  return std::to_string(days) + (days == 1 ? " day" : " days");
}

}  // namespace

Result<metadata::UtcTime> expiry_after(std::string_view lifetime, metadata::UtcTime now) {
  std::int64_t count = 0;
  const char* end = lifetime.data() + lifetime.size();
  const auto [unit, failed] = std::from_chars(lifetime.data(), end, count);
  const bool well_formed = failed == std::errc() && unit + 1 == end && seconds_of(*unit) > 0;
  if (!well_formed || count < 1 || count > kMaxCount) {
    return Error{ErrorCode::kUsage, "lifetime \"" + printable(lifetime, 40) + "\" is not of the form 36h, 365d or 52w"};
  }
  return now.plus_seconds(count * seconds_of(*unit));
}

std::int64_t days_until(metadata::UtcTime moment, metadata::UtcTime now) {
  const std::int64_t seconds = moment.unix_seconds() - now.unix_seconds();
  return seconds >= 0 ? seconds / kDay : -((-seconds + kDay - 1) / kDay);
}

std::string relative_days(metadata::UtcTime moment, metadata::UtcTime now) {
  const std::int64_t seconds = moment.unix_seconds() - now.unix_seconds();
  if (seconds >= kDay) return "in " + count_of(seconds / kDay);
  if (seconds > 0) return "in less than a day";
  return seconds > -kDay ? "less than a day ago" : count_of(-seconds / kDay) + " ago";
}

}  // namespace tenon::keyctl
