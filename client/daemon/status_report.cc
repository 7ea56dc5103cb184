#include <tenon/client/daemon/status_report.h>

namespace tenon::client {
namespace {

// What a group holds: of the one that runs its own release file says it best.
struct Content {
  std::string version;
  std::int64_t sequence = 0;
};

Content content_of(const Status& status, SlotGroup group) {
  if (group == status.boot.running && status.running_image.version) {
    const auto& sequence = status.running_image.sequence;
    return {status.running_image.version->text(), sequence ? sequence->value() : 0};
  }
  const auto stamp = status.stamps.find(group);
  if (stamp == status.stamps.end() || stamp->second.content != Stamp::Content::kValid) return {};
  return {stamp->second.version, stamp->second.sequence};
}

json::Value group_json(const Status& status, SlotGroup group) {
  const Content content = content_of(status, group);
  const GroupBoot& boot = status.record.of(group);
  json::Object object;
  object.set("state", std::string(to_string(boot.state)));
  object.set("tries_left", static_cast<std::int64_t>(boot.tries_left));
  object.set("version", content.version);
  object.set("sequence", content.sequence);
  return object;
}

json::Value floors_json(const Floors& floors) {
  json::Object object;
  if (floors.sequence.confirmed) object.set("confirmed_sequence", floors.sequence.confirmed->value());
  if (floors.sequence.signed_floor) object.set("signed_floor", floors.sequence.signed_floor->value());
  object.set("channel_serial", floors.sequence.channel_serial);
  if (floors.versions.root) object.set("root", floors.versions.root->value());
  if (floors.versions.timestamp) object.set("timestamp", floors.versions.timestamp->value());
  if (floors.versions.snapshot) object.set("snapshot", floors.versions.snapshot->value());
  if (floors.versions.issued) object.set("issued", floors.versions.issued->text());
  return object;
}

json::Value quarantine_json(const Journal& journal) {
  json::Array entries;
  for (const Quarantined& entry : journal.quarantine) {
    json::Object object;
    object.set("version", entry.version);
    object.set("image", entry.image.hex());
    object.set("reason", entry.reason);
    entries.push_back(std::move(object));
  }
  return entries;
}

json::Value window_json(const WindowStatus& status) {
  json::Object object;
  object.set("daily", status.window.text());
  object.set("is_open", status.is_open);
  object.set("opens", time_json(status.opens));
  return object;
}

}  // namespace

json::Value time_json(const std::optional<metadata::UtcTime>& time) {
  return time ? json::Value(time->text()) : json::Value();
}

json::Object status_json(const DeviceConfig& config, const Status& status) {
  json::Object device;
  device.set("product", config.product.text());
  device.set("hardware", config.hardware.text());
  device.set("channel", config.channel.text());
  json::Object groups;
  groups.set("A", group_json(status, SlotGroup::kA));
  groups.set("B", group_json(status, SlotGroup::kB));
  json::Object update;
  update.set("state", std::string(to_string(status.journal.state)));
  update.set("version", status.journal.version);
  update.set("reason", status.journal.reason);
  json::Object object;
  object.set("schema", 1);
  object.set("device", std::move(device));
  object.set("running", std::string(to_string(status.boot.running)));
  object.set("last_resort", status.boot.is_last_resort);
  object.set("next_boot", std::string(to_string(status.record.first)));
  object.set("groups", std::move(groups));
  object.set("update", std::move(update));
  object.set("last_result", status.journal.last_result);
  object.set("quarantine", quarantine_json(status.journal));
  object.set("floors", status.floors ? floors_json(*status.floors) : json::Value());
  object.set("deferred_until", time_json(status.deferred_until));
  object.set("window", status.window ? window_json(*status.window) : json::Value());
  return object;
}

}  // namespace tenon::client
