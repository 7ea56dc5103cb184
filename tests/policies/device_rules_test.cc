#include <tenon/policies/device_rules.h>

#include <gtest/gtest.h>
#include <tests/support/product_repository.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using policies::Channel;
using policies::Decision;
using policies::DeviceFacts;
using policies::Release;
using policies::Sequence;
using policies::SequenceFloor;
using policies::Verdict;

Sequence sequence(std::int64_t value) {
  return *Sequence::create(value);
}

Release release_of(const std::string& version, std::int64_t number, std::int64_t floor = 1) {
  RepositorySimulator repository;
  add_product(repository, "camera");
  return add_release(repository, {.version = version, .sequence = number, .floor = floor, .image = to_bytes(version)});
}

Channel channel_for(const Release& release) {
  return Channel{.product = release.product,
                 .channel = label("stable"),
                 .serial = 5,
                 .release = release.version,
                 .release_sha256 = Sha256{},
                 .withdrawn = {}};
}

// A device on board-a that runs and has confirmed sequence 10.
DeviceFacts device() {
  DeviceFacts facts{.product = label("camera"), .hardware = label("board-a"), .channel = label("stable")};
  facts.running_version = label("1.0.10");
  facts.running_sequence = sequence(10);
  facts.floor.confirmed = sequence(10);
  facts.floor.channel_serial = 5;
  facts.floor.serial_of = "camera/stable";
  return facts;
}

Decision decide(const Channel& channel, const Release& release, const DeviceFacts& facts) {
  return policies::decide(channel, begin_trip(channel, release, facts), facts);
}
Decision decide(const Release& release, const DeviceFacts& facts) {
  return decide(channel_for(release), release, facts);
}

void expect_decision(const Decision& decision, Verdict verdict, std::string_view reason) {
  EXPECT_EQ(decision.verdict, verdict) << decision.text;
  EXPECT_EQ(decision.reason, reason) << decision.text;
}

// Book: TGT-11
TEST(DeviceRules, InstallANewerRelease) {
  expect_decision(decide(release_of("1.0.11", 11), device()), Verdict::kInstall, "newer");
}

// Book: TGT-11
TEST(DeviceRules, RefuseAnOlderSequenceThanTheConfirmedOne) {
  for (std::int64_t older : {1, 5, 9}) {
    expect_decision(decide(release_of("0.9", older), device()), Verdict::kRefuse, "older");
  }
}

// Book: TGT-11
TEST(DeviceRules, RefuseAnOlderSequenceWhateverRuns) {
  DeviceFacts facts = device();
  facts.running_version.reset();
  facts.running_sequence.reset();
  expect_decision(decide(release_of("0.9", 9), facts), Verdict::kRefuse, "older");
  facts.running_version = label("0.8");
  facts.running_sequence = sequence(8);
  expect_decision(decide(release_of("0.9", 9), facts), Verdict::kRefuse, "older");
}

// Book: TGT-11
TEST(DeviceRules, RefuseASequenceBelowTheSignedFloor) {
  DeviceFacts facts = device();
  facts.floor.signed_floor = sequence(20);
  expect_decision(decide(release_of("1.9", 19), facts), Verdict::kRefuse, "older");
  expect_decision(decide(release_of("2.0", 20), facts), Verdict::kInstall, "newer");
}

// Book: TGT-11
TEST(DeviceRules, RefuseAnOlderReleaseThoughItIsRunningOnTrial) {
  // A release that is up to date is not installed again, however old it is.
  DeviceFacts facts = device();
  facts.running_version = label("0.9");
  facts.running_sequence = sequence(9);
  expect_decision(decide(release_of("0.9", 9), facts), Verdict::kUpToDate, "up_to_date");
}

// Book: TGT-11
TEST(DeviceRules, InstallAgainTheConfirmedSequenceUnderAnotherVersionOnly) {
  expect_decision(decide(release_of("1.0.10", 10), device()), Verdict::kUpToDate, "up_to_date");
  expect_decision(decide(release_of("1.0.10-b", 10), device()), Verdict::kInstall, "newer");
}

// Book: TGT-11
TEST(DeviceRules, InstallAnythingOnADeviceThatHasConfirmedNothing) {
  DeviceFacts facts = device();
  facts.floor = {};
  facts.running_version.reset();
  facts.running_sequence.reset();
  expect_decision(decide(release_of("0.1", 1), facts), Verdict::kInstall, "newer");
}

// Book: TGT-06
TEST(DeviceRules, RefuseAReleaseForOtherHardware) {
  for (const char* hardware : {"board-b", "board", "board-a2", "BOARD-A"}) {
    Release release = release_of("1.1", 11);
    release.hardware = {label(hardware)};
    expect_decision(decide(release, device()), Verdict::kRefuse, "hardware");
    release.hardware.push_back(label("board-a"));
    expect_decision(decide(release, device()), Verdict::kInstall, "newer");
  }
}

// Book: TGT-06
TEST(DeviceRules, RefuseAReleaseForOtherHardwareAlsoWhenItIsOlder) {
  Release release = release_of("0.9", 9);
  release.hardware = {label("board-b")};
  expect_decision(decide(release, device()), Verdict::kRefuse, "hardware");
}

// Book: TGT-05
TEST(DeviceRules, RefuseAReleaseThatTheChannelDoesNotName) {
  const Release release = release_of("1.1", 11);
  Channel channel = channel_for(release);
  channel.release = label("1.2");
  expect_decision(decide(channel, release, device()), Verdict::kRefuse, "other_release");
  Release other_product = release;
  other_product.product = label("doorbell");
  expect_decision(decide(channel_for(release), other_product, device()), Verdict::kRefuse, "other_release");
}

// Book: TGT-11
TEST(DeviceRules, HoldAWithdrawnRelease) {
  const Release release = release_of("1.1", 11);
  Channel channel = channel_for(release);
  channel.withdrawn = {label("1.0"), label("1.1")};
  expect_decision(decide(channel, release, device()), Verdict::kHold, "withdrawn");
}

// Book: TGT-11
TEST(DeviceRules, RefuseAnOlderReleaseThoughItIsWithdrawnAsWell) {
  const Release release = release_of("0.9", 9);
  Channel channel = channel_for(release);
  channel.withdrawn = {label("0.9")};
  expect_decision(decide(channel, release, device()), Verdict::kRefuse, "older");
}

// Book: DEV-67
TEST(DeviceRules, HoldAReleaseOfWhichAnImageFailedHere) {
  const Release release = release_of("1.1", 11);
  DeviceFacts facts = device();
  facts.quarantine = {Sha256::of(as_bytes("other"))};
  expect_decision(decide(release, facts), Verdict::kInstall, "newer");
  facts.quarantine.insert(release.images.front().sha256);
  expect_decision(decide(release, facts), Verdict::kHold, "quarantine");
}

// Book: DEV-67
TEST(DeviceRules, InstallAReleaseThatSharesOneImageWithOneThatFailed) {
  Release release = release_of("1.1", 11);
  DeviceFacts facts = device();
  facts.quarantine = {release.images.front().sha256};
  policies::Image repaired = release.images.front();
  repaired.slot = label("boot");
  repaired.sha256 = Sha256::of(as_bytes("repaired"));
  release.images.push_back(repaired);
  expect_decision(decide(release, facts), Verdict::kInstall, "newer");
}

TEST(DeviceRules, DoNothingForTheReleaseThatTheRunningGroupWasFilledFrom) {
  const Release release = release_of("1.1", 11);
  DeviceFacts facts = device();
  facts.running_release = channel_for(release).release_sha256;
  expect_decision(decide(release, facts), Verdict::kUpToDate, "up_to_date");
}

// Book: DEV-67
TEST(DeviceRules, HoldAnotherVersionWithTheSameFailedImage) {
  Release release = release_of("1.1", 11);
  DeviceFacts facts = device();
  facts.quarantine = {release.images.front().sha256};
  release.version = label("1.2");
  release.sequence = sequence(12);
  expect_decision(decide(release, facts), Verdict::kHold, "quarantine");
}

TEST(DeviceRules, HoldOutsideTheMaintenanceWindow) {
  const Release release = release_of("1.1", 11);
  DeviceFacts facts = device();
  facts.window = policies::MaintenanceWindow{.opens_minute = 23 * 60, .length_minutes = 120};  // 23:00 to 01:00
  expect_decision(decide(release, facts), Verdict::kHold, "window");                           // the time is not known
  for (const auto& [time, reason] : std::map<std::string, std::string>{{"22:59:59", "window"},
                                                                       {"23:00:00", "newer"},
                                                                       {"00:59:59", "newer"},
                                                                       {"01:00:00", "window"},
                                                                       {"12:00:00", "window"}}) {
    facts.now = *metadata::UtcTime::parse("2026-11-28T" + time + "Z");
    EXPECT_EQ(decide(release, facts).reason, reason) << time;
  }
  facts.window->length_minutes = 24 * 60;
  expect_decision(decide(release, facts), Verdict::kInstall, "newer");
}

metadata::UtcTime at(const std::string& time) {
  return *metadata::UtcTime::parse(time);
}

TEST(DeviceRules, SayWhenTheWindowOpens) {
  const Release release = release_of("1.1", 11);
  DeviceFacts facts = device();
  facts.window = *policies::MaintenanceWindow::parse("23:00-01:00");
  EXPECT_FALSE(decide(release, facts).until) << "the time is not known";
  facts.now = at("2026-11-28T01:00:30Z");
  EXPECT_EQ(decide(release, facts).until, at("2026-11-28T23:00:00Z"));
  EXPECT_NE(decide(release, facts).text.find("2026-11-28T23:00:00Z"), std::string::npos);
  facts.now = at("2026-12-31T23:59:59Z");
  EXPECT_FALSE(decide(release, facts).until) << "it is open";
}

TEST(DeviceRules, HoldWhatIsUrgentOutsideTheWindowToo) {
  const Release release = release_of("1.1", 11);
  Channel channel = channel_for(release);
  channel.rollout.urgent_below = sequence(11);
  DeviceFacts facts = device();
  facts.window = *policies::MaintenanceWindow::parse("02:00-04:00");
  facts.now = at("2026-11-28T12:00:00Z");
  expect_decision(decide(channel, release, facts), Verdict::kHold, "window");
}

TEST(DeviceRules, HoldWhileAPersonWantsToWait) {
  const Release release = release_of("1.1", 11);
  DeviceFacts facts = device();
  facts.deferred_until = at("2026-11-28T12:00:00Z");
  expect_decision(decide(release, facts), Verdict::kHold, "deferred");
  facts.now = at("2026-11-28T11:59:59Z");
  expect_decision(decide(release, facts), Verdict::kHold, "deferred");
  EXPECT_EQ(decide(release, facts).until, facts.deferred_until);
  facts.window = *policies::MaintenanceWindow::parse("02:00-04:00");
  EXPECT_EQ(decide(release, facts).until, at("2026-11-29T02:00:00Z"))
      << "the window is not open when the deferral ends";
  facts.window.reset();
  facts.now = facts.deferred_until;
  expect_decision(decide(release, facts), Verdict::kInstall, "newer");
}

TEST(DeviceRules, LetNobodyDeferWhatIsUrgent) {
  const Release release = release_of("1.1", 11);
  Channel channel = channel_for(release);
  DeviceFacts facts = device();
  facts.deferred_until = at("2026-12-28T12:00:00Z");
  facts.now = at("2026-11-28T12:00:00Z");
  channel.rollout.urgent_below = sequence(10);
  expect_decision(decide(channel, release, facts), Verdict::kHold, "deferred");
  channel.rollout.urgent_below = sequence(11);
  expect_decision(decide(channel, release, facts), Verdict::kInstall, "newer");
  channel.rollout.urgent_below.reset();
  channel.withdrawn = {label("1.0.10")};
  expect_decision(decide(channel, release, facts), Verdict::kInstall, "newer");
  channel.withdrawn.clear();
  channel.rollout.deadline = facts.now;
  expect_decision(decide(channel, release, facts), Verdict::kInstall, "newer");
}

TEST(MaintenanceWindow, IsReadAndWritten) {
  for (const auto& [text, window] : std::map<std::string, policies::MaintenanceWindow>{
           {"02:00-04:00", {.opens_minute = 120, .length_minutes = 120}},
           {"23:30-00:15", {.opens_minute = 1410, .length_minutes = 45}},
           {"00:00-23:59", {.opens_minute = 0, .length_minutes = 1439}},
           {"12:01-12:00", {.opens_minute = 721, .length_minutes = 1439}}}) {
    EXPECT_EQ(*policies::MaintenanceWindow::parse(text), window) << text;
    EXPECT_EQ(window.text(), text);
  }
}

TEST(MaintenanceWindow, RefusesWhatIsNone) {
  for (const char* text : {"", "-", "2:00-4:00", "02:00", "02:00-", "02:00-24:00", "02:00-04:60", "24:00-02:00",
                           "02:00-04:00 ", "02.00-04.00", "02:00/04:00", "02:00-02:00", "+2:00-04:00", "0x:00-04:00",
                           "02:00-04:0a", "02:00-04:00-06:00", "-2:00-04:00"}) {
    EXPECT_FALSE(policies::MaintenanceWindow::parse(text)) << text;
  }
}

TEST(DeviceRules, HoldWhileTheRolloutIsPausedHoweverUrgentItIs) {
  const Release release = release_of("1.1", 11);
  Channel channel = channel_for(release);
  channel.rollout.is_paused = true;
  expect_decision(decide(channel, release, device()), Verdict::kHold, "paused");
  channel.rollout.urgent_below = sequence(11);
  expect_decision(decide(channel, release, device()), Verdict::kHold, "paused");
}

TEST(DeviceRules, HoldUntilTheShareReachesTheDevice) {
  const Release release = release_of("1.4.2", 11);
  Channel channel = channel_for(release);
  DeviceFacts facts = device();
  facts.device_id = "device-2";
  const auto reason_at = [&](std::int64_t share) {
    channel.rollout.share = *policies::Share::create(share);
    return decide(channel, release, facts).reason;
  };
  EXPECT_EQ(reason_at(0), "share");
  EXPECT_EQ(reason_at(9367), "share");  // its place, as rollout_test.cc has it
  EXPECT_EQ(reason_at(9368), "newer");
  facts.device_id.clear();
  EXPECT_EQ(reason_at(9999), "share");
  EXPECT_EQ(reason_at(10'000), "newer");
}

TEST(DeviceRules, LetAGroupGoBeforeTheOthers) {
  const Release release = release_of("1.4.2", 11);
  Channel channel = channel_for(release);
  channel.rollout.share = policies::Share::none();
  channel.rollout.groups = {{label("lab"), policies::Share::all()}};
  DeviceFacts facts = device();
  expect_decision(decide(channel, release, facts), Verdict::kHold, "share");
  facts.group = label("office");
  expect_decision(decide(channel, release, facts), Verdict::kHold, "share");
  facts.group = label("lab");
  expect_decision(decide(channel, release, facts), Verdict::kInstall, "newer");
}

TEST(DeviceRules, LetNobodyWaitForATurnWhoRunsWhatIsUrgentToLeave) {
  const Release release = release_of("1.4.2", 11);
  Channel channel = channel_for(release);
  channel.rollout.share = policies::Share::none();
  DeviceFacts facts = device();  // runs sequence 10
  const auto reason = [&] { return decide(channel, release, facts).reason; };
  channel.rollout.urgent_below = sequence(10);
  EXPECT_EQ(reason(), "share");
  channel.rollout.urgent_below = sequence(11);
  EXPECT_EQ(reason(), "newer");
  facts.running_sequence.reset();
  EXPECT_EQ(reason(), "share") << "nothing is known of what runs";
  channel.rollout.urgent_below.reset();
  channel.withdrawn = {label("1.0.10")};
  EXPECT_EQ(reason(), "newer") << "what runs was withdrawn";
  channel.withdrawn.clear();
  channel.rollout.deadline = *metadata::UtcTime::parse("2026-12-20T00:00:00Z");
  EXPECT_EQ(reason(), "share") << "the time is not known";
  facts.now = channel.rollout.deadline->plus_seconds(-1);
  EXPECT_EQ(reason(), "share");
  facts.now = channel.rollout.deadline;
  EXPECT_EQ(reason(), "newer");
}

TEST(DeviceRules, HoldOnAMeteredLink) {
  DeviceFacts facts = device();
  facts.is_metered = false;
  expect_decision(decide(release_of("1.1", 11), facts), Verdict::kInstall, "newer");
  facts.is_metered = true;
  expect_decision(decide(release_of("1.1", 11), facts), Verdict::kHold, "metered");
}

TEST(DeviceRules, SayThatAReleaseIsRefusedBeforeTheySayThatItHasToWait) {
  DeviceFacts facts = device();
  facts.is_metered = true;
  facts.window = policies::MaintenanceWindow{};
  expect_decision(decide(release_of("0.9", 9), facts), Verdict::kRefuse, "older");
  Release release = release_of("1.0.10", 10);
  expect_decision(decide(release, facts), Verdict::kUpToDate, "up_to_date");
  release.hardware = {label("board-b")};
  expect_decision(decide(release, facts), Verdict::kRefuse, "hardware");
}

TEST(DeviceRules, ExplainThemselves) {
  for (const policies::Rule<policies::Candidate>& rule : policies::device_rules()) {
    const std::string text = policies::explain(rule);
    for (const std::string_view part :
         {rule.id, rule.title, rule.standard, rule.source, rule.explanation, rule.advice}) {
      EXPECT_FALSE(part.empty()) << rule.id;
      EXPECT_NE(text.find(part), std::string::npos) << rule.id;
    }
  }
}

// Book: TGT-11
TEST(ChannelRules, RefuseALowerSerial) {
  Channel channel = channel_for(release_of("1.1", 11));
  for (const auto& [serial, verdict] : std::map<std::int64_t, std::string>{
           {1, "E_ROLLBACK"}, {4, "E_ROLLBACK"}, {5, "accepted"}, {6, "accepted"}, {INT64_MAX, "accepted"}}) {
    channel.serial = serial;
    EXPECT_EQ(code_of(check_channel(channel, device())), verdict) << serial;
  }
}

TEST(ChannelRules, CountASerialForTheChannelItWasSeenOf) {
  DeviceFacts facts = device();
  facts.floor.serial_of = "camera/beta";
  Channel channel = channel_for(release_of("1.1", 11));
  channel.serial = 1;
  EXPECT_EQ(code_of(check_channel(channel, facts)), "accepted");
  facts.floor.raise_serial(channel);
  EXPECT_EQ(facts.floor.channel_serial, 1);
}

// Book: KEY-11
TEST(ChannelRules, TakeAnySerialOnceTheSeenOneIsForgottenAndKeepTheSequences) {
  DeviceFacts facts = device();
  facts.floor.raise(sequence(5), sequence(2));
  Channel channel = channel_for(release_of("1.1", 11));
  channel.serial = INT64_MAX;
  facts.floor.raise_serial(channel);
  channel.serial = 6;
  EXPECT_EQ(code_of(check_channel(channel, facts)), "E_ROLLBACK");
  const std::optional<Sequence> lowest = facts.floor.lowest();
  facts.floor.forget_serial();
  EXPECT_EQ(code_of(check_channel(channel, facts)), "accepted");
  EXPECT_EQ(facts.floor.lowest(), lowest);
}

// Book: TGT-05
TEST(ChannelRules, RefuseADocumentOfAnotherProductOrChannel) {
  const Channel good = channel_for(release_of("1.1", 11));
  Channel other_product = good;
  other_product.product = label("doorbell");
  EXPECT_EQ(code_of(check_channel(other_product, device())), "E_POLICY");
  Channel other_channel = good;
  other_channel.channel = label("beta");
  other_channel.serial = 99;
  EXPECT_EQ(code_of(check_channel(other_channel, device())), "E_POLICY");
}

// Book: TGT-11
TEST(SequenceFloor, RisesAndNeverFalls) {
  SequenceFloor floor;
  EXPECT_FALSE(floor.lowest().has_value());
  floor.raise(sequence(5), sequence(2));
  EXPECT_EQ(floor.lowest(), sequence(5));
  floor.raise(sequence(9), sequence(9));
  EXPECT_EQ(floor.lowest(), sequence(9));
  floor.raise(sequence(7), sequence(1));
  EXPECT_EQ(floor.confirmed, sequence(9));
  EXPECT_EQ(floor.signed_floor, sequence(9));
  EXPECT_EQ(floor.lowest(), sequence(9));
}

// Book: TGT-11
TEST(SequenceFloor, IsTheHigherOfConfirmedAndSigned) {
  EXPECT_EQ((SequenceFloor{.confirmed = sequence(3)}.lowest()), sequence(3));
  EXPECT_EQ((SequenceFloor{.signed_floor = sequence(4)}.lowest()), sequence(4));
  EXPECT_EQ((SequenceFloor{.confirmed = sequence(3), .signed_floor = sequence(4)}.lowest()), sequence(4));
  EXPECT_EQ((SequenceFloor{.confirmed = sequence(8), .signed_floor = sequence(4)}.lowest()), sequence(8));
}

// Book: TGT-11, META-24
TEST(DeviceRules, RefuseAnOlderReleaseAlsoAfterAllMetadataKeysWereRotated) {
  Scenario scenario;
  add_product(scenario.repository, "camera");
  add_release(scenario.repository,
              {.version = "0.9", .sequence = 9, .image = to_bytes("old"), .payload = to_bytes("p")});
  set_channel(scenario.repository, {.release = "0.9", .serial = 6});
  scenario.repository.publish();
  scenario.settle();
  for (metadata::TopRole role : metadata::kTopRoles) scenario.repository.rotate_key(role);
  scenario.repository.publish_root();
  scenario.repository.publish();
  const auto target = scenario.device.refresh_and_find("camera/releases/0.9/release.json");
  ASSERT_TRUE(target && *target);
  const Release release = *Release::parse(*scenario.device.download(**target));
  const auto channel_target = scenario.device.refresh_and_find("camera/channels/stable.json");
  ASSERT_TRUE(channel_target && *channel_target);
  const Channel channel = *Channel::parse(*scenario.device.download(**channel_target));
  EXPECT_EQ(channel.release_sha256, *(*target)->hashes().sha256);
  EXPECT_EQ(code_of(check_channel(channel, device())), "accepted");
  expect_decision(decide(channel, release, device()), Verdict::kRefuse, "older");
}

}  // namespace
}  // namespace tenon::tests
