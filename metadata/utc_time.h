// UtcTime: a moment to the second, in UTC, as TUF writes it. No time zone, no clock: the time is always given.
#pragma once

#include <tenon/metadata/result.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::metadata {

class UtcTime {
 public:
  // parse reads exactly YYYY-MM-DDTHH:MM:SSZ: real calendar dates, years 1970 to 9999, no second 60.
  // Spec: 4.2.3
  // Errors: E_PARSE
  static Result<UtcTime> parse(std::string_view text);
  // from_unix takes seconds since 1970-01-01T00:00:00Z. Errors: E_PARSE outside the years 1970 to 9999.
  static Result<UtcTime> from_unix(std::int64_t seconds);
  static constexpr UtcTime epoch() { return UtcTime(0); }

  std::int64_t unix_seconds() const { return seconds_; }
  std::string text() const;
  // plus_seconds stops at the ends of the range.
  UtcTime plus_seconds(std::int64_t seconds) const;

  auto operator<=>(const UtcTime&) const = default;

 private:
  constexpr explicit UtcTime(std::int64_t seconds) : seconds_(seconds) {}
  std::int64_t seconds_;
};

}  // namespace tenon::metadata
