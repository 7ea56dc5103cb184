#include <algorithm>
#include <limits>

#include <gtest/gtest.h>
#include <tests/support/attacked_device.h>
#include <tests/support/attacker.h>
#include <tests/support/json_edit.h>
#include <tests/support/scenario.h>

namespace tenon::tests {

using client::SlotGroup;
using client::StartOutcome;
using metadata::Version;

namespace {

constexpr std::size_t kSlotBytes = 1024;

// "3.root.json" -> "root"
std::string role_of(const std::string& file_name) {
  const std::string name = file_name.substr(0, file_name.size() - std::string(".json").size());
  return name.ends_with(".root") ? "root" : name;
}

json::Value signed_part_of(const Bytes& file) {
  return at(*json::parse(file), {"signed"});
}

template <class Role>
Role parsed(const Bytes& file) {
  return *Role::parse(signed_part_of(file));
}

}  // namespace

AttackedDevice::AttackedDevice(const ProductHistory& history)
    : history_(&history), served_(history.published.front()), device(served_, kSlotBytes) {
  device.clock.time = history.now;
}

void AttackedDevice::take_state(AttackedDevice& other) {
  device.store.files = other.device.store.files;
  device.store.records = other.device.store.records;
  for (const SlotGroup group : {SlotGroup::kA, SlotGroup::kB}) {
    device.slots.medium(group, "rootfs") = other.device.slots.medium(group, "rootfs");
  }
  device.boot.record = other.device.boot.record;
  device.boot.now_running = other.device.boot.now_running;
  device.clock.time = other.device.clock.time;
  device.restart();
}

Events AttackedDevice::cycle(const RepositorySimulator& repository) {
  served_ = repository;
  const client::Floors before = device.floors();
  const auto running_before = device.device.running_image.sequence;
  Events events;
  const auto outcome = device.updater().install();
  if (!outcome) {
    events.insert("denied " + std::string(to_string(outcome.error().code)));
  } else if (outcome->reboot_wanted && !boots) {
    events.insert("armed");
  } else if (outcome->reboot_wanted) {
    boot_the_trial(events);
  } else {
    const bool up_to_date = outcome->decision.verdict == policies::Verdict::kUpToDate;
    events.insert(up_to_date ? "up to date with " + device.device.running_image.version->text()
                             : "held: " + outcome->decision.reason);
  }
  look_at_files(events);
  if (outcome) check_what_was_accepted(before.versions);
  EXPECT_TRUE(floors_may_fall || not_lower(before.versions, device.floors().versions));
  EXPECT_GE(device.floors().sequence.confirmed, before.sequence.confirmed);
  EXPECT_GE(device.device.running_image.sequence, running_before);
  if (device.floors().versions.timestamp == Version::create(std::numeric_limits<std::int64_t>::max()).value()) {
    events.insert("leapt");
  }
  return events;
}

// What is stored after a cycle that was not denied is what was accepted.
void AttackedDevice::check_what_was_accepted(const metadata::VersionFloors& floors) {
  const auto timestamp = parsed<metadata::Timestamp>(device.store.files.at("timestamp.json"));
  const auto snapshot = parsed<metadata::Snapshot>(device.store.files.at("snapshot.json"));
  const auto targets = parsed<metadata::Targets>(device.store.files.at("targets.json"));
  for (const metadata::RoleHeader& header : {timestamp.header, snapshot.header, targets.header}) {
    EXPECT_GT(header.expires, device.clock.time);
  }
  if (floors_may_fall) return;
  EXPECT_GE(timestamp.header.version, floors.timestamp);
  EXPECT_GE(snapshot.header.version, floors.snapshot);
  for (const auto& [role, floor] : floors.targets) {
    const auto listed = snapshot.meta.find(role);
    EXPECT_TRUE(listed != snapshot.meta.end() && listed->second.version >= floor) << role;
  }
}

void AttackedDevice::boot_the_trial(Events& events) {
  const std::optional<SlotGroup> tried = device.power_on();
  ASSERT_TRUE(tried);
  const Bytes& slot = device.slots.medium(*tried, "rootfs").durable;
  const bool was_released = history_->has_released(ByteView(slot).first(kSmallImageBytes));
  std::string version = device.device.running_image.version->text();
  if (!was_released) version = version == kForeignImageForOthers ? "for-board-b" : "foreign";
  ASSERT_EQ(*device.updater().start(), StartOutcome::kTrial);
  const auto confirmed = device.updater().confirm();
  ASSERT_TRUE(confirmed);
  if (confirmed->confirmed) {
    events.insert("runs " + version);
    return;
  }
  events.insert("rolled back " + version);
  while (device.power_on() == tried) ASSERT_TRUE(device.updater().confirm());
  ASSERT_EQ(*device.updater().start(), StartOutcome::kRolledBack);
}

void AttackedDevice::look_at_files(Events& events) {
  for (const auto& [name, content] : device.store.files) {
    const std::string role = role_of(name);
    if (!history_->has_published(role, content)) events.insert("forged " + role);
  }
  if (!events.contains("forged snapshot")) return;
  const auto snapshot = parsed<metadata::Snapshot>(device.store.files.at("snapshot.json"));
  const auto was_published = [&](const auto& entry) {
    return std::ranges::any_of(history_->published, [&](const RepositorySimulator& then) {
      const auto listed = then.snapshot.meta.find(entry.first);
      return listed != then.snapshot.meta.end() && listed->second == entry.second;
    });
  };
  if (std::ranges::all_of(snapshot.meta, was_published) && !history_->has_together(snapshot)) events.insert("mixed");
}

}  // namespace tenon::tests
