// MaintenanceWindow: when a device may install, every day: from a minute of the day in UTC, over midnight if need be.
// Thread: values.
#pragma once

#include <tenon/metadata/result.h>
#include <tenon/metadata/utc_time.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::policies {

struct MaintenanceWindow {
  std::int64_t opens_minute = 0;     // 0 to 1439
  std::int64_t length_minutes = 60;  // 1 to 1440

  // parse reads "23:30-01:00", the minute it opens and the one it closes, and nothing else. Errors: E_PARSE
  static Result<MaintenanceWindow> parse(std::string_view text);
  // text is what parse reads.
  std::string text() const;

  bool is_open(metadata::UtcTime now) const;
  // next_opening is from itself while the window is open.
  metadata::UtcTime next_opening(metadata::UtcTime from) const;
  bool operator==(const MaintenanceWindow&) const = default;
};

}  // namespace tenon::policies
