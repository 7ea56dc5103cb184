// Updates by deltas: when one is taken, what it must not do, and what happens in its place.
#include <tenon/client/daemon/plan_report.h>

#include <tests/client/update_by_payload.h>
#include <tests/support/json_edit.h>

namespace tenon::tests {
namespace {

using client::SlotGroup;

class UpdateByDelta : public UpdateByPayload {
 protected:
  UpdateByDelta() {
    offer("1.1.0", 2, image, {delta_between(base, image, kTestSegmentBytes)});
    run_base();
  }

  void offer(const std::string& version, std::int64_t sequence, const Bytes& content, std::vector<OfferedDelta> deltas,
             std::vector<std::string> withdrawn = {}) {
    publish({.version = version, .sequence = sequence, .image = content, .deltas = std::move(deltas)},
            std::move(withdrawn));
  }
};

TEST_F(UpdateByDelta, FetchesTheDeltaAloneWhenTheSlotThatRunsIsItsBase) {
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(requests_for(".full").empty());
  EXPECT_FALSE(requests_for(".delta").empty());
  EXPECT_LT(served(".delta").size(), image.size() / 20);
  EXPECT_EQ(medium(SlotGroup::kA).writes, 0U) << "the base is read only";
}

TEST_F(UpdateByDelta, FetchesItInPartsSoThatABrokenLinkLosesNoMore) {
  const Bytes news = random_image(20 * kTestSegmentBytes, 5);
  Bytes larger = news;
  std::ranges::copy(as_bytes("1.2.0 3"), larger.begin());
  offer("1.2.0", 3, larger, {delta_between(base, larger, kTestSegmentBytes)});
  SimulatedDevice large(repository, 21 * kTestSegmentBytes);
  large.slots.fill(SlotGroup::kA, "rootfs", base);
  large.restart();
  repository.forget_requests();
  ASSERT_TRUE(large.updater().install());
  std::uint64_t fetched = 0;
  for (const client::FetchRequest& request : repository.requests()) {
    if (!request.path.ends_with(".delta")) continue;
    EXPECT_TRUE(request.is_part);
    EXPECT_LE(request.max_length, 512U << 10);
    EXPECT_EQ(request.offset, fetched) << "no byte is fetched twice";
    fetched += request.max_length;
  }
  EXPECT_EQ(fetched, repository.served(path_ending(".delta", "1.2.0")).size());
  EXPECT_TRUE(large.slot_holds(SlotGroup::kB, larger));
}

// Book: DELTA-02
TEST_F(UpdateByDelta, TakesTheFullPayloadWhenTheBaseIsAnother) {
  medium(SlotGroup::kA).cached[300'000] ^= 1;
  EXPECT_EQ(passed_over("rootfs.0.delta"), "the slot that runs does not hold its base");
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(requests_for(".delta").empty());
}

// Book: DELTA-02
TEST_F(UpdateByDelta, TakesTheFullPayloadWhenTheBaseCannotBeReadOrIsCut) {
  medium(SlotGroup::kA).unreadable_from = 200'000;
  EXPECT_EQ(passed_over("rootfs.0.delta"), "the medium cannot be read there");
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(requests_for(".delta").empty());
}

// A file system that is mounted for writing changes whenever it likes.
// Book: DELTA-02
TEST_F(UpdateByDelta, TakesTheFullPayloadWhenTheBaseChangesWhileItIsRead) {
  for (const std::size_t at : {std::size_t{1}, std::size_t{131'072}, base.size() - 1}) {
    SCOPED_TRACE(at);
    SimulatedDevice one(repository);
    one.slots.fill(SlotGroup::kA, "rootfs", base);
    one.restart();
    repository.before_request = [&](const client::FetchRequest& request) {
      if (request.path.ends_with(".delta")) one.slots.medium(SlotGroup::kA, "rootfs").cached[at] ^= 0x55;
    };
    ASSERT_TRUE(one.updater().install());
    EXPECT_TRUE(one.slot_holds(SlotGroup::kB, image));
    EXPECT_EQ(one.reporter.warnings.size(), 1U);
    repository.before_request = {};
  }
}

// Book: DELTA-02
TEST_F(UpdateByDelta, TakesTheFullPayloadWhenTheBaseFailsWhileItIsRead) {
  repository.before_request = [&](const client::FetchRequest& request) {
    if (request.path.ends_with(".delta")) medium(SlotGroup::kA).unreadable_from = 250'000;
  };
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
}

// Whatever a mirror sends in place of the delta: the image is the signed one, and so is each segment that was written before.
// Book: DELTA-01
TEST_F(UpdateByDelta, WritesNothingOfATamperedDelta) {
  const Bytes good = served(".delta");
  repository.hide(path_ending(".full"));
  std::size_t refused = 0;
  for (std::size_t at = 0; at < good.size(); at += 1 + good.size() / 97) {
    SCOPED_TRACE(at);
    Bytes tampered = good;
    tampered[at] ^= 0x10;
    repository.replace(path_ending(".delta"), tampered);
    run_base();
    if (install() == "accepted") {  // a byte that tells people something, and the decoder nothing
      EXPECT_TRUE(holds_image());
      continue;
    }
    ++refused;
    expect_signed_or_untouched();
    EXPECT_EQ(device->boot.record.of(SlotGroup::kB).state, client::SlotState::kEmpty);
  }
  EXPECT_GE(refused, 80U);
}

// Book: DELTA-01
TEST_F(UpdateByDelta, EndsAsWellWithADamagedDeltaAsWithoutOne) {
  const Bytes good = served(".delta");
  const Bytes other = delta_between(image, base, kTestSegmentBytes).payload;
  const Bytes longer = delta_between(base, random_image(image.size() + 1, 3), kTestSegmentBytes).payload;
  for (const Bytes& sent : {Bytes(), Bytes(good.begin(), good.end() - 1), Bytes(good.size(), 0),
                            repository.served(path_ending(".full")), other, longer}) {
    SCOPED_TRACE(sent.size());
    repository.replace(path_ending(".delta"), sent);
    SimulatedDevice one(repository);
    one.slots.fill(SlotGroup::kA, "rootfs", base);
    one.restart();
    ASSERT_TRUE(one.updater().install());
    EXPECT_TRUE(one.slot_holds(SlotGroup::kB, image));
  }
}

// Nobody waits for a file that the next one makes up for.
TEST_F(UpdateByDelta, GoesOnWithTheFullPayloadAtOnceWhenTheDeltaIsMissing) {
  device->device.attempts = 5;
  device->restart();
  repository.hide(path_ending(".delta"));
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(device->clock.waits.empty());
}

// What comes again and again is no progress.
TEST_F(UpdateByDelta, IsGivenUpSoonWhenEverySourceBreaksItOffAtTheSameByte) {
  const Bytes news = random_image(30 * kTestSegmentBytes, 5);
  Bytes larger = news;
  std::ranges::copy(as_bytes(std::string_view("1.2.0 3", 8)), larger.begin());
  offer("1.2.0", 3, larger, {delta_between(base, larger, kTestSegmentBytes)});
  repository.cut_transfer(path_ending(".delta", "1.2.0"), 900'000);
  run_base(31 * kTestSegmentBytes);
  device->device.attempts = 4;
  device->restart();
  repository.forget_requests();
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(device->slot_holds(SlotGroup::kB, larger));
  EXPECT_LE(requests_for(".delta").size(), 8U);
  EXPECT_FALSE(requests_for(".full").empty());
}

TEST_F(UpdateByDelta, TakesTheDeltaFromAnotherMirrorWhenOneLies) {
  RepositorySimulator liar = repository;
  liar.replace(path_ending(".delta"), Bytes(served(".delta").size(), 7));
  device->sources = {&liar, &repository};
  device->restart();
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(requests_for(".full").empty());
}

TEST_F(UpdateByDelta, KeepsWhatADeltaBroughtBeforeItFailed) {
  Bytes tampered = served(".delta");
  tampered[tampered.size() - 40] ^= 1;  // the last segment's
  repository.replace(path_ending(".delta"), tampered);
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  std::uint64_t first_asked = 0;
  for (const client::FetchRequest& request : repository.requests()) {
    if (request.path.ends_with(".full") && first_asked == 0) first_asked = request.offset;
  }
  EXPECT_GT(first_asked, 0U) << "the full payload was asked for from the segment on that was missing";
}

// Book: DELTA-06
TEST_F(UpdateByDelta, LeavesABootableUpdatableDeviceWhereverThePowerIsCut) {
  expect_to_converge_wherever_it_is_cut();
}

// Book: DELTA-07
TEST_F(UpdateByDelta, FollowsAChainOfWhichEachLinkIsVerifiedAlone) {
  ASSERT_EQ(install(), "accepted");
  confirm_the_trial();
  const Bytes third = next_version(image, "1.2.0 3", 3);
  offer("1.2.0", 3, third,
        {delta_between(base, third, kTestSegmentBytes), delta_between(image, third, kTestSegmentBytes)}, {"1.1.0"});
  repository.forget_requests();
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(device->slot_holds(SlotGroup::kA, third));
  EXPECT_TRUE(requests_for(".0.delta").empty()) << "it starts from what does not run any more";
  EXPECT_FALSE(requests_for(".1.delta").empty());
  EXPECT_TRUE(requests_for(".full").empty());
}

// Book: DELTA-07, DELTA-11
TEST_F(UpdateByDelta, LeadsToNoOlderRelease) {
  ASSERT_EQ(install(), "accepted");
  confirm_the_trial();
  offer("1.0.0", 1, base, {delta_between(image, base, kTestSegmentBytes)});
  repository.forget_requests();
  EXPECT_EQ(device->updater().install()->decision.reason, "older");
  EXPECT_TRUE(requests_for(".delta").empty());
}

// Two bases whose first, middle and last bytes, sums and lengths are alike.
// Book: DELTA-08
TEST_F(UpdateByDelta, KnowsItsBaseByAllOfItsBytes) {
  Bytes& running = medium(SlotGroup::kA).cached;
  std::swap(running[150'001], running[150'002]);
  ASSERT_NE(running[150'001], running[150'002]);
  EXPECT_EQ(passed_over("rootfs.0.delta"), "the slot that runs does not hold its base");
}

// Book: DELTA-10
TEST_F(UpdateByDelta, FetchesNoDeltaThatTheDevicesMemoryDoesNotAllow) {
  device->device.payload_memory = 1u << 20;
  device->restart();
  EXPECT_NE(passed_over("rootfs.0.delta").find("1048576 are allowed"), std::string::npos);
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
  EXPECT_TRUE(requests_for(".delta").empty());
}

// Book: DELTA-10
TEST_F(UpdateByDelta, LeavesADeltaThatTakesMoreMemoryThanItsReleaseSays) {
  const Bytes third = next_version(image, "1.2.0 3", 3);
  OfferedDelta greedy = delta_between(base, third, kTestSegmentBytes);
  --greedy.facts.memory;
  offer("1.2.0", 3, third, {greedy});
  ASSERT_EQ(install(), "accepted");
  EXPECT_TRUE(device->slot_holds(SlotGroup::kB, third));
  EXPECT_EQ(requests_for(".0.delta").size(), 1U) << "the header, and no more";
}

// Book: DELTA-10
TEST_F(UpdateByDelta, EndsWithAnErrorOfStorageWhenTheSlotTakesNoMoreAndGoesOnLater) {
  medium(SlotGroup::kB).fail_write_after = 2;
  EXPECT_EQ(install(), "E_STORAGE");
  EXPECT_TRUE(requests_for(".full").empty()) << "another payload is of no help";
  EXPECT_TRUE(device->slot_holds(SlotGroup::kA, base));
  medium(SlotGroup::kB).fail_write_after.reset();
  EXPECT_EQ(install(), "accepted");
  EXPECT_TRUE(holds_image());
}

TEST_F(UpdateByDelta, IsPlannedWithItsBytesAndMemoryBeforeAnythingIsWritten) {
  const Bytes other = random_image(base.size(), 99);
  const Bytes third = next_version(base, "1.2.0 3", 3);
  offer("1.2.0", 3, third,
        {delta_between(other, third, kTestSegmentBytes), delta_between(base, third, kTestSegmentBytes)});
  const auto plan = device->updater().plan();
  ASSERT_TRUE(plan) << plan.error().message;
  ASSERT_EQ(plan->images.size(), 1U);
  const client::PlannedImage& rootfs = plan->images.front();
  EXPECT_EQ(rootfs.size, third.size());
  EXPECT_EQ(rootfs.missing, third.size());
  ASSERT_EQ(rootfs.plan.payloads.size(), 2U);
  EXPECT_EQ(rootfs.plan.payloads[0].payload.file.text(), "rootfs.1.delta");
  EXPECT_EQ(rootfs.plan.payloads[0].target.length(), repository.served(path_ending(".1.delta", "1.2.0")).size());
  EXPECT_EQ(rootfs.plan.payloads[1].payload.kind, "full");
  ASSERT_EQ(rootfs.plan.passed_over.size(), 1U);
  EXPECT_EQ(rootfs.plan.passed_over[0].payload.file.text(), "rootfs.0.delta");
  EXPECT_EQ(medium(SlotGroup::kB).writes, 0U);
  EXPECT_TRUE(requests_for(".delta").empty() && requests_for(".full").empty());
}

TEST_F(UpdateByDelta, IsPlannedForPrograms) {
  const Bytes third = next_version(base, "1.2.0 3", 3);
  offer("1.2.0", 3, third,
        {delta_between(image, third, kTestSegmentBytes), delta_between(base, third, kTestSegmentBytes)});
  const client::InstallPlan plan = *device->updater().plan();
  const json::Value image_plan = at(client::plan_json(plan, 100'000), {"images", "0"});
  EXPECT_EQ(at(image_plan, {"payloads", "0", "kind"}), json::Value("delta"));
  EXPECT_EQ(at(image_plan, {"payloads", "1", "fetch_seconds"}), json::Value(4));
  EXPECT_EQ(at(image_plan, {"passed_over", "0", "file"}), json::Value("rootfs.0.delta"));
  EXPECT_EQ(at(image_plan, {"write_bytes"}), json::Value(static_cast<std::int64_t>(third.size())));
}

TEST_F(UpdateByDelta, IsPlannedForNothingWhenTheSlotHoldsTheImage) {
  ASSERT_EQ(install(), "accepted");
  const auto plan = device->updater().plan();
  ASSERT_TRUE(plan) << plan.error().message;
  EXPECT_EQ(plan->images.front().missing, 0U);
  EXPECT_TRUE(plan->images.front().plan.payloads.empty());
}

}  // namespace
}  // namespace tenon::tests
