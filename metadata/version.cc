#include <tenon/metadata/version.h>

#include <limits>
#include <string>

namespace tenon::metadata {

Result<Version> Version::create(std::int64_t value) {
  if (value < 1) return Error{ErrorCode::kParse, "version " + std::to_string(value) + " is below 1"};
  return Version(value);
}

Result<Version> Version::next() const {
  if (value_ == std::numeric_limits<std::int64_t>::max()) {
    return Error{ErrorCode::kLimit, "version 2^63-1 has no successor"};
  }
  return Version(value_ + 1);
}

Result<Threshold> Threshold::create(std::int64_t value) {
  if (value < 1) return Error{ErrorCode::kParse, "threshold " + std::to_string(value) + " is below 1"};
  return Threshold(static_cast<std::uint64_t>(value));
}

}  // namespace tenon::metadata
