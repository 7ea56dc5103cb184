#include <tenon/client/updater/deferral.h>
#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <charconv>

namespace tenon::client {
namespace {

constexpr std::chrono::seconds kNone{0};

std::string longest_text() {
  return std::to_string(Deferral::kLongest / std::chrono::hours(24)) + " days";
}

}  // namespace

Result<Deferral> Deferral::create(std::chrono::seconds length, metadata::UtcTime now, Uptime uptime) {
  if (length > kNone && length <= kLongest)
    return Deferral(now.plus_seconds(length.count()), length, std::move(uptime));
  return Error{ErrorCode::kUsage, "updates wait for a second at least and " + longest_text() + " at most, not for " +
                                      std::to_string(length.count()) + " seconds"}
      .with_hint("for example: tenon defer 3d");
}

Deferral Deferral::ended() {
  return Deferral(metadata::UtcTime::epoch(), kNone, {});
}

Deferral Deferral::counted(const Uptime& uptime) const {
  const bool same_boot = uptime.boot_id == counted_at_.boot_id;
  const std::chrono::seconds ran = same_boot ? uptime.since_boot - counted_at_.since_boot : uptime.since_boot;
  return Deferral(until_, std::clamp(left_ - std::max(ran, kNone), kNone, left_), uptime);
}

bool Deferral::is_over(metadata::UtcTime now) const {
  return left_ <= kNone || now >= until_;
}

metadata::UtcTime Deferral::ends_at(metadata::UtcTime now) const {
  return std::min(until_, now.plus_seconds(left_.count()));
}

Bytes Deferral::write() const {
  json::Object object;
  object.set("until", until_.text());
  object.set("seconds_left", static_cast<std::int64_t>(left_.count()));
  object.set("boot_id", counted_at_.boot_id);
  object.set("since_boot", static_cast<std::int64_t>(counted_at_.since_boot.count()));
  return to_bytes(json::to_text(object));
}

Result<Deferral> Deferral::read(ByteView record) {
  TENON_TRY(const json::Value value, json::parse(record));
  TENON_TRY(json::Fields fields, json::Fields::of(value, "deferral"));
  TENON_TRY(const std::string until_text, fields.string("until"));
  TENON_TRY(const metadata::UtcTime until, metadata::UtcTime::parse(until_text));
  TENON_TRY(const std::int64_t left, fields.integer("seconds_left"));
  TENON_TRY(std::string boot_id, fields.string("boot_id"));
  TENON_TRY(const std::int64_t since_boot, fields.integer("since_boot"));
  if (left < 0 || left > kLongest.count()) return fields.error("seconds_left is " + std::to_string(left));
  if (since_boot < 0 || since_boot > INT32_MAX) return fields.error("since_boot is " + std::to_string(since_boot));
  return Deferral(until, std::chrono::seconds(left), {std::move(boot_id), std::chrono::seconds(since_boot)});
}

Result<std::chrono::seconds> parse_deferral_length(std::string_view text) {
  std::uint32_t count = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), count);
  const std::string_view unit = failed == std::errc() ? text.substr(static_cast<std::size_t>(end - text.data())) : "";
  const std::int64_t seconds = unit == "d" ? 86'400 : unit == "h" ? 3600 : unit == "m" ? 60 : 0;
  if (seconds > 0) return std::chrono::seconds(count * seconds);
  return Error{ErrorCode::kUsage, printable(text, 40) + ": is no duration"}.with_hint("write 3d, 12h or 30m");
}

}  // namespace tenon::client
