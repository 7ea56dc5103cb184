// ImageInstaller: what reaches a slot, what does not, and what is left of it after a cut or a fault at any write.
#include <tenon/client/updater/image_installer.h>

#include <algorithm>
#include <set>

#include <gtest/gtest.h>
#include <tests/support/fake_clock.h>
#include <tests/support/in_memory_slots.h>
#include <tests/support/product_repository.h>
#include <tests/support/recording_reporter.h>
#include <tests/support/zstd_payload.h>

namespace tenon::tests {
namespace {

using client::ImageInstaller;
using client::SegmentHandler;
using client::SegmentList;
using client::SegmentSource;
using client::SlotGroup;

constexpr std::size_t kSegment = 64u << 10;
constexpr std::uint64_t kSecondsOfAnInterval = 10;

// An image, the slot it goes to, and the one record that outlives a cut.
class Installation {
 public:
  explicit Installation(Bytes an_image, std::size_t slot_size = 0)
      : image(std::move(an_image)), list(segment_list(image, kSegment)), described(describe()) {
    slots.add("rootfs", std::max(slot_size, image.size()));
    medium().cached = random_image(medium().cached.size(), 4711);  // what an update finds
    medium().durable = medium().cached;
    before = medium().cached;
  }

  InMemorySlots::Medium& medium() { return slots.medium(SlotGroup::kB, "rootfs"); }
  std::uint64_t count() const { return described.segment_count(); }
  ByteView segment(std::uint64_t index) const {
    return ByteView(image).subspan(index * kSegment, described.segment_length(index));
  }

  // The segments as they are, one each `seconds`.
  SegmentSource honest(std::int64_t seconds = 0) {
    return [this, seconds](std::uint64_t first, const SegmentHandler& take) -> Result<void> {
      asked_from = first;
      for (std::uint64_t index = first; index < count(); ++index) {
        clock.advance_seconds(seconds);
        TENON_TRY_VOID(take(segment(index)));
      }
      return {};
    };
  }

  // One run of a process: what is missing, from these sources one after the other, and the read-back.
  Result<void> run(const std::vector<SegmentSource>& sources) {
    const SegmentList segments = *SegmentList::read(list, described);
    const auto slot = *slots.open_for_writing(SlotGroup::kB, "rootfs", SlotGroup::kA);
    ImageInstaller installer(described, segments, *slot, clock, reporter, [this](std::uint64_t number) -> Result<void> {
      TENON_TRY_VOID(power.spend(ErrorCode::kStorage));
      checkpoint = number;
      checkpoints.push_back(number);
      return {};
    });
    TENON_TRY_VOID(installer.resume(checkpoint));
    Result<void> last;
    for (const SegmentSource& source : sources) {
      if (installer.is_complete()) break;
      last = installer.write(source);
      if (!last && last.error().code == ErrorCode::kStorage) return last;
    }
    if (!installer.is_complete()) return last;
    return installer.read_back();
  }
  Result<void> run() { return run({honest()}); }

  bool holds_image() {
    return std::ranges::equal(image, ByteView(medium().durable).first(image.size())) &&
           std::ranges::equal(ByteView(before).subspan(image.size()), ByteView(medium().durable).subspan(image.size()));
  }

  Bytes image;
  Bytes list;
  policies::Image described;
  Bytes before;
  Power power;
  InMemorySlots slots{power};
  FakeClock clock;
  RecordingReporter reporter;
  std::uint64_t checkpoint = 0;
  std::vector<std::uint64_t> checkpoints;
  std::uint64_t asked_from = 0;

 private:
  policies::Image describe() const {
    return {label("rootfs"),          image.size(), Sha256::of(image), kSegment,
            label("rootfs.segments"), list.size(),  Sha256::of(list),  {}};
  }
};

std::string code_of(const Result<void>& result) {
  return result ? "accepted" : std::string(to_string(result.error().code));
}

// 30 segments and a short one: 3 to 7 and the last are zeros.
Bytes some_image() {
  Bytes image = random_image(30 * kSegment + 777, 1);
  std::fill_n(image.begin() + 3 * kSegment, 5 * kSegment, std::uint8_t{0});
  std::fill_n(image.begin() + 30 * kSegment, 777, std::uint8_t{0});
  return image;
}

TEST(ImageInstaller, WritesEverySegmentOnceAndPunchesThoseOfZeros) {
  Installation device(some_image(), 40 * kSegment);
  ASSERT_EQ(code_of(device.run()), "accepted");
  EXPECT_TRUE(device.holds_image());
  EXPECT_EQ(device.medium().bytes_written, 25 * kSegment);
  EXPECT_EQ(device.medium().bytes_punched, 5 * kSegment + 777);
}

TEST(ImageInstaller, WritesZerosOnceWhereTheSlotCannotPunch) {
  Installation device(some_image(), 40 * kSegment);
  device.medium().punches = false;
  ASSERT_EQ(code_of(device.run()), "accepted");
  EXPECT_TRUE(device.holds_image());
  EXPECT_EQ(device.medium().bytes_written, device.image.size());
}

TEST(ImageInstaller, DoesNotWriteWhatTheSlotHoldsAnywhere) {
  Installation device(some_image());
  const std::set<std::uint64_t> missing = {0, 4, 17, 29};
  for (std::uint64_t index = 0; index < device.count(); ++index) {
    if (!missing.contains(index)) {
      std::ranges::copy(device.segment(index),
                        device.medium().cached.begin() + static_cast<std::ptrdiff_t>(index * kSegment));
    }
  }
  device.medium().durable = device.medium().cached;
  ASSERT_EQ(code_of(device.run()), "accepted");
  EXPECT_TRUE(device.holds_image());
  EXPECT_EQ(device.medium().bytes_written, 3 * kSegment);
  EXPECT_EQ(device.medium().bytes_punched, kSegment);
}

TEST(ImageInstaller, AsksForNothingWhenTheSlotHoldsTheImage) {
  Installation device(some_image());
  std::ranges::copy(device.image, device.medium().cached.begin());
  device.medium().durable = device.medium().cached;
  ASSERT_EQ(code_of(device.run({})), "accepted");
  EXPECT_EQ(device.medium().bytes_written + device.medium().bytes_punched, 0U);
  EXPECT_EQ(device.checkpoint, device.count());
}

// Book: DEV-03
TEST(ImageInstaller, FillsTheLastBytesOfAnImageOfAnySize) {
  for (const std::size_t block : {std::size_t{512}, std::size_t{4096}, std::size_t{128u << 10}}) {
    for (const std::size_t size : {3 * block, 3 * block + 1, 4 * block - 1}) {
      SCOPED_TRACE(size);
      Installation device(random_image(size, 2), size + 4096);
      ASSERT_EQ(code_of(device.run()), "accepted");
      EXPECT_TRUE(device.holds_image());
    }
  }
}

TEST(ImageInstaller, MakesACheckpointEverySixteenMebibytes) {
  Installation device(random_image(40u << 20, 3));
  ASSERT_EQ(code_of(device.run()), "accepted");
  EXPECT_EQ(device.checkpoints, (std::vector<std::uint64_t>{256, 512, 640}));
}

TEST(ImageInstaller, MakesACheckpointEveryTenSecondsOnASlowLink) {
  Installation device(some_image());
  ASSERT_EQ(code_of(device.run({device.honest(4)})), "accepted");
  EXPECT_EQ(device.checkpoints.front(), 3U);
  EXPECT_GE(device.checkpoints.size(), 10U);
}

// A cut after each write, of which nothing, all, or any part of what was not flushed survives.
// Book: DEV-01, DEV-10
TEST(ImageInstaller, LosesAtMostOneIntervalWhereverThePowerIsCut) {
  bool ran_through = false;
  for (std::size_t cut = 0; !ran_through; ++cut) {
    for (std::uint32_t model = 0; model < 4; ++model) {
      SCOPED_TRACE(testing::Message() << "cut after write " << cut << ", model " << model);
      Installation device(some_image(), 33 * kSegment);
      device.power.cut_after(cut);
      const Result<void> first = device.run({device.honest(1)});
      ran_through = first.has_value();
      std::uint64_t reached = 0;
      for (const auto& progress : device.reporter.steps) {
        if (progress.step == "write") reached = progress.done / kSegment;
      }
      device.power.restore();
      if (model == 0) device.slots.lose_cache();
      if (model == 1) device.medium().durable = device.medium().cached;  // a process was killed
      if (model == 2) device.slots.lose_some_of_cache(static_cast<std::uint32_t>(cut), 512);
      if (model == 3) device.slots.lose_some_of_cache(static_cast<std::uint32_t>(cut), 4096);
      device.asked_from = device.count();
      ASSERT_EQ(code_of(device.run()), "accepted");
      EXPECT_TRUE(device.holds_image());
      EXPECT_GE(device.asked_from + kSecondsOfAnInterval, reached);
    }
  }
}

// Book: DEV-10
TEST(ImageInstaller, FinishesUnderABrownOutThatLeavesTimeForOneIntervalAtATime) {
  for (const std::size_t writes : {14, 20, 27}) {
    SCOPED_TRACE(writes);
    Installation device(some_image());
    int runs = 0;
    for (bool done = false; !done; ++runs) {
      ASSERT_LT(runs, 20) << "no progress";
      device.power.cut_after(writes);
      done = device.run({device.honest(1)}).has_value();
      device.power.restore();
      device.slots.lose_cache();
    }
    EXPECT_GT(runs, 1);
    EXPECT_TRUE(device.holds_image());
    EXPECT_LT(device.medium().bytes_written + device.medium().bytes_punched, 3 * device.image.size());
  }
}

// Linux: what a failed flush was about is gone, the cache still shows it, and the next flush succeeds.
// Book: DEV-07
TEST(ImageInstaller, DoesNotBelieveAFlushThatSucceedsAfterOneThatFailed) {
  for (std::size_t flush = 1; flush <= 5; ++flush) {
    SCOPED_TRACE(flush);
    Installation device(some_image());
    device.medium().fail_flush = flush;
    EXPECT_EQ(code_of(device.run({device.honest(1)})), "E_STORAGE");
    EXPECT_EQ(device.medium().flushes, flush) << "it was only tried again";
    const std::uint64_t certain = device.checkpoint;
    const std::uint64_t expected = flush < 2 ? 0 : (flush - 2) * kSecondsOfAnInterval;
    EXPECT_EQ(certain, std::min(expected, device.count()));
    ASSERT_EQ(code_of(device.run()), "accepted");
    EXPECT_EQ(device.asked_from, certain);
    EXPECT_TRUE(device.holds_image());
  }
}

// Book: DEV-24
TEST(ImageInstaller, EndsAtASegmentThatTheMediumDoesNotTakeAndGoesOnThereLater) {
  for (const std::size_t good : {0, 1, 12, 23, 24}) {
    SCOPED_TRACE(good);
    Installation device(random_image(25 * kSegment, 5));
    device.medium().fail_write_after = good;
    EXPECT_EQ(code_of(device.run({device.honest(1), device.honest(1)})), "E_STORAGE");
    EXPECT_EQ(device.medium().writes, good);
    EXPECT_EQ(device.checkpoint, good / kSecondsOfAnInterval * kSecondsOfAnInterval);
    device.medium().fail_write_after.reset();
    ASSERT_EQ(code_of(device.run()), "accepted");
    EXPECT_TRUE(device.holds_image());
  }
}

// Book: DEV-25
TEST(ImageInstaller, FindsEverySegmentThatReadsBackOtherThanItWasWritten) {
  for (std::uint64_t index = 0; index < 31; ++index) {
    SCOPED_TRACE(index);
    Installation device(some_image());
    device.medium().on_flush = [&] { device.medium().cached[index * kSegment + 7] ^= 0x20; };
    EXPECT_EQ(code_of(device.run()), "E_STORAGE");
    EXPECT_EQ(device.checkpoint, index);
  }
}

TEST(ImageInstaller, SetsTheCheckpointBackToTheFirstOfSeveralWrongSegments) {
  for (int round = 0; round < 20; ++round) {
    Installation device(some_image());
    device.medium().on_flush = [&] {
      for (const std::size_t index : {9U, 10U, 11U, 25U}) device.medium().cached[index * kSegment] ^= 1;
    };
    EXPECT_EQ(code_of(device.run()), "E_STORAGE");
    EXPECT_EQ(device.checkpoint, 9U);
  }
}

// Book: DEV-23
TEST(ImageInstaller, WritesOverASectorThatCannotBeRead) {
  for (const std::uint64_t bad :
       {std::uint64_t{0}, std::uint64_t{11 * kSegment + 5}, std::uint64_t{30 * kSegment + 5}}) {
    Installation device(random_image(30 * kSegment + 777, 1));
    std::ranges::copy(device.image, device.medium().cached.begin());  // all is there, and one sector fails
    device.medium().durable = device.medium().cached;
    device.medium().bad_byte = bad;
    ASSERT_EQ(code_of(device.run()), "accepted");
    EXPECT_FALSE(device.medium().bad_byte);
    EXPECT_TRUE(device.holds_image());
  }
}

TEST(ImageInstaller, RefusesASlotThatCannotBeReadBack) {
  Installation device(some_image());
  device.medium().unreadable_from = 20 * kSegment;
  EXPECT_EQ(code_of(device.run()), "E_STORAGE");
  EXPECT_EQ(device.checkpoint, 20U);
}

// Book: LOC-01
TEST(ImageInstaller, WritesNothingOfAWrongSegmentNorOfThoseAfterIt) {
  for (std::uint64_t wrong = 0; wrong < 31; ++wrong) {
    SCOPED_TRACE(wrong);
    Installation device(random_image(30 * kSegment + 777, 6));
    const SegmentSource liar = [&](std::uint64_t first, const SegmentHandler& take) -> Result<void> {
      for (std::uint64_t index = first; index < device.count(); ++index) {
        const ByteView right = device.segment(index);
        Bytes segment(right.begin(), right.end());
        if (index == wrong) segment.back() ^= 1;
        TENON_TRY_VOID(take(segment));
      }
      return {};
    };
    EXPECT_EQ(code_of(device.run({liar})), "E_MISMATCH");
    EXPECT_EQ(device.checkpoint, wrong);
    EXPECT_TRUE(std::ranges::equal(ByteView(device.before).subspan(wrong * kSegment),
                                   ByteView(device.medium().cached).subspan(wrong * kSegment)));
    ASSERT_EQ(code_of(device.run({liar, device.honest()})), "accepted");
    EXPECT_EQ(device.asked_from, wrong);
    EXPECT_TRUE(device.holds_image());
    EXPECT_EQ(device.medium().bytes_written, device.image.size());
  }
}

// What a decoder with a fault, or one that was lied to, may hand out.
TEST(ImageInstaller, RefusesSegmentsThatAreNoneOfTheImage) {
  for (const std::size_t size : {std::size_t{0}, std::size_t{1}, kSegment - 1, kSegment + 1, 2 * kSegment}) {
    SCOPED_TRACE(size);
    Installation device(some_image(), 40 * kSegment);
    const SegmentSource wrong = [&](std::uint64_t, const SegmentHandler& take) { return take(Bytes(size)); };
    EXPECT_EQ(code_of(device.run({wrong})), "E_MISMATCH");
    EXPECT_EQ(device.medium().cached, device.before);
  }
  Installation device(some_image(), 40 * kSegment);
  const SegmentSource longer = [&](std::uint64_t first, const SegmentHandler& take) -> Result<void> {
    TENON_TRY_VOID(device.honest()(first, take));
    return take(Bytes(kSegment));
  };
  EXPECT_EQ(code_of(device.run({longer})), "accepted") << "the image is whole, and what follows is nobody's";
  EXPECT_TRUE(device.holds_image());
}

TEST(ImageInstaller, KeepsWhatASourceBroughtBeforeItEnded) {
  Installation device(some_image());
  const SegmentSource shorter = [&](std::uint64_t, const SegmentHandler& take) { return take(device.segment(0)); };
  EXPECT_EQ(code_of(device.run({shorter})), "E_MISMATCH");
  EXPECT_EQ(device.checkpoint, 1U);
  const SegmentSource broken = [&](std::uint64_t first, const SegmentHandler& take) -> Result<void> {
    TENON_TRY_VOID(take(device.segment(first)));
    return Error{ErrorCode::kNet, "the link broke"};
  };
  EXPECT_EQ(code_of(device.run({broken})), "E_NET");
  EXPECT_EQ(device.checkpoint, 2U);
}

}  // namespace
}  // namespace tenon::tests
