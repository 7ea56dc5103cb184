// Over which bridges a device goes, and what it is told on the way.
#include <tenon/policies/device_rules.h>
#include <tenon/policies/trip.h>

#include <gtest/gtest.h>
#include <tests/support/product_repository.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using policies::Bridge;
using policies::Channel;
using policies::Decision;
using policies::DeviceFacts;
using policies::Release;
using policies::Sequence;
using policies::Trip;
using policies::Verdict;

Sequence sequence(std::int64_t value) {
  return *Sequence::create(value);
}

Release release_of(const std::string& version, std::int64_t number, std::vector<Bridge> bridges = {}) {
  RepositorySimulator repository;
  add_product(repository, "camera");
  return add_release(
      repository, {.version = version, .sequence = number, .image = to_bytes(version), .bridges = std::move(bridges)});
}

Release target() {
  return release_of("2.0", 9, {bridge(3, "1.2"), bridge(5, "1.4")});
}

std::string via_of(const Bridge* bridge) {
  return bridge == nullptr ? "straight" : bridge->via.text();
}

TEST(ABridge, IsForDevicesThatRunLessThanItSays) {
  const std::pair<std::int64_t, const char*> rows[] = {{1, "1.2"},      {2, "1.2"},      {3, "1.4"},
                                                       {4, "1.4"},      {5, "straight"}, {8, "straight"},
                                                       {9, "straight"}, {10, "straight"}};
  for (const auto& [running, via] : rows) {
    EXPECT_EQ(via_of(target().bridge_for(sequence(running))), via) << running;
  }
}

TEST(ABridge, TheLowestIsForDevicesThatDoNotKnowWhatTheyRun) {
  EXPECT_EQ(via_of(target().bridge_for(std::nullopt)), "1.2");
  EXPECT_EQ(via_of(release_of("2.0", 9).bridge_for(std::nullopt)), "straight");
}

TEST(ABridge, IsARightlyNamedReleaseBetweenWhatRunsAndWhatItLeadsTo) {
  const Release to = target();
  const Bridge& bridge = to.bridges.back();  // below 5 over 1.4
  const auto checked = [&](const Release& via) { return code_of(to.check_bridge(bridge, via)); };
  EXPECT_EQ(checked(release_of("1.4", 5)), "accepted");
  EXPECT_EQ(checked(release_of("1.4", 8)), "accepted");
  EXPECT_EQ(checked(release_of("1.4", 4)), "E_POLICY");
  EXPECT_EQ(checked(release_of("1.4", 9)), "E_POLICY");
  EXPECT_EQ(checked(release_of("1.4", 10)), "E_POLICY");
  EXPECT_EQ(checked(release_of("1.5", 6)), "E_POLICY");
  Release foreign = release_of("1.4", 6);
  foreign.product = label("kettle");
  EXPECT_EQ(checked(foreign), "E_POLICY");
}

TEST(ABridge, ThatIsRefusedIsNamedWithTheReleaseItLeadsTo) {
  const Release to = target();
  EXPECT_EQ(to.check_bridge(to.bridges.back(), release_of("1.4", 4)).error().message,
            "2.0 (sequence 9) leads devices below sequence 5 over 1.4, which is only sequence 4");
}

TEST(ATrip, IsStraightForWhoIsAboveAllBridges) {
  const Trip trip(target(), sequence(5));
  EXPECT_EQ(trip.wanted(), nullptr);
  EXPECT_TRUE(trip.is_straight());
  EXPECT_EQ(trip.next(), target());
}

TEST(ATrip, GoesOverBridgesOfBridges) {
  Trip trip(target(), sequence(2));
  ASSERT_EQ(via_of(trip.wanted()), "1.2");
  ASSERT_TRUE(trip.add(release_of("1.2", 4, {bridge(2, "1.0"), bridge(3, "1.1")})));
  ASSERT_EQ(via_of(trip.wanted()), "1.1");
  ASSERT_TRUE(trip.add(release_of("1.1", 3)));
  EXPECT_EQ(trip.wanted(), nullptr);
  EXPECT_EQ(trip.next().title(), "1.1 (sequence 3)");
  EXPECT_EQ(trip.destination(), target());
}

TEST(ATrip, StaysAsItIsWhenAReleaseIsRefused) {
  Trip trip(target(), sequence(2));
  EXPECT_EQ(code_of(trip.add(release_of("1.2", 2))), "E_POLICY");
  EXPECT_TRUE(trip.is_straight());
  EXPECT_EQ(via_of(trip.wanted()), "1.2");
}

// A chain of that many bridges for a device of sequence 1, all of them added.
Result<Trip> chain(std::int64_t bridges) {
  const auto link = [&](std::int64_t number) {
    std::vector<Bridge> to_it;
    if (number > 2) to_it.push_back(bridge(number - 1, "v" + std::to_string(number - 1)));
    return release_of("v" + std::to_string(number), number, std::move(to_it));
  };
  Trip trip(link(bridges + 2), sequence(1));
  for (std::int64_t number = bridges + 1; trip.wanted() != nullptr; --number) TENON_TRY_VOID(trip.add(link(number)));
  return trip;
}

TEST(ATrip, IsOverEightBridgesAtMost) {
  const Result<Trip> eight = chain(8);
  ASSERT_TRUE(eight) << eight.error().message;
  EXPECT_EQ(eight->stops().size(), 9U);
  EXPECT_EQ(eight->next().title(), "v2 (sequence 2)");
  EXPECT_EQ(code_of(chain(9)), "E_LIMIT");
}

TEST(ATrip, IsCompletedByWhoFindsItsReleasesAndNamesTheBridgeThatIsNotFound) {
  Trip trip(target(), sequence(2));
  const auto found = [&](const Bridge& wanted) -> Result<Release> {
    if (wanted.via == label("1.2")) return release_of("1.2", 4, {bridge(3, "1.1")});
    return Error{ErrorCode::kNet, "nobody lists it"};
  };
  const Result<void> completed = policies::complete_trip(trip, found);
  ASSERT_FALSE(completed);
  EXPECT_EQ(completed.error().code, ErrorCode::kNet);
  EXPECT_EQ(completed.error().message, "bridge 1.1 to 1.2 (sequence 4): nobody lists it");
  EXPECT_EQ(trip.next().title(), "1.2 (sequence 4)");
}

class OverABridge : public testing::Test {
 protected:
  // What a device of sequence 4 is told, whose way is over 1.4.
  Decision decision() const {
    Trip trip = begin_trip(channel, to, facts);
    while (trip.wanted() != nullptr) {
      if (const Result<void> added = trip.add(via); !added) return {Verdict::kRefuse, added.error().message, ""};
    }
    return decide(channel, trip, facts);
  }
  void expect(Verdict verdict, std::string_view reason, std::string_view text) const {
    const Decision found = decision();
    EXPECT_EQ(found.verdict, verdict);
    EXPECT_EQ(found.reason, reason);
    EXPECT_EQ(found.text, text);
  }

  Release to = target();
  Release via = release_of("1.4", 6);
  Channel channel{.product = label("camera"),
                  .channel = label("stable"),
                  .release = label("2.0"),
                  .release_sha256 = Sha256::of(as_bytes("2.0")),
                  .withdrawn = {}};
  DeviceFacts facts = [] {
    DeviceFacts known{.product = label("camera"), .hardware = label("board-a"), .channel = label("stable")};
    known.running_version = label("1.3");
    known.running_sequence = sequence(4);
    known.floor.confirmed = sequence(4);
    return known;
  }();
};

TEST_F(OverABridge, ADeviceInstallsTheBridge) {
  expect(Verdict::kInstall, "bridge", "1.4 (sequence 6, bridge to 2.0) is to be installed");
}

TEST_F(OverABridge, ADeviceThatHasCrossedItGoesOn) {
  facts.running_version = label("1.4");
  facts.running_sequence = sequence(6);
  expect(Verdict::kInstall, "newer", "2.0 (sequence 9) is to be installed");
}

TEST_F(OverABridge, NoDeviceSkipsItHoweverItIsAsked) {
  const Decision skipping = decide(channel, begin_trip(channel, to, facts), facts);
  EXPECT_EQ(skipping.verdict, Verdict::kRefuse);
  EXPECT_EQ(skipping.reason, "bridge_first");
  EXPECT_EQ(skipping.text, "2.0 (sequence 9) is not for devices below sequence 5, which go over 1.4 first");
}

TEST_F(OverABridge, ADeviceThatRunsTheChannelsVeryReleaseIsThere) {
  facts.running_version.reset();
  facts.running_sequence.reset();
  facts.running_release = channel.release_sha256;
  expect(Verdict::kUpToDate, "up_to_date", "2.0 (sequence 9) is running");
}

TEST_F(OverABridge, TheChannelStillNamesWhatItLeadsTo) {
  channel.release = label("1.4");
  expect(Verdict::kRefuse, "other_release", "the release file is of camera 2.0 (sequence 9)");
}

TEST_F(OverABridge, NobodySetsOffWhoCouldNotArrive) {
  const auto for_board_b = [](Release release) {
    release.hardware = {label("board-b")};
    return release;
  };
  const Release kept = via;
  via = for_board_b(via);
  expect(Verdict::kRefuse, "hardware", "1.4 (sequence 6) is not for hardware board-a");
  via = kept;
  to = for_board_b(to);
  expect(Verdict::kRefuse, "hardware", "2.0 (sequence 9) is not for hardware board-a");
}

TEST_F(OverABridge, NeitherEndMayBeWithdrawn) {
  channel.withdrawn = {label("1.4")};
  expect(Verdict::kHold, "withdrawn", "1.4 (sequence 6) was withdrawn");
  channel.withdrawn = {label("2.0")};
  expect(Verdict::kHold, "withdrawn", "2.0 (sequence 9) was withdrawn");
}

// Book: DEV-67
TEST_F(OverABridge, OneThatFailedHereHoldsTheDeviceAndIsNotSkipped) {
  facts.quarantine.insert(via.images.front().sha256);
  expect(Verdict::kHold, "quarantine", "1.4 (sequence 6) was rolled back on this device; a newer release is awaited");
}

// Book: DEV-67
TEST_F(OverABridge, NobodySetsOffToAReleaseThatFailedHere) {
  facts.quarantine.insert(to.images.front().sha256);
  expect(Verdict::kHold, "quarantine", "2.0 (sequence 9) was rolled back on this device; a newer release is awaited");
}

// Book: TGT-11
TEST_F(OverABridge, NobodyGoesBelowTheFloor) {
  facts.running_version.reset();
  facts.running_sequence.reset();
  to.bridges.erase(to.bridges.begin());
  facts.floor.confirmed = sequence(7);
  expect(Verdict::kRefuse, "older",
         "1.4 (sequence 6, bridge to 2.0) is older than the lowest sequence accepted here, 7");
}

TEST_F(OverABridge, APausedRolloutHoldsIt) {
  channel.rollout.is_paused = true;
  EXPECT_EQ(decision().reason, "paused");
}

TEST_F(OverABridge, TheTurnIsThatOfTheReleaseItLeadsTo) {
  facts.device_id = "device";
  const std::int64_t place = policies::place_of("2.0", "device");
  ASSERT_NE(place, policies::place_of("1.4", "device"));
  channel.rollout.share = *policies::Share::create(place);
  EXPECT_EQ(decision().reason, "share");
  channel.rollout.share = *policies::Share::create(place + 1);
  EXPECT_EQ(decision().reason, "bridge");
}

TEST_F(OverABridge, AnUrgentUpdateDoesNotWaitForItsTurn) {
  facts.device_id = "device";
  channel.rollout.share = policies::Share::none();
  channel.rollout.urgent_below = sequence(4);
  EXPECT_EQ(decision().reason, "share");
  channel.rollout.urgent_below = sequence(5);
  EXPECT_EQ(decision().reason, "bridge");
}

}  // namespace
}  // namespace tenon::tests
