// When metadata that is drafted now shall expire.
#pragma once

#include <tenon/metadata/utc_time.h>

#include <string>
#include <string_view>

namespace tenon::keyctl {

// expiry_after reads "36h", "365d" or "52w" from now. Errors: E_USAGE.
Result<metadata::UtcTime> expiry_after(std::string_view lifetime, metadata::UtcTime now);

// relative_days says how far a moment is away, for people: "in 365 days", "in less than a day", "3 days ago".
std::string relative_days(metadata::UtcTime moment, metadata::UtcTime now);

// days_until is rounded down; negative for the past.
std::int64_t days_until(metadata::UtcTime moment, metadata::UtcTime now);

}  // namespace tenon::keyctl
