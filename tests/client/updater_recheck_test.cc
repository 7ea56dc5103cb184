// What lies in a slot is looked at again before it is armed, whoever wrote it and however long ago.
#include <gtest/gtest.h>
#include <tests/support/simulated_device.h>
#include <tests/support/zstd_payload.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;
using client::SlotState;

class ASlotThatWasChanged : public testing::Test {
 protected:
  ASlotThatWasChanged() : image(publish_release(repository, "1.1.0", 2)), device(repository) {}

  void change_segment(std::size_t segment) {
    auto& medium = device.slots.medium(SlotGroup::kB, "rootfs");
    medium.cached[segment * kTestSegmentBytes + 17] ^= 1;
    medium.durable = medium.cached;
  }

  // The download stops after that many bytes of the payload, and the plug is pulled.
  void install_in_part(std::uint64_t bytes) {
    for (const auto& [path, content] : repository.files()) {
      if (path.ends_with(".full")) repository.cut_transfer(path, bytes);
    }
    EXPECT_EQ(code_of(device.updater().install()), "E_NET");
    repository.restore_all();
    ASSERT_EQ(device.power_on(), SlotGroup::kA);
    ASSERT_TRUE(device.updater().start());
  }

  void expect_nothing_armed() {
    EXPECT_NE(device.boot.record.of(SlotGroup::kB).state, SlotState::kTrial);
    EXPECT_EQ(device.boot.record.first, SlotGroup::kA);
  }

  // The next install finds the changed segment, the one after it writes it again.
  void expect_it_to_be_found_and_mended() {
    EXPECT_EQ(code_of(device.updater().install()), "E_STORAGE");
    expect_nothing_armed();
    const auto outcome = device.updater().install();
    ASSERT_TRUE(outcome) << outcome.error().message;
    EXPECT_TRUE(outcome->reboot_wanted);
    EXPECT_TRUE(device.slot_holds(SlotGroup::kB, image));
  }

  template <class T>
  static std::string code_of(const Result<T>& result) {
    return result ? "accepted" : std::string(to_string(result.error().code));
  }

  RepositorySimulator repository;
  Bytes image;
  SimulatedDevice device;
};

// Book: LOC-06
TEST_F(ASlotThatWasChanged, BetweenTwoPartsOfADownloadIsFoundAfterTheReboot) {
  install_in_part(3 * kTestSegmentBytes + 100);
  change_segment(0);
  expect_it_to_be_found_and_mended();
}

// Book: LOC-06
TEST_F(ASlotThatWasChanged, AfterAllWasWrittenAndBeforeItWasArmedIsFound) {
  SimulatedDevice other(repository);
  ASSERT_TRUE(other.updater().install());
  const std::size_t writes = other.power.writes();
  bool staged = false;
  for (std::size_t cut = writes; cut-- > 0 && !staged;) {
    SimulatedDevice one(repository);
    one.power.cut_after(cut);
    ASSERT_FALSE(one.updater().install());
    if (one.power_on() != SlotGroup::kA) continue;  // the cut came after it was armed
    ASSERT_TRUE(one.updater().start());
    if (one.updater().status()->journal.state != client::UpdateState::kStaged) continue;
    staged = true;
    auto& medium = one.slots.medium(SlotGroup::kB, "rootfs");
    medium.cached[4 * kTestSegmentBytes] ^= 0x80;
    EXPECT_EQ(code_of(one.updater().install()), "E_STORAGE");
    EXPECT_NE(one.boot.record.of(SlotGroup::kB).state, SlotState::kTrial);
    EXPECT_TRUE(one.updater().install());
    EXPECT_TRUE(one.slot_holds(SlotGroup::kB, image));
  }
  EXPECT_TRUE(staged);
}

// Book: LOC-06
TEST_F(ASlotThatWasChanged, InEverySegmentIsFoundWhicheverItIs) {
  for (std::size_t segment = 0; segment < 5; ++segment) {
    SCOPED_TRACE(segment);
    SimulatedDevice one(repository);
    auto& medium = one.slots.medium(SlotGroup::kB, "rootfs");
    const std::uint8_t wrong = image[segment * kTestSegmentBytes] ^ 1;
    medium.on_flush = [&] { medium.cached[segment * kTestSegmentBytes] = wrong; };
    EXPECT_EQ(code_of(one.updater().install()), "E_STORAGE");
    EXPECT_NE(one.boot.record.of(SlotGroup::kB).state, SlotState::kTrial);
  }
}

// Book: LOC-06, LOC-04
TEST_F(ASlotThatWasChanged, TogetherWithTheStoredMetadataIsFoundBySignedOnes) {
  install_in_part(3 * kTestSegmentBytes + 100);
  change_segment(1);
  for (auto& [name, content] : device.store.files) content[content.size() / 2] ^= 1;
  expect_it_to_be_found_and_mended();
}

// Book: LOC-06
TEST_F(ASlotThatWasChanged, ToAnotherReleaseThatIsSignedTooIsWrittenAgain) {
  const Bytes newer = publish_release(repository, "1.2.0", 3);
  install_in_part(3 * kTestSegmentBytes + 100);
  auto& medium = device.slots.medium(SlotGroup::kB, "rootfs");  // an old image that was once signed
  std::copy(image.begin(), image.end(), medium.cached.begin());
  medium.durable = medium.cached;
  EXPECT_EQ(code_of(device.updater().install()), "E_STORAGE");
  expect_nothing_armed();
  ASSERT_TRUE(device.updater().install());
  EXPECT_TRUE(device.slot_holds(SlotGroup::kB, newer));
}

}  // namespace
}  // namespace tenon::tests
