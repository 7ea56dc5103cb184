// The refresh of a device, over several cycles with one store. The input is a program: the owners publish, right or
// wrong, always signed by the keys they have; the network replaces, hides, cuts; files of the device get damaged, its
// clock moves, its power goes. Each cycle keeps the promises of DeviceModel, is the same when it runs twice, asked
// again refuses for the same reason and stores nothing more; and in the end a healthy repository is accepted.
#include <tenon/metadata/check.h>

#include <algorithm>
#include <cstdint>
#include <limits>

#include <fuzz/device_model.h>
#include <fuzz/repository_program.h>
#include <fuzz/signature_memo.h>

using tenon::Bytes;
using tenon::ByteView;
using tenon::ErrorCode;
using tenon::Result;
using tenon::fuzz::ByteProgram;
using tenon::fuzz::Cycle;
using tenon::fuzz::CycleResult;
using tenon::fuzz::DeviceModel;
using tenon::fuzz::RepositoryProgram;
using tenon::metadata::TopRole;
using tenon::metadata::Version;
using tenon::tests::RepositorySimulator;
using tenon::tests::TestKey;
namespace metadata = tenon::metadata;

namespace {

constexpr std::size_t kMaxDeeds = 40;
constexpr std::size_t kMaxCycles = 6;

// --- a healthy repository after anything

Version at_least(Version version, std::optional<Version> floor) {
  return floor ? std::max(version, *floor) : version;
}

// What the device may take for a floor: those it has kept, and what its stored files say, should they be authentic.
metadata::VersionFloors known_floors(const DeviceModel& device) {
  metadata::VersionFloors floors = device.floors;
  const auto part = [&](const char* name) -> std::optional<tenon::json::Value> {
    const auto at = device.files.find(name);
    if (at == device.files.end()) return std::nullopt;
    const Result<metadata::Envelope> envelope = metadata::Envelope::parse(at->second, 1u << 20);
    return envelope ? std::optional(envelope->signed_part()) : std::nullopt;
  };
  if (const auto value = part("timestamp.json")) {
    if (const auto timestamp = metadata::Timestamp::parse(*value)) floors.raise_timestamp(*timestamp);
  }
  if (const auto value = part("snapshot.json")) {
    if (const auto snapshot = metadata::Snapshot::parse(*value)) floors.raise_snapshot(*snapshot);
  }
  return floors;
}

bool has_room(std::optional<Version> floor) {
  return !floor || floor->value() < std::numeric_limits<std::int64_t>::max();
}

enum class NewKeys { kBesideTheOld, kForOneOfThem, kInPlaceOfAll };

// The next root that the device can accept, and those up to its floor.
void publish_roots(RepositorySimulator& repository, const DeviceModel& device, NewKeys new_keys) {
  const metadata::Root trusted = trusted_root(device);
  metadata::Root& root = repository.root;
  std::vector<TestKey>& signers = repository.signers["root"];
  signers = {tenon::fuzz::pool_key(40)};
  for (const metadata::KeyId& keyid : trusted.role(TopRole::kRoot).keyids) {
    const auto key = trusted.keys.find(keyid);
    if (key == trusted.keys.end()) continue;
    if (const auto holder = tenon::fuzz::holder_of(keyid, key->second)) signers.push_back(*holder);
  }
  root.keys.clear();
  std::uint32_t number = 40;
  for (const TopRole role : metadata::kTopRoles) {
    const TestKey key = tenon::fuzz::pool_key(number++);
    root.keys.insert_or_assign(key.keyid(), key.public_key());
    root.roles.at(role) = tenon::tests::role_keys({key}, 1);
    if (role != TopRole::kRoot) repository.signers[std::string(to_string(role))] = {key};
  }
  std::optional<metadata::KeyMaterial> dropped;
  for (const TopRole role : {TopRole::kTimestamp, TopRole::kSnapshot}) {
    for (const metadata::KeyId& keyid : trusted.role(role).keyids) {
      const auto key = trusted.keys.find(keyid);
      if (key == trusted.keys.end() || root.keys.contains(keyid) || new_keys == NewKeys::kInPlaceOfAll) continue;
      if (new_keys == NewKeys::kForOneOfThem && !dropped) dropped = key->second.material();
      if (dropped && key->second.material() == dropped) continue;
      root.keys.insert(*key);
      root.roles.at(role).keyids.push_back(keyid);
    }
  }
  root.header = {.version = *trusted.header.version.next(),
                 .expires = *metadata::UtcTime::parse("9999-12-31T23:59:59Z")};
  root.consistent_snapshot = true;
  repository.write_root();
  while (device.floors.root && root.header.version < *device.floors.root) repository.publish_root();
}

void publish_roles(RepositorySimulator& repository, const metadata::VersionFloors& floors) {
  const metadata::RoleHeader header = {.expires = *metadata::UtcTime::parse("9999-12-31T23:59:59Z")};
  repository.timestamp.header = repository.snapshot.header = header;
  repository.targets.header = repository.role("d1").header = header;
  for (const auto& [name, floor] : floors.targets)
    repository.snapshot.meta[name] = metadata::MetaEntry{.version = floor};
  const auto floor_of = [&](const char* name) {
    const auto at = floors.targets.find(name);
    return at == floors.targets.end() ? std::nullopt : std::optional(at->second);
  };
  repository.targets.header.version = at_least(Version::first(), floor_of("targets.json"));
  repository.role("d1").header.version = at_least(Version::first(), floor_of("d1.json"));
  if (floors.timestamp) repository.timestamp.header.version = *floors.timestamp->next();
  if (floors.snapshot) repository.snapshot.header.version = *floors.snapshot->next();
  repository.write_role("d1");
  repository.write_role("targets");
  repository.write_snapshot();
  repository.write_timestamp();
}

// Whether the device's root lists a timestamp key that could be dropped.
bool has_usable_key(const DeviceModel& device) {
  const metadata::Root root = trusted_root(device);
  return std::ranges::any_of(root.role(TopRole::kTimestamp).keyids, [&](const metadata::KeyId& keyid) {
    const auto key = root.keys.find(keyid);
    return key != root.keys.end() && key->second.material();
  });
}

void check_heals(DeviceModel& device, NewKeys new_keys, bool look_again) {
  const metadata::VersionFloors floors = known_floors(device);
  const bool must_rotate = !has_room(floors.timestamp) || !has_room(floors.snapshot);
  if (new_keys == NewKeys::kBesideTheOld && must_rotate) new_keys = NewKeys::kForOneOfThem;
  if (new_keys == NewKeys::kForOneOfThem && !has_usable_key(device)) new_keys = NewKeys::kInPlaceOfAll;
  RepositorySimulator healthy = tenon::fuzz::base_repository();
  publish_roots(healthy, device, new_keys);
  publish_roles(healthy, new_keys == NewKeys::kBesideTheOld ? floors : metadata::VersionFloors{});
  device.rules.limits = {};
  const CycleResult result = run_cycle(device, healthy);
  TENON_CHECK(result.accepted());
  TENON_CHECK(result.trusted->timestamp->header.version == healthy.timestamp.header.version);
  if (!look_again) return;
  const CycleResult warm = run_cycle(device, healthy);
  TENON_CHECK(warm.accepted() && warm.stored.empty() && warm.requested.size() == 2);
}

// A damaged root that was fetched again leads to those that lie behind it on the device: the next cycle goes on from them.
bool leads_on(const std::vector<std::string>& stored, const DeviceModel& before) {
  constexpr std::string_view kRoot = ".root.json";
  return std::ranges::any_of(stored, [&](const std::string& name) {
    return name.ends_with(kRoot) && before.files.contains(std::to_string(std::stoll(name) + 1) + std::string(kRoot));
  });
}

// --- the program

class RefreshProgram {
 public:
  explicit RefreshProgram(ByteView input) : program_(input), repository_(tenon::fuzz::base_repository()) {
    device_ = {.embedded_root = repository_.root_file(1), .rules = {.now = tenon::tests::test_now()}};
  }

  void run() {
    const std::uint8_t in_the_end = program_.byte();
    for (std::size_t deeds = 0; !program_.done() && deeds < kMaxDeeds && cycles_ < kMaxCycles; ++deeds) deed();
    repository_.restore_all();
    check_heals(device_, static_cast<NewKeys>((in_the_end >> 1) % 3), (in_the_end & 1) != 0);
  }

 private:
  void deed() {
    switch (program_.below(9)) {
      case 0: return refresh();
      case 1: return refresh_three_times();
      case 2: return refresh_with_trouble();
      case 3:
      case 4:
      case 5: return owners_.publish_step(program_);
      case 6: return owners_.serve_step(program_);
      case 7: return damage_files();
      case 8: return change_rules();
    }
  }

  void refresh() {
    ++cycles_;
    run_cycle(device_, repository_);
  }

  void refresh_three_times() {
    cycles_ += 3;
    const DeviceModel before = device_;
    DeviceModel twin = device_;
    const CycleResult result = run_cycle(device_, repository_);
    TENON_CHECK(same_verdict(run_cycle(twin, repository_), result) && twin == device_);
    if (result.accepted()) return;
    if (result.requested.empty() || result.refused->code == ErrorCode::kLimit) return;  // the next one goes on
    if (before.floors.issued != device_.floors.issued) return;                          // the second time it is later
    if (leads_on(result.stored, before)) return;
    const CycleResult again = run_cycle(twin, repository_);
    TENON_CHECK(again.refused && again.refused->code == result.refused->code);
    TENON_CHECK(twin == device_);
  }

  // The power goes, or the owners publish in the middle of it, or the session gets a second chance.
  void refresh_with_trouble() {
    ++cycles_;
    Cycle cycle;
    const std::size_t count = program_.below(12);
    switch (program_.below(4)) {
      case 0: cycle.try_honest_files = true; break;
      case 1: cycle.cut_after = count; break;
      case 2:
        cycle.cut_after = count;
        cycle.cut_before_saving = true;
        break;
      case 3: {
        std::size_t requests = 0;
        repository_.before_request = [this, requests, count](const tenon::client::FetchRequest&) mutable {
          if (requests++ == count) owners_.publish();
        };
        break;
      }
    }
    run_cycle(device_, repository_, cycle);
    repository_.before_request = nullptr;
  }

  void damage_files() {
    if (device_.files.empty()) return;
    auto at = device_.files.begin();
    std::advance(at, static_cast<std::ptrdiff_t>(program_.below(device_.files.size())));
    switch (program_.below(4)) {
      case 0: at->second = damaged(at->second, program_); break;
      case 1: at->second = owners_.some_file(program_); break;
      case 2: device_.files.erase(at); break;
      case 3: device_.files[program_.flag() ? "2.root.json" : "snapshot.json"] = at->second; break;
    }
  }

  void change_rules() {
    constexpr std::int64_t kDay = 86'400;
    constexpr std::int64_t kSteps[] = {1, kDay, 366 * kDay, -kDay, -400 * kDay, 30 * 366 * kDay};
    switch (program_.below(3)) {
      case 0: device_.rules.now = device_.rules.now.plus_seconds(program_.pick(kSteps)); break;
      case 1: device_.rules.limits.roots_per_refresh = 1 + program_.below(4); break;
      case 2: device_.rules.require_snapshot_hashes = program_.flag(); break;
    }
  }

  ByteProgram program_;
  RepositorySimulator repository_;
  RepositoryProgram owners_{repository_};
  DeviceModel device_;
  std::size_t cycles_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool kStarted = [] {
    tenon::init_crypto();
    tenon::fuzz::base_repository();
    tenon::fuzz::keep_ledger();
    return true;
  }();
  (void)kStarted;
  tenon::fuzz::start_ledger();
  RefreshProgram(ByteView(data, size)).run();
  return 0;
}
