// Updates by local content: blocks that the slot that runs holds, and the frames of the others.
#include <tests/client/update_by_payload.h>

namespace tenon::tests {
namespace {

using client::LocalIndex;
using client::SlotGroup;

constexpr std::size_t kBlock = LocalIndex::kBlockBytes;

// Blocks move, a few are new, some are zeros.
Bytes with_moved_blocks(ByteView image) {
  Bytes next(image.begin(), image.end());
  const std::string name = "1.1.0 2";
  std::copy_n(name.c_str(), name.size() + 1, next.begin());
  std::rotate(next.begin() + 5 * kBlock, next.begin() + 9 * kBlock, next.begin() + 60 * kBlock);
  std::fill_n(next.begin() + 70 * kBlock, 9 * kBlock, std::uint8_t{0});
  std::ranges::copy(random_image(2 * kBlock, 8), next.begin() + 40 * kBlock);
  return next;
}

class UpdateByLocalContent : public UpdateByPayload {
 protected:
  UpdateByLocalContent() {
    image = with_moved_blocks(base);
    publish({.version = "1.1.0", .sequence = 2, .image = image, .local = local_payload_of(image)});
    run_base();
  }

  std::uint64_t fetched(const std::string& end) const {
    std::uint64_t bytes = 0;
    for (const client::FetchRequest& request : requests_for(end)) bytes += request.max_length;
    return bytes;
  }
};

TEST_F(UpdateByLocalContent, FetchesTheBlocksAloneThatTheSlotThatRunsDoesNotHold) {
  const auto plan = device->updater().plan();
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->images.front().plan.payloads.front().payload.kind, "local");
  const std::uint64_t planned = plan->images.front().plan.payloads.front().fetch_bytes;
  EXPECT_EQ(medium(SlotGroup::kB).writes, 0U);
  repository.forget_requests();
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(requests_for(".full").empty());
  EXPECT_EQ(fetched(".frames"), planned);
  // The first block, two new ones, and the one at the end, which is no whole block; each with its neighbours in a frame.
  EXPECT_LT(planned, 5 * LocalIndex::kFrameBytes);
  EXPECT_EQ(medium(SlotGroup::kA).writes, 0U);
}

TEST_F(UpdateByLocalContent, FetchesAllFramesInFewRunsWhenNothingIsThere) {
  device->slots.fill(SlotGroup::kA, "rootfs", random_image(base.size(), 77));
  publish({.version = "1.2.0", .sequence = 3, .image = image, .local = local_payload_of(image)});
  repository.hide(path_ending(".full", "1.2.0"));
  device->has_release_file = false;
  device->restart();
  repository.forget_requests();
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_LE(requests_for(".frames").size(), 3U);
}

TEST_F(UpdateByLocalContent, IsNotLookedForWhereThereIsADelta) {
  publish({.version = "1.2.0",
           .sequence = 3,
           .image = image,
           .deltas = {delta_between(base, image, kTestSegmentBytes)},
           .local = local_payload_of(image)});
  repository.forget_requests();
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(requests_for(".index").empty());
}

TEST_F(UpdateByLocalContent, MakesUpForADeltaThatFails) {
  publish({.version = "1.2.0",
           .sequence = 3,
           .image = image,
           .deltas = {delta_between(base, image, kTestSegmentBytes)},
           .local = local_payload_of(image)});
  repository.replace(path_ending(".delta", "1.2.0"), Bytes(100, 1));
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(requests_for(".full").empty());
  EXPECT_FALSE(requests_for(".frames").empty());
}

// Two blocks of which the first 48 bits of SHA-256 are the same: the slot holds the one, the image the other.
// Book: DELTA-08
TEST_F(UpdateByLocalContent, OfBlocksWhoseShortHashesCollideIsRefusedBySha256) {
  const auto block = [](std::uint32_t number) {
    Bytes bytes(kBlock, 0x5A);
    for (std::size_t i = 0; i < 8; ++i) bytes[kBlock - 8 + i] = static_cast<std::uint8_t>(i < 4 ? number >> 8 * i : 0);
    return bytes;
  };
  const Bytes one = block(4'800'319);
  const Bytes other = block(23'152'212);
  ASSERT_EQ(LocalIndex::hash_of(one), LocalIndex::hash_of(other));
  ASSERT_NE(Sha256::of(one), Sha256::of(other));
  Bytes third = image;
  std::ranges::copy(one, third.begin() + 64 * kBlock);
  std::ranges::copy(other, medium(SlotGroup::kA).cached.begin() + 3 * kBlock);
  publish({.version = "1.2.0", .sequence = 3, .image = third, .local = local_payload_of(third)});
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(device->slot_holds(SlotGroup::kB, third));
  ASSERT_EQ(device->reporter.warnings.size(), 1U);
  EXPECT_FALSE(requests_for(".full").empty());
}

// Book: TGT-08
TEST_F(UpdateByLocalContent, WritesNothingOfTamperedFrames) {
  const Bytes good = served(".frames");
  repository.hide(path_ending(".full"));
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 61) {
    SCOPED_TRACE(at);
    Bytes tampered = good;
    tampered[at] ^= 0x10;
    repository.replace(path_ending(".frames"), tampered);
    run_base();
    if (install() == "accepted") {
      EXPECT_TRUE(holds_image()) << "that byte was not asked for";
      continue;
    }
    ++refused;
    EXPECT_EQ(device->boot.record.of(SlotGroup::kB).state, client::SlotState::kEmpty);
  }
  EXPECT_GE(refused, 3U);
}

TEST_F(UpdateByLocalContent, GivesWayToTheFullPayloadWhateverIsWrongWithIt) {
  const std::string frames = path_ending(".frames");
  const std::string index = path_ending(".index");
  for (const std::string& path : {frames, index}) {
    for (const Bytes& sent : {Bytes(), Bytes(served(".frames").size(), 7), served(".full")}) {
      repository.restore_all();
      repository.replace(path, sent);
      run_base();
      ASSERT_EQ(install(), "accepted");
      EXPECT_TRUE(holds_image());
    }
    repository.restore_all();
    repository.hide(path);
    run_base();
    ASSERT_EQ(install(), "accepted");
    EXPECT_TRUE(holds_image());
  }
}

TEST_F(UpdateByLocalContent, GoesOnWhenTheSlotChangesOrFailsAfterItWasLookedAt) {
  for (const bool fails : {true, false}) {
    run_base();
    repository.before_request = [&](const client::FetchRequest& request) {
      if (!request.path.ends_with(".frames")) return;
      if (fails) medium(SlotGroup::kA).unreadable_from = 100'000;
      if (!fails) medium(SlotGroup::kA).cached[100'000] ^= 1;
    };
    ASSERT_EQ(install(), "accepted");
    EXPECT_TRUE(holds_image());
    repository.before_request = {};
  }
}

// Book: DELTA-10
TEST_F(UpdateByLocalContent, IsPassedOverWhereMemoryIsShort) {
  device->device.payload_memory = 1u << 20;
  device->restart();
  EXPECT_NE(passed_over("rootfs.frames").find("1048576 are allowed"), std::string::npos);
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(requests_for(".index").empty());
}

// Book: DELTA-06
TEST_F(UpdateByLocalContent, LeavesABootableUpdatableDeviceWhereverThePowerIsCut) {
  bool ran_through = false;
  for (std::uint32_t cut = 0; cut < 200 && !ran_through; ++cut) {
    for (std::uint32_t model = 0; model < kCutModels; ++model) {
      SCOPED_TRACE(testing::Message() << "cut after write " << cut << ", model " << model);
      run_base();
      device->power.cut_after(cut);
      ran_through = device->updater().install().has_value();
      leave_unflushed(*device, model, cut);
      ASSERT_TRUE(converges(*device));
      EXPECT_TRUE(holds_image());
    }
  }
  EXPECT_TRUE(ran_through);
}

TEST(LocalIndexFile, IsReadBackAsItWasWritten) {
  for (const std::size_t size : {std::size_t{1}, kBlock - 1, kBlock, 4 * kBlock, 4 * kBlock + 1, 100'000ul}) {
    Bytes content = random_image(size, 4);
    if (size > 70'000) std::fill_n(content.begin() + 20'000, 40'000, std::uint8_t{0});
    const LocalPayload payload = local_payload_of(content);
    const Result<LocalIndex> index = LocalIndex::read(payload.index, size);
    ASSERT_TRUE(index) << index.error().message;
    EXPECT_EQ(index->hashes.size(), (size + kBlock - 1) / kBlock);
    EXPECT_EQ(index->offsets.back(), payload.frames.size());
    EXPECT_EQ(index->to_bytes(size), payload.index);
  }
}

TEST(LocalIndexFile, IsRefusedWhenItIsCutChangedOrOfAnotherImage) {
  const Bytes good = local_payload_of(random_image(50'000, 4)).index;
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(LocalIndex::read(ByteView(good).first(length), 50'000)) << length;
  }
  for (const std::uint64_t size : {1u, 49'999u, 50'001u, 70'000u}) {
    EXPECT_FALSE(LocalIndex::read(good, size)) << size;
  }
  Bytes newer = good;
  newer[7] = 2;
  EXPECT_EQ(code_of(LocalIndex::read(newer, 50'000)), "E_PARSE");
  Bytes bomb = good;
  bomb[10] = 0xFF;
  EXPECT_EQ(code_of(LocalIndex::read(bomb, 50'000)), "E_LIMIT");
}

}  // namespace
}  // namespace tenon::tests
