// Updates by local content: blocks that the slot that runs holds, and the frames of the others.
#include <tenon/client/payload/block_decoder.h>

#include <tests/client/update_by_payload.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;

constexpr std::size_t kBlock = client::kLocalBlockBytes;

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
  EXPECT_LE(fetched(".blocks"), planned + 3 * 4096) << "but for what lies between";
  // The first block, two new ones, and the one at the end, which is no whole block; where they are, and their groups' records.
  EXPECT_LT(fetched(".blocks"), 9 * kBlock);
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
  EXPECT_LE(requests_for(".blocks").size(), 3U);
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
  EXPECT_FALSE(requests_for(".blocks").empty());
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
  ASSERT_EQ(client::short_hash(one), client::short_hash(other));
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
  const Bytes good = served(".blocks");
  repository.hide(path_ending(".full"));
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 397) {
    SCOPED_TRACE(at);
    Bytes tampered = good;
    tampered[at] ^= 0x10;
    repository.replace(path_ending(".blocks"), tampered);
    run_base();
    if (install() == "accepted") {
      EXPECT_TRUE(holds_image()) << "that byte was not asked for";
      continue;
    }
    ++refused;
    expect_signed_or_untouched();
    EXPECT_EQ(device->boot.record.of(SlotGroup::kB).state, client::SlotState::kEmpty);
  }
  EXPECT_GE(refused, 3U);
}

TEST_F(UpdateByLocalContent, GivesWayToTheFullPayloadWhateverIsWrongWithIt) {
  const std::string frames = path_ending(".blocks");
  const std::string index = path_ending(".index");
  for (const std::string& path : {frames, index}) {
    for (const Bytes& sent : {Bytes(), Bytes(served(".blocks").size(), 7), served(".full")}) {
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
      if (!request.path.ends_with(".blocks")) return;
      if (fails) medium(SlotGroup::kA).unreadable_from = 100'000;
      if (!fails) medium(SlotGroup::kA).cached[100'000] ^= 1;
    };
    ASSERT_EQ(install(), "accepted");
    EXPECT_TRUE(holds_image());
    repository.before_request = {};
  }
}

// A bundle has neither index nor blocks.
TEST_F(UpdateByLocalContent, WhoseFilesAreMissingIsNotWaitedFor) {
  device->device.attempts = 5;
  device->restart();
  repository.hide(path_ending(".index"));
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(device->clock.waits.empty());
}

// Equal groups by the thousand, here and there.
TEST(LocalContentOfASlot, IsFoundInTimeThatGrowsWithItsSize) {
  const Bytes block(kBlock, 0x02);  // its hash ends a group
  ASSERT_EQ(client::short_hash(block) % 16, 0U);
  std::vector<std::uint64_t> hashes(40'000, client::short_hash(block));
  client::LocalIndex index{.image_size = hashes.size() * kBlock, .groups = client::groups_of(hashes)};
  ASSERT_EQ(index.groups.size(), hashes.size());
  index.offsets.assign(index.groups.size() + 1, index.record_offsets().back());
  const auto read = [](std::uint64_t, std::span<std::uint8_t> into) -> Result<void> {
    std::ranges::fill(into, std::uint8_t{0x02});
    return {};
  };
  const auto content = client::LocalContent::look(index, hashes.size() * kBlock, read, [](std::uint64_t) {});
  EXPECT_EQ(content.missing_blocks(), 0U);
}

TEST(BlockFrame, IsOneFrameAndNothingBehindIt) {
  client::BlockDecoder decoder;
  Bytes into(3);
  const Bytes raw = {0x19, 0x00, 0x00, 'a', 'b', 'c'};  // a last block, raw, of 3 bytes: RFC 8878 3.1.1.2
  EXPECT_EQ(code_of(decoder.decode(raw, {}, into)), "accepted");
  EXPECT_EQ(as_text(into), "abc");
  Bytes two = raw;
  const Bytes skippable = {0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0};
  two.insert(two.end(), skippable.begin(), skippable.end());
  EXPECT_EQ(code_of(decoder.decode(two, {}, into)), "E_PARSE");
  EXPECT_EQ(code_of(decoder.decode({}, {}, into)), "E_PARSE");
}

// Book: DELTA-10
TEST_F(UpdateByLocalContent, IsPassedOverWhereMemoryIsShort) {
  device->device.payload_memory = 1u << 20;
  device->restart();
  EXPECT_NE(passed_over("rootfs.blocks").find("1048576 are allowed"), std::string::npos);
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(requests_for(".index").empty());
}

// Book: DELTA-06
TEST_F(UpdateByLocalContent, LeavesABootableUpdatableDeviceWhereverThePowerIsCut) {
  expect_to_converge_wherever_it_is_cut();
}

TEST(LocalIndexFile, IsReadBackAsItWasWritten) {
  for (const std::size_t size :
       {std::size_t{1}, kBlock - 1, kBlock, 4 * kBlock, 4 * kBlock + 1, std::size_t{700'000}}) {
    Bytes content = random_image(size, 4);
    if (size > 70'000) std::fill_n(content.begin() + 20'000, 40'000, std::uint8_t{0});
    const LocalPayload payload = local_payload_of(content);
    const Result<client::LocalIndex> index = client::LocalIndex::read(payload.index, size);
    ASSERT_TRUE(index) << index.error().message;
    EXPECT_EQ(index->offsets.back(), payload.blocks.size());
    EXPECT_EQ(index->to_bytes(), payload.index);
  }
}

TEST(LocalIndexFile, IsRefusedWhenItIsCutChangedOrOfAnotherImage) {
  const Bytes good = local_payload_of(random_image(150'000, 4)).index;
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_FALSE(client::LocalIndex::read(ByteView(good).first(length), 150'000)) << length;
  }
  for (const std::uint64_t size : {1u, 149'999u, 150'001u, 200'000u}) {
    EXPECT_FALSE(client::LocalIndex::read(good, size)) << size;
  }
  Bytes newer = good;
  newer[7] = 2;
  EXPECT_EQ(code_of(client::LocalIndex::read(newer, 150'000)), "E_PARSE");
  Bytes bomb = good;
  bomb[10] = 0xFF;
  EXPECT_EQ(code_of(client::LocalIndex::read(bomb, 150'000)), "E_LIMIT");
}

// Groups are cut by content alone: what lies before them does not matter.
TEST(BlockGroups, AreCutAlikeWhereverTheirBlocksLie) {
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t i = 0; i < 500; ++i) hashes.push_back(1 + i * 0x9E3779B1 % 0xFFFFFFFF);
  hashes[100] = client::kHashOfZeros;
  const auto groups = client::groups_of(hashes);
  ASSERT_GT(groups.size(), 10U);
  std::uint64_t next = 0;
  for (const client::BlockGroup& group : groups) {
    EXPECT_TRUE(group.first == next || (group.first == 101 && next == 100));
    EXPECT_LE(group.count, 64U);
    next = group.first + group.count;
  }
  EXPECT_EQ(next, 500U);
  hashes.insert(hashes.begin(), 7, 0x123457);
  const auto moved = client::groups_of(hashes);
  for (std::size_t i = 1; i < groups.size(); ++i) {
    const client::BlockGroup there{groups[i].first + 7, groups[i].count, groups[i].hash};
    EXPECT_NE(std::ranges::find(moved, there), moved.end()) << i;
  }
}

}  // namespace
}  // namespace tenon::tests
