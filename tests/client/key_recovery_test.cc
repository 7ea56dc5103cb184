// After a theft: the publisher replaces keys as docs/key-compromise.md says, and every device comes back within two
// cycles, whatever the thief made of it. What he signs from then on is worth nothing.
#include <memory>

#include <gtest/gtest.h>
#include <tests/support/attacked_device.h>
#include <tests/support/attacker.h>

namespace tenon::tests {
namespace {

using metadata::TopRole;

constexpr int kDevices = 50;
constexpr int kFates = 10;

struct Theft {
  const char* name;
  std::vector<std::string> roles;  // whose keys are stolen
  std::size_t count = 100;         // so many keys of each
};

// Replaces all keys of a role.
void replace_keys(RepositorySimulator& repository, const std::string& role) {
  const std::vector<TestKey> old = repository.signers.at(role);
  const std::vector<TestKey> keys = test_keys(7000 + 10 * static_cast<std::uint32_t>(role.size()), old.size());
  for (const TopRole top : metadata::kTopRoles) {
    if (to_string(top) != role) continue;
    return repository.set_keys(top, keys, static_cast<std::int64_t>(repository.root.role(top).threshold.value()));
  }
  metadata::Delegations& delegations = *repository.targets.delegations;
  for (const TestKey& key : keys) delegations.keys.emplace(key.keyid(), key.public_key());
  for (metadata::DelegatedRole& delegated : delegations.roles) {
    if (delegated.name.text() == role) delegated.keys = role_keys(keys, 1);
  }
  repository.signers[role] = keys;
}

// A publisher, a theft, and devices.
class Drill {
 public:
  explicit Drill(const Theft& theft) : roles_(theft.roles) {
    early_ = std::make_unique<AttackedDevice>(history);
    EXPECT_EQ(early_->cycle(history.published[1]), Events{"runs 1.1.0"});
    for (int i = 0; i < 5; ++i) history.publish_root();
    history.publish_timestamp();
    late_ = std::make_unique<AttackedDevice>(history);
    late_->take_state(*early_);
    EXPECT_EQ(late_->cycle(history.repository), Events{"runs 1.2.0"});
    stolen = keys_of(history, theft.roles, theft.count);
    attacker_ = std::make_unique<Attacker>(history, stolen);
    leap_ = attacker_->fast_forward();
    leap_in_time_ = attacker_->fast_forward(history.now.plus_seconds(3000 * kDay));
  }

  // The device of that number: from the factory, away for five roots, or up to date; and what befell it then.
  std::unique_ptr<AttackedDevice> device(int number) {
    auto one = std::make_unique<AttackedDevice>(history);
    if (number % 3 != 0) one->take_state(number % 3 == 1 ? *early_ : *late_);
    befall(*one, number / 3 % kFates, static_cast<std::uint32_t>(number));
    one->floors_may_fall = true;
    one->boots = true;
    return one;
  }

  // What the publisher does: all keys of the roles in question are replaced, in one root and one targets. Then he goes
  // on from his own versions, with a release above any that may have been installed.
  void recover() {
    for (const std::string& role : roles_) replace_keys(history.repository, role);
    history.publish_root();
    history.publish_release("2.0.0", 1000, 10);
  }

  ProductHistory history;
  StolenKeys stolen;
  Events befallen;  // all devices so far

 private:
  void befall(AttackedDevice& device, int fate, std::uint32_t number) {
    InMemoryStore& store = device.device.store;
    if (fate == 8) leap_.hide("metadata/2.root.json");  // and he keeps the new roots from it
    if (fate == 9) device.boots = false;
    if (fate >= 3 && fate <= 8) note(device.cycle(fate % 2 == 0 ? leap_ : leap_in_time_));
    leap_.restore_all();
    for (std::uint32_t i = 0; i < 5 && (fate == 2 || fate == 9); ++i)
      note(device.cycle(attacker_->forge(10 * number + i, i)));
    if (fate == 1 || fate == 4) store.files.clear();
    if (fate == 2 || fate == 5) store.records.erase(client::Record::kFloors);
    if (fate == 6) store.damaged[client::Record::kFloors] = true;
    if (fate == 7) std::erase_if(store.files, [](const auto& file) { return file.first.ends_with(".root.json"); });
  }
  void note(const Events& events) { befallen.insert(events.begin(), events.end()); }

  std::vector<std::string> roles_;
  std::unique_ptr<AttackedDevice> early_;
  std::unique_ptr<AttackedDevice> late_;
  std::unique_ptr<Attacker> attacker_;
  RepositorySimulator leap_;
  RepositorySimulator leap_in_time_;
};

class AfterTheTheft : public testing::TestWithParam<Theft> {};
INSTANTIATE_TEST_SUITE_P(
    Of, AfterTheTheft,
    testing::Values(
        Theft{"Nothing", {}}, Theft{"Timestamp", {"timestamp"}}, Theft{"Snapshot", {"snapshot"}},
        Theft{"TimestampAndSnapshot", {"timestamp", "snapshot"}}, Theft{"OneTargetsKey", {"targets"}, 1},
        Theft{"TargetsThreshold", {"targets"}, 2}, Theft{"TargetsAndOnline", {"targets", "timestamp", "snapshot"}},
        Theft{"Rollout", {"rollout.camera"}}, Theft{"RolloutAndOnline", {"rollout.camera", "timestamp", "snapshot"}},
        Theft{"ReleasesAndOnline", {"releases.camera", "timestamp", "snapshot"}},
        Theft{"ReleasesAndRolloutAndOnline", {"releases.camera", "rollout.camera", "timestamp", "snapshot"}},
        Theft{"OneRootKey", {"root"}, 1}),
    [](const auto& parameter) { return std::string(parameter.param.name); });

// Book: KEY-11, META-23
TEST_P(AfterTheTheft, FiftyDevicesComeBackWithinTwoCycles) {
  Drill drill(GetParam());
  std::vector<std::unique_ptr<AttackedDevice>> devices;
  for (int number = 0; number < kDevices; ++number) devices.push_back(drill.device(number));
  EXPECT_EQ(drill.befallen.contains("leapt"), drill.stolen.contains("timestamp"));
  EXPECT_TRUE(drill.befallen.contains("armed"));
  drill.recover();
  for (int number = 0; number < kDevices; ++number) {
    AttackedDevice& one = *devices[static_cast<std::size_t>(number)];
    one.device.clock.time = drill.history.now;
    const Events first = one.cycle(drill.history.repository);
    Events second = one.cycle(drill.history.repository);

    EXPECT_EQ(second, Events{"up to date with 2.0.0"})
        << "device " << number << ", before: " << testing::PrintToString(first);
    EXPECT_EQ(one.device.floors().versions.timestamp, drill.history.repository.timestamp.header.version) << number;
  }
}

// Devices that came back, and lost something later.
std::vector<std::unique_ptr<AttackedDevice>> recovered_devices(Drill& drill) {
  std::vector<std::unique_ptr<AttackedDevice>> devices;
  for (int number = 0; number < 4; ++number) {
    devices.push_back(drill.device(number));
    AttackedDevice& one = *devices.back();
    one.device.clock.time = drill.history.now;
    EXPECT_TRUE(one.cycle(drill.history.repository).contains("runs 2.0.0"));
    one.floors_may_fall = false;
    if (number == 1) one.device.store.files.clear();
    if (number == 2) one.device.store.records.erase(client::Record::kFloors);
  }
  return devices;
}

void expect_worth_nothing(Drill& drill, const StolenKeys& revoked) {
  const Attacker attacker(drill.history, revoked);
  std::uint32_t number = 0;
  int denied = 0;
  for (const auto& device : recovered_devices(drill)) {
    for (std::uint32_t i = 0; i < 15; ++i, ++number) {
      const Events events = device->cycle(attacker.forge(number, i));
      const bool nothing_new = events == Events{"up to date with 2.0.0"};
      EXPECT_TRUE(nothing_new || (events.size() == 1 && events.begin()->starts_with("denied ")))
          << "repository " << number << ": " << testing::PrintToString(events);
      denied += nothing_new ? 0 : 1;
    }
  }
  EXPECT_GT(denied, 15);
}

// Book: KEY-12
TEST_P(AfterTheTheft, TheOldKeysSignNothingThatIsAccepted) {
  Drill drill(GetParam());
  drill.recover();
  expect_worth_nothing(drill, drill.stolen);
}

// Book: KEY-12
TEST(RootKeysThatWereReplaced, SignNothingThatIsAcceptedByWhomeverKnowsTheNextRoot) {
  Drill drill({"RootKeys", {"root"}});
  drill.recover();
  expect_worth_nothing(drill, drill.stolen);
}

// --- the root threshold: out of band
class AfterTheTheftOfRoot : public testing::Test {
 protected:
  AfterTheTheftOfRoot() : drill_({"RootThreshold", {"root"}, 2}) {
    const Attacker attacker(drill_.history, drill_.stolen);
    for (std::uint32_t number = 0; number < 100 && !is_owned(); ++number) {
      owned_ = drill_.device(2);
      [[maybe_unused]] const Events events = owned_->cycle(attacker.forge(number));
    }
    EXPECT_TRUE(is_owned());
    attackers_root_ = owned_->device.floors().versions.root->value();
    for (int i = 0; i < 20; ++i) anew.publish_root();
    anew.publish_release("3.0.0", 700, 10);
  }

  bool is_owned() const { return owned_ && owned_->device.device.running_image.version == label(kForeignVersion); }

  // Writes the image by hand that holds a root of the new publisher.
  std::unique_ptr<AttackedDevice> device_with_new_image(std::int64_t root_version) {
    auto one = std::make_unique<AttackedDevice>(anew);
    one->take_state(*owned_);
    one->floors_may_fall = true;
    one->device.boot.record = FakeBootControl().record;
    one->device.boot.now_running = FakeBootControl().now_running;
    one->device.slots.fill(client::SlotGroup::kA, "rootfs", to_bytes(std::string("2.9.0 699") + '\0'));
    one->device.device.embedded_root = anew.repository.root_file(root_version);
    one->device.clock.time = anew.now;
    one->device.restart();
    return one;
  }

  ProductHistory anew{1};
  std::int64_t attackers_root_ = 0;
  Drill drill_;
  std::unique_ptr<AttackedDevice> owned_;
};

// Book: KEY-10, KEY-11
TEST_F(AfterTheTheftOfRoot, ANewImageWithANewRootAndAnEmptyDataFolderBringsADeviceBack) {
  const auto device = device_with_new_image(1);
  device->device.store.files.clear();
  device->device.store.records.clear();
  EXPECT_EQ(device->cycle(anew.repository), Events{"runs 3.0.0"});
  EXPECT_EQ(device->cycle(anew.repository), Events{"up to date with 3.0.0"});
  const Attacker attacker(drill_.history, drill_.stolen);
  for (std::uint32_t number = 0; number < 40; ++number) {
    const Events events = device->cycle(attacker.forge(number));
    EXPECT_TRUE(events.size() == 1 && events.begin()->starts_with("denied ")) << testing::PrintToString(events);
  }
}

// Book: KEY-10, KEY-11
TEST_F(AfterTheTheftOfRoot, ANewRootAboveAllThatTheThiefSignedNeedsNoEmptyDataFolder) {
  const auto device = device_with_new_image(attackers_root_ + 1);
  EXPECT_EQ(device->cycle(anew.repository).count("runs 3.0.0"), 1U);
  EXPECT_EQ(device->cycle(anew.repository).count("up to date with 3.0.0"), 1U);
}

// Book: KEY-10
TEST_F(AfterTheTheftOfRoot, ANewRootThatIsNotAboveIsRefusedAndSaysSo) {
  anew.repository.hide("metadata/2.root.json");
  const auto device = device_with_new_image(1);
  EXPECT_TRUE(device->cycle(anew.repository).contains("denied E_ROLLBACK"));
}

}  // namespace
}  // namespace tenon::tests
