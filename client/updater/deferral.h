// Deferral: a person's wish that no update be armed for a while. It ends when the clock says so, or when the device has been
// seen running for as long, whichever is sooner: a clock that was set back, or stands still at every boot, makes it no longer.
// Pure.
// Thread: values.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>
#include <tenon/metadata/utc_time.h>

#include <chrono>
#include <string>
#include <string_view>

namespace tenon::client {

// Uptime is a moment of one boot.
struct Uptime {
  std::string boot_id;
  std::chrono::seconds since_boot;
  bool operator==(const Uptime&) const = default;
};

class Deferral {
 public:
  static constexpr std::chrono::seconds kLongest = std::chrono::hours(30 * 24);

  // create Errors: E_USAGE for a length below a second or above kLongest.
  static Result<Deferral> create(std::chrono::seconds length, metadata::UtcTime now, Uptime uptime);
  // ended is none.
  static Deferral ended();

  // counted is what is left at a later moment. Of a boot before, all is counted that was counted in it.
  Deferral counted(const Uptime& uptime) const;
  bool is_over(metadata::UtcTime now) const;
  // ends_at gives the moment at which it is over at the latest, seen from now.
  metadata::UtcTime ends_at(metadata::UtcTime now) const;

  Bytes write() const;
  // read Errors: E_PARSE, for one that is too long too.
  static Result<Deferral> read(ByteView record);
  bool operator==(const Deferral&) const = default;

 private:
  Deferral(metadata::UtcTime until, std::chrono::seconds left, Uptime counted_at)
      : until_(until), left_(left), counted_at_(std::move(counted_at)) {}

  metadata::UtcTime until_;    // by the clock
  std::chrono::seconds left_;  // of running
  Uptime counted_at_;
};

// parse_deferral_length reads "3d", "12h" or "30m". Errors: E_USAGE
Result<std::chrono::seconds> parse_deferral_length(std::string_view text);

}  // namespace tenon::client
