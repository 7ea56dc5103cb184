#include <tenon/metadata/digest.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/rollout.h>

#include <algorithm>

namespace tenon::policies {
namespace {

constexpr std::string_view kPlaceDomain{"tenon-rollout-v1\0", 17};
constexpr std::size_t kMaxPoints = 64;
constexpr std::size_t kMaxGroups = 64;
constexpr std::int64_t kMaxRampSeconds = 10LL * 366 * 24 * 3600;  // keeps the product with a share far inside 64 bits
constexpr std::string_view kDigits = "0123456789";

Result<Ramp::Point> read_point(const json::Value& value, const json::Fields& fields) {
  const json::Array* pair = value.array();
  const bool is_pair = pair != nullptr && pair->size() == 2;
  const std::int64_t* after = is_pair ? pair->at(0).integer() : nullptr;
  const std::int64_t* share = is_pair ? pair->at(1).integer() : nullptr;
  if (after == nullptr || share == nullptr) return fields.error("a point is not [seconds, share]");
  TENON_TRY(const Share checked, Share::create(*share).with_context(fields.where()));
  return Ramp::Point{*after, checked};
}

Result<std::optional<metadata::UtcTime>> read_time(json::Fields& fields, std::string_view name) {
  if (fields.optional(name) == nullptr) return std::optional<metadata::UtcTime>();
  TENON_TRY(const std::string text, fields.string(name));
  TENON_TRY(const metadata::UtcTime time, metadata::UtcTime::parse(text).with_context(fields.where()));
  return std::optional(time);
}

Result<std::map<Label, Share>> read_groups(const json::Fields& fields) {
  std::map<Label, Share> groups;
  if (fields.all().size() > kMaxGroups) return Error{ErrorCode::kLimit, fields.where() + ": more than 64 groups"};
  for (const json::Member& member : fields.all()) {
    TENON_TRY(const Label group, Label::parse(member.name).with_context(fields.where()));
    const std::int64_t* share = member.value.integer();
    if (share == nullptr) return fields.error("the share of " + group.text() + " is no integer");
    TENON_TRY(const Share checked, Share::create(*share).with_context(fields.where()));
    groups.emplace(group, checked);
  }
  return groups;
}

}  // namespace

Result<Share> Share::create(std::int64_t value) {
  if (value >= 0 && value <= kWhole) return Share(value);
  return Error{ErrorCode::kParse, "share " + std::to_string(value) + " is not 0 to 10000"};
}

Result<Share> Share::parse_percent(std::string_view text) {
  const Error wrong{ErrorCode::kParse, "\"" + printable(text, 40) + "\" is no share: 5%, 0.25%, 100%"};
  if (!text.ends_with('%')) return wrong;
  text.remove_suffix(1);
  const std::size_t dot = text.find('.');
  const std::string_view whole = text.substr(0, dot);
  std::string decimals(dot == text.npos ? "" : text.substr(dot + 1));
  if (whole.empty() || whole.size() > 3 || decimals.size() > 2 || (dot != text.npos && decimals.empty())) return wrong;
  decimals.resize(2, '0');
  std::int64_t value = 0;
  for (const char digit : std::string(whole) + decimals) {
    if (kDigits.find(digit) == kDigits.npos) return wrong;
    value = value * 10 + (digit - '0');
  }
  return value <= kWhole ? Result<Share>(Share(value)) : wrong;
}

std::string Share::percent() const {
  std::string text = std::to_string(value_ / 100);
  if (value_ % 100 != 0) {
    text += "." + std::to_string(value_ % 100 / 10);
    if (value_ % 10 != 0) text += std::to_string(value_ % 10);
  }
  return text + "%";
}

std::int64_t place_of(std::string_view salt, std::string_view device_id) {
  std::string drawn(kPlaceDomain);
  drawn += salt;
  drawn += '\0';
  drawn += device_id;
  const Sha256 hash = Sha256::of(as_bytes(drawn));
  std::uint64_t number = 0;
  for (std::size_t i = 0; i < 8; ++i) number = number << 8 | hash.bytes[i];
  return static_cast<std::int64_t>(number % static_cast<std::uint64_t>(Share::kWhole));
}

Result<Ramp> Ramp::create(metadata::UtcTime from, std::vector<Point> points) {
  if (points.empty() || points.size() > kMaxPoints) return Error{ErrorCode::kParse, "a ramp has 1 to 64 points"};
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    if (point.after_seconds < 0 || point.after_seconds > kMaxRampSeconds) {
      return Error{ErrorCode::kParse, "a ramp's point is before its start or ten years after it"};
    }
    if (i == 0) continue;
    if (point.after_seconds <= points[i - 1].after_seconds || point.share < points[i - 1].share) {
      return Error{ErrorCode::kParse, "a ramp's points do not go on in time, or its share falls"};
    }
  }
  return Ramp(from, std::move(points));
}

Result<Ramp> Ramp::read(json::Fields fields) {
  TENON_TRY(const std::string text, fields.string("from"));
  TENON_TRY(const metadata::UtcTime from, metadata::UtcTime::parse(text).with_context(fields.where()));
  TENON_TRY(const std::string mode, fields.string("mode"));
  if (mode != "linear") return fields.error("mode \"" + printable(mode, 40) + "\" is not known");
  TENON_TRY(const json::Array* entries, fields.array("points"));
  std::vector<Point> points;
  for (const json::Value& entry : *entries) {
    TENON_TRY(const Point point, read_point(entry, fields));
    points.push_back(point);
  }
  return create(from, std::move(points)).with_context(fields.where());
}

json::Value Ramp::to_json() const {
  json::Array entries;
  for (const Point& point : points_) entries.emplace_back(json::Array{point.after_seconds, point.share.value()});
  json::Object object;
  object.set("from", from_.text());
  object.set("mode", "linear");
  object.set("points", std::move(entries));
  return object;
}

Share Ramp::at(metadata::UtcTime now) const {
  const std::int64_t passed = now.unix_seconds() - from_.unix_seconds();
  const auto next = std::ranges::find_if(points_, [&](const Point& point) { return point.after_seconds > passed; });
  if (next == points_.begin()) return Share::none();
  const Point& last = *std::prev(next);
  if (next == points_.end()) return last.share;
  const std::int64_t rise = next->share.value() - last.share.value();
  const std::int64_t length = next->after_seconds - last.after_seconds;
  return *Share::create(last.share.value() + rise * (passed - last.after_seconds) / length);
}

Result<Rollout> Rollout::read(json::Fields& fields) {
  Rollout rollout;
  if (fields.optional("state") != nullptr) {
    TENON_TRY(const std::string state, fields.string("state"));
    if (state != "active" && state != "paused")
      return fields.error("state \"" + printable(state, 40) + "\" is not known");
    rollout.is_paused = state == "paused";
  }
  if (fields.optional("share") != nullptr) {
    TENON_TRY(const std::int64_t share, fields.integer("share"));
    TENON_TRY(rollout.share, Share::create(share).with_context(fields.where()));
  }
  if (fields.optional("ramp") != nullptr) {
    TENON_TRY(json::Fields ramp, fields.object("ramp"));
    TENON_TRY(rollout.ramp, Ramp::read(std::move(ramp)));
  }
  if (fields.optional("groups") != nullptr) {
    TENON_TRY(const json::Fields groups, fields.object("groups"));
    TENON_TRY(rollout.groups, read_groups(groups));
  }
  if (fields.optional("urgent_below") != nullptr) {
    TENON_TRY(rollout.urgent_below, Sequence::read(fields, "urgent_below"));
  }
  TENON_TRY(rollout.deadline, read_time(fields, "deadline"));
  return rollout;
}

void Rollout::write(json::Object& object) const {
  object.set("state", is_paused ? "paused" : "active");
  object.set("share", share.value());
  if (ramp) object.set("ramp", ramp->to_json());
  if (!groups.empty()) {
    json::Object shares;
    for (const auto& [group, one] : groups) shares.set(group.text(), one.value());
    object.set("groups", std::move(shares));
  }
  if (urgent_below) object.set("urgent_below", urgent_below->value());
  if (deadline) object.set("deadline", deadline->text());
}

Share Rollout::share_of(const std::optional<Label>& group, std::optional<metadata::UtcTime> trusted_now) const {
  Share most = share;
  if (ramp && trusted_now) most = std::max(most, ramp->at(*trusted_now));
  if (group) {
    if (const auto of_group = groups.find(*group); of_group != groups.end()) most = std::max(most, of_group->second);
  }
  return most;
}

std::string Rollout::text() const {
  std::string line = is_paused ? "paused; share " : "share ";
  line += share.percent();
  if (ramp) {
    const Ramp::Point& last = ramp->points().back();
    line += ", ramp to " + last.share.percent() + " at " + ramp->from().plus_seconds(last.after_seconds).text();
  }
  for (const auto& [group, one] : groups) line += ", group " + group.text() + " " + one.percent();
  if (urgent_below) line += ", urgent below sequence " + std::to_string(urgent_below->value());
  if (deadline) line += ", for all from " + deadline->text();
  return line;
}

}  // namespace tenon::policies
