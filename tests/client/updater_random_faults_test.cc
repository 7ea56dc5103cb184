// Updates with faults by chance: of power, medium, space, boot record and network, some at a time, until they end. Whatever
// happens, the device starts what is whole, lowers no floor, and takes the newest release in the end.
//
//   TENON_UPDATES   how many (1,000; under a sanitizer 200)
//   TENON_SEED      where chance begins (1); a failure names the update
#include <tenon/client/daemon/device_cycle.h>

#include <array>
#include <cstdlib>
#include <iostream>
#include <random>

#include <tests/client/update_by_payload.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;
using client::SlotState;

std::uint32_t number_from(const char* name, std::uint32_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : static_cast<std::uint32_t>(std::strtoul(text, nullptr, 10));
}

enum class Fault { kCut, kFull, kWorn, kSlotWrite, kSlotFlush, kRot, kBadSector, kBootRecord, kLink, kServer, kLiar };
constexpr std::array kFaults = {Fault::kCut,       Fault::kFull,   Fault::kWorn,      Fault::kSlotWrite,
                                Fault::kSlotFlush, Fault::kRot,    Fault::kBadSector, Fault::kBootRecord,
                                Fault::kLink,      Fault::kServer, Fault::kLiar};
constexpr std::string_view to_string(Fault fault) {
  switch (fault) {
    case Fault::kCut: return "power cuts";
    case Fault::kFull: return "media full";
    case Fault::kWorn: return "writes refused";
    case Fault::kSlotWrite: return "slot writes failed";
    case Fault::kSlotFlush: return "slot flushes failed";
    case Fault::kRot: return "sectors damaged";
    case Fault::kBadSector: return "sectors unreadable";
    case Fault::kBootRecord: return "boot records failed";
    case Fault::kLink: return "links broken";
    case Fault::kServer: return "servers down";
    case Fault::kLiar: return "files forged";
  }
  return "";
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr std::uint32_t kUpdates = 200;
#else
constexpr std::uint32_t kUpdates = 1000;
#endif
constexpr std::size_t kMostWrites = 60;  // about what one cycle makes
constexpr std::size_t kEver = 1'000'000;
constexpr std::size_t kMostFaultyCycles = 6;
constexpr int kMostBoots = 12;
constexpr std::size_t kOneInUnfit = 8;  // of so many releases one is not fit to stay

// What three publications offer: 1.1.0, then 1.2.0, which a device takes that has given 1.1.0 up.
struct Product {
  explicit Product(int kind) : base(factory_image()) {
    add_product(repository, "camera");
    images = {base, publish("1.1.0", 2, base, kind), {}};
    later = repository;
    std::swap(repository, later);
    images[2] = publish("1.2.0", 3, images[1], kind);
    std::swap(repository, later);
  }

  Bytes publish(const std::string& version, std::int64_t sequence, const Bytes& before, int kind) {
    const Bytes image =
        next_version(before, version + " " + std::to_string(sequence), static_cast<std::uint32_t>(sequence));
    ReleaseContent content{.version = version,
                           .sequence = sequence,
                           .image = image,
                           .payload = full_payload_of(image, kTestSegmentBytes),
                           .segment_size = kTestSegmentBytes};
    if (kind == 1) content.deltas = {delta_between(before, image, kTestSegmentBytes)};
    if (kind == 2) content.local = local_payload_of(image);
    add_release(repository, content);
    set_channel(repository, {.release = version, .serial = sequence});
    repository.publish();
    return image;
  }

  Bytes base;
  RepositorySimulator repository;
  RepositorySimulator later;
  std::array<Bytes, 3> images;
};

class FaultyUpdate {
 public:
  FaultyUpdate(Product& product, std::mt19937 chance, std::map<Fault, int>& met)
      : product_(product), chance_(chance), met_(met), device_(product.repository) {
    device_.slots.fill(SlotGroup::kA, "rootfs", product.base);
    device_.restart();
    floors_ = device_.floors();
  }

  // run tells whether the device gave 1.1.0 up.
  bool run() {
    const std::size_t faulty = 1 + below(kMostFaultyCycles);
    for (std::size_t i = 0; i < faulty && !testing::Test::HasFailure(); ++i) {
      const Fault fault = kFaults[below(kFaults.size())];
      break_something(fault);
      const auto outcome = cycle();
      mend();
      end_of_cycle(outcome, fault == Fault::kCut);
    }
    settle(device_.sources);
    if (testing::Test::HasFailure() || (!is_unfit_ && runs(1))) return false;
    // It was not fit, or cuts and faults took all its tries.
    EXPECT_EQ(last_reason_, "quarantine");
    settle({&product_.later});
    EXPECT_TRUE(testing::Test::HasFailure() || runs(2)) << "a device that gave a release up does not take the next one";
    return true;
  }

 private:
  std::size_t below(std::size_t end) { return std::uniform_int_distribution<std::size_t>(0, end - 1)(chance_); }
  InMemorySlots::Medium& target() { return device_.slots.medium(other(device_.boot.now_running.running), "rootfs"); }

  Result<client::CycleOutcome> cycle() {
    device_.health.report.healthy =
        !is_unfit_ || !device_.slot_holds(device_.boot.now_running.running, product_.images[1]);
    return client::run_cycle(device_.updater());
  }

  void break_something(Fault fault) {
    ++met_[fault];
    InMemorySlots::Medium& slot = target();
    std::string path = payload();
    switch (fault) {
      case Fault::kCut: return device_.power.cut_after(below(kMostWrites));
      case Fault::kFull: return device_.power.refuse_after(below(kMostWrites), kEver);
      case Fault::kWorn: return device_.power.refuse_after(below(kMostWrites), 1 + below(3));
      case Fault::kSlotWrite: slot.fail_write_after = slot.writes + below(6); return;
      case Fault::kSlotFlush: slot.fail_flush = slot.flushes + 1 + below(3); return;
      case Fault::kRot:
        slot.on_flush = [&slot, at = below(slot.cached.size())] { slot.cached[at] = slot.durable[at] ^= 1; };
        return;
      case Fault::kBadSector: slot.bad_byte = below(slot.cached.size()); return;
      case Fault::kBootRecord: device_.boot.fail_write_after = device_.boot.writes + below(2); return;
      case Fault::kLink: return product_.repository.cut_transfer(path, below(product_.images[1].size()));
      case Fault::kServer: return product_.repository.fail_all(Error{ErrorCode::kNet, "nobody answers"});
      case Fault::kLiar: return product_.repository.replace(path, random_image(1 + below(100'000), 1));
    }
  }

  // A damaged sector stays damaged, and an unreadable one unreadable, until they are written.
  void mend() {
    for (const SlotGroup group : {SlotGroup::kA, SlotGroup::kB}) {
      InMemorySlots::Medium& slot = device_.slots.medium(group, "rootfs");
      slot.fail_write_after.reset();
      slot.fail_flush.reset();
      slot.on_flush = nullptr;
    }
    device_.boot.fail_write_after.reset();
    product_.repository.restore_all();
    product_.repository.fail_all(std::nullopt);
  }

  std::string payload() {
    std::vector<std::string> paths;
    for (const auto& [path, file] : product_.repository.files()) {
      if (path.ends_with(".full") || path.ends_with(".delta") || path.ends_with(".blocks")) paths.push_back(path);
    }
    return paths[below(paths.size())];
  }

  // What comes after a cycle: the power was off, a reboot was asked for or is owed to the trial, or the daemon goes on.
  void end_of_cycle(const Result<client::CycleOutcome>& outcome, bool was_cut) {
    const bool cut = was_cut && device_.power.is_off();
    device_.power.restore();
    const bool on_trial = device_.boot.record.of(device_.boot.now_running.running).state == SlotState::kTrial;
    const bool wanted = outcome ? outcome->reboot_wanted : on_trial;
    if (cut || wanted || below(4) == 0) {
      leave_unflushed(cut || below(2) == 0);
      boot();
    } else {
      device_.restart();
    }
    check_floors();
  }

  // What was not flushed is there after an orderly reboot; after a cut, any part of it.
  void leave_unflushed(bool was_cut) {
    const std::size_t model = was_cut ? below(4) : 1;
    if (model >= 2) device_.slots.lose_some_of_cache(static_cast<std::uint32_t>(chance_()), model == 2 ? 512 : 4096);
    for (const SlotGroup group : {SlotGroup::kA, SlotGroup::kB}) {
      InMemorySlots::Medium& slot = device_.slots.medium(group, "rootfs");
      if (model == 1 && !slot.lost) slot.durable = slot.cached;
      slot.lost = false;
    }
  }

  void boot() {
    const auto booted = device_.boot.boot();
    ASSERT_TRUE(booted) << "UNBOOTABLE: no group may boot";
    bool whole = false;
    for (const Bytes& image : product_.images) whole = whole || device_.slot_holds(*booted, image);
    ASSERT_TRUE(whole) << "group " << to_string(*booted) << " was started and holds no whole image";
    device_.power.restore();
    device_.slots.lose_cache();
    device_.restart();
  }

  void check_floors() {
    if (testing::Test::HasFailure()) return;
    const client::Floors now = device_.floors();
    EXPECT_TRUE(not_lower(floors_.versions, now.versions)) << "a version's floor fell";
    EXPECT_GE(now.sequence.channel_serial, floors_.sequence.channel_serial);
    EXPECT_GE(now.sequence.confirmed, floors_.sequence.confirmed);
    EXPECT_GE(now.sequence.signed_floor, floors_.sequence.signed_floor);
    std::int64_t good = 0;
    for (const SlotGroup group : {SlotGroup::kA, SlotGroup::kB}) {
      if (device_.boot.record.of(group).state != SlotState::kGood) continue;
      for (std::size_t i = 0; i < product_.images.size(); ++i) {
        if (device_.slot_holds(group, product_.images[i])) good = std::max(good, static_cast<std::int64_t>(i) + 1);
      }
    }
    EXPECT_LE(now.sequence.confirmed ? now.sequence.confirmed->value() : 0, good) << "a floor above what is confirmed";
    floors_ = now;
  }

  // Nothing fails any more, but for sectors that are bad already: the device goes on by itself until it has nothing to do.
  void settle(std::vector<client::Fetcher*> sources) {
    if (testing::Test::HasFailure()) return;
    device_.sources = std::move(sources);
    device_.restart();
    std::string last;
    for (int cycles = 0, boots = 0; cycles < 2 * kMostBoots && boots < kMostBoots; ++cycles) {
      if (testing::Test::HasFailure()) return;
      const auto outcome = cycle();
      if (outcome && !outcome->reboot_wanted) {
        last_reason_ = device_.updater().check()->decision.reason;
        return check_floors();
      }
      last = outcome ? outcome->summary : outcome.error().message;
      const bool on_trial = device_.boot.record.of(device_.boot.now_running.running).state == SlotState::kTrial;
      if (!outcome && !on_trial) continue;
      leave_unflushed(false);
      boot();
      check_floors();
      ++boots;
    }
    ADD_FAILURE() << "needs a person: " << last;
  }

  bool runs(std::size_t image) {
    const SlotGroup running = device_.boot.now_running.running;
    return device_.slot_holds(running, product_.images[image]) &&
           device_.boot.record.of(running).state == SlotState::kGood;
  }

  Product& product_;
  std::mt19937 chance_;
  std::map<Fault, int>& met_;
  SimulatedDevice device_;
  bool is_unfit_ = below(kOneInUnfit) == 0;
  client::Floors floors_;
  std::string last_reason_;
};

// Book: DEV-01, DEV-20, DEV-24, DEV-25
TEST(UpdatesWithRandomFaults, EndWithTheNewestReleaseOrGiveItUpForTheNextOne) {
  const std::uint32_t updates = number_from("TENON_UPDATES", kUpdates);
  const std::uint32_t seed = number_from("TENON_SEED", 1);
  std::array<Product, 3> products = {Product(0), Product(1), Product(2)};
  std::map<Fault, int> met;
  int given_up = 0;
  for (std::uint32_t update = 0; update < updates && !HasFailure(); ++update) {
    SCOPED_TRACE(testing::Message() << "TENON_SEED=" << seed << ", update " << update);
    std::seed_seq chance{seed, update};
    given_up += FaultyUpdate(products[update % products.size()], std::mt19937(chance), met).run() ? 1 : 0;
  }
  std::cout << updates << " updates from seed " << seed << ", " << given_up << " given up for the next release";
  for (const auto& [fault, times] : met) {
    std::cout << ", " << times << " " << to_string(fault);
    EXPECT_TRUE(times > 0 || updates < 100);
  }
  std::cout << "\n";
}

}  // namespace
}  // namespace tenon::tests
