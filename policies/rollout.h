// Rollout: how far a release has got on its channel: to which share of the devices, and how that share grows. Each device
// works out for itself whether its turn has come, from what the rollout role signed and its own id: no server decides.
//
//   place = be64(SHA-256("tenon-rollout-v1" NUL salt NUL device id)[0..7]) mod 10000      salt: the release's version
//   turn  = place < max(share, ramp at a trusted time, share of the device's group)
//
// Source: docs/adr/0009-a-device-finds-its-own-turn.md. Thread: values.
#pragma once

#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utc_time.h>
#include <tenon/policies/label.h>

#include <compare>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::policies {

// Share is a part of a fleet, in 1/10000 of its devices: 0 is none, 10000 all.
class Share {
 public:
  static constexpr std::int64_t kWhole = 10'000;

  // create Errors: E_PARSE outside 0 to 10000.
  static Result<Share> create(std::int64_t value);
  // parse_percent reads "5%", "0.25%", "100%": at most two decimals. Errors: E_PARSE.
  static Result<Share> parse_percent(std::string_view text);
  static constexpr Share none() { return Share(0); }
  static constexpr Share all() { return Share(kWhole); }

  std::int64_t value() const { return value_; }
  // percent is what parse_percent reads.
  std::string percent() const;
  auto operator<=>(const Share&) const = default;

 private:
  constexpr explicit Share(std::int64_t value) : value_(value) {}
  std::int64_t value_;
};

// place_of draws a device's place in the order of a rollout, 0 to 9999. Another salt draws another order, so that it is
// not always the same devices that go first.
std::int64_t place_of(std::string_view salt, std::string_view device_id);

// Ramp is a share that grows with the time: straight lines between points, nothing before the first.
class Ramp {
 public:
  struct Point {
    std::int64_t after_seconds;  // since from
    Share share;
    bool operator==(const Point&) const = default;
  };

  // create Errors: E_PARSE without a point, with more than 64, for one before the start or ten years after it, or where
  // time does not go on or the share falls.
  static Result<Ramp> create(metadata::UtcTime from, std::vector<Point> points);
  // read Errors: E_PARSE.
  static Result<Ramp> read(json::Fields fields);
  json::Value to_json() const;

  metadata::UtcTime from() const { return from_; }
  const std::vector<Point>& points() const { return points_; }
  // at is rounded down; after the last point its share stays.
  Share at(metadata::UtcTime now) const;
  bool operator==(const Ramp&) const = default;

 private:
  Ramp(metadata::UtcTime from, std::vector<Point> points) : from_(from), points_(std::move(points)) {}
  metadata::UtcTime from_;
  std::vector<Point> points_;  // in the order of time, at least one
};

// Rollout is the part of a channel document that says whose turn it is.
struct Rollout {
  bool is_paused = false;  // nobody installs, and what waits for its reboot is taken back
  Share share = Share::all();
  std::optional<Ramp> ramp = {};
  std::map<Label, Share> groups = {};              // a device may belong to one, by its own configuration
  std::optional<Sequence> urgent_below = {};       // devices that run less do not wait for their turn
  std::optional<metadata::UtcTime> deadline = {};  // from then on nobody waits for a turn

  // read takes its members of a channel document; all may be absent: everybody at once. Errors: E_PARSE, E_LIMIT.
  static Result<Rollout> read(json::Fields& fields);
  void write(json::Object& object) const;

  // share_of gives the share that counts for a device of that group. Without a trusted time the ramp counts nothing.
  Share share_of(const std::optional<Label>& group, std::optional<metadata::UtcTime> trusted_now) const;
  // text is one line for people.
  std::string text() const;
  bool operator==(const Rollout&) const = default;
};

}  // namespace tenon::policies
