#include <tenon/keyctl/release_review.h>

#include <algorithm>
#include <string>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>

namespace tenon::keyctl {
namespace {

using metadata::TargetEntry;
using metadata::Targets;
using policies::Release;

constexpr std::string_view kPath = "camera/releases/1.2/release.json";
constexpr std::string_view kSegments = "camera/releases/1.2/rootfs.segments";

Release release() {
  Release release{.product = *Label::parse("camera"),
                  .version = *Label::parse("1.2"),
                  .hardware = {*Label::parse("rev-a"), *Label::parse("rev-b")},
                  .images = {}};
  release.images = {policies::Image{*Label::parse("rootfs"),
                                    100'000,
                                    Sha256::of(as_bytes("image")),
                                    65'536,
                                    *Label::parse("rootfs.segments"),
                                    64,
                                    Sha256::of(as_bytes("segments")),
                                    {{"full", *Label::parse("rootfs.zst")}}}};
  return release;
}

TargetEntry entry_of(std::string_view content) {
  return {content.size(), {Sha256::of(as_bytes(content)), {}, {}}, {}};
}

struct Pinned {
  std::string content = json::to_text(release().to_json());
  Targets targets = [this] {
    Targets pinned;
    pinned.targets.emplace(kPath, entry_of(content));
    pinned.targets.emplace(kSegments, TargetEntry{64, {Sha256::of(as_bytes("segments")), {}, {}}, {}});
    return pinned;
  }();
  std::map<std::string, std::string> contents = {{std::string(kPath), content}};

  void put(const std::string& path, const std::string& text) {
    targets.targets.insert_or_assign(path, entry_of(text));
    contents[path] = text;
  }
  ErrorCode code() const {
    const auto releases = pinned_releases(nullptr, targets, contents);
    return releases ? ErrorCode::kUsage : releases.error().code;
  }
};

// Book: KEYT-05
TEST(PinnedReleases, AreShownWithVersionOrderHardwareAndImages) {
  const Pinned pinned;
  const auto releases = pinned_releases(nullptr, pinned.targets, pinned.contents);
  ASSERT_TRUE(releases) << releases.error().message;
  ASSERT_EQ(releases->size(), 1u);
  const std::vector<std::string> lines = describe_release(releases->front());
  EXPECT_EQ(lines.at(0), "camera 1.2: sequence 1, floor 1, for rev-a, rev-b");
  EXPECT_EQ(lines.at(1), "  image rootfs: 100000 bytes, sha256 " + Sha256::of(as_bytes("image")).hex());
}

TEST(PinnedReleases, AreShownWithTheImagesThatTheirDeltasAreFrom) {
  Pinned pinned;
  Release with_delta = release();
  const Sha256 base = Sha256::of(as_bytes("base"));
  with_delta.images[0].payloads.push_back(
      {"delta", *Label::parse("rootfs.delta"), policies::Payload::Delta{90'000, base, 1'000'000}});
  pinned.put(std::string(kPath), json::to_text(with_delta.to_json()));
  const auto releases = pinned_releases(nullptr, pinned.targets, pinned.contents);
  ASSERT_TRUE(releases) << releases.error().message;
  EXPECT_EQ(describe_release(releases->front()).at(2), "    delta from an image of 90000 bytes, sha256 " + base.hex());
}

TEST(PinnedReleases, AreOnlyTheNewAndTheChangedOnes) {
  const Pinned pinned;
  EXPECT_TRUE(pinned_releases(&pinned.targets, pinned.targets, {})->empty());
  Targets before = pinned.targets;
  before.targets.at(std::string(kPath)).length = 1;
  EXPECT_EQ(pinned_releases(&before, pinned.targets, pinned.contents)->size(), 1u);
}

// Book: KEYT-05
TEST(PinnedReleases, MustBeCarriedAsTheyArePinned) {
  Pinned missing;
  missing.contents.clear();
  EXPECT_EQ(missing.code(), ErrorCode::kPolicy);
  Pinned other;
  other.contents[std::string(kPath)] += " ";
  EXPECT_EQ(other.code(), ErrorCode::kMismatch);
  Pinned second_digest;
  second_digest.targets.targets.at(std::string(kPath)).hashes.sha512 = Sha512();
  EXPECT_EQ(second_digest.code(), ErrorCode::kMismatch);
  Pinned garbage;
  garbage.put(std::string(kPath), "{}");
  EXPECT_EQ(garbage.code(), ErrorCode::kParse);
}

// Book: KEYT-05
TEST(PinnedReleases, LieAtTheirOwnPath) {
  Pinned moved;
  moved.put("camera/releases/1.3/release.json", moved.content);
  EXPECT_EQ(moved.code(), ErrorCode::kPolicy);
  Pinned nested;
  nested.put("x/camera/releases/1.2/release.json", nested.content);
  EXPECT_EQ(nested.code(), ErrorCode::kPolicy);
}

// Book: KEYT-05
TEST(PinnedReleases, HaveTheirSegmentListsPinnedAsTheySay) {
  Pinned unpinned;
  unpinned.targets.targets.erase(std::string(kSegments));
  EXPECT_EQ(unpinned.code(), ErrorCode::kPolicy);
  Pinned other;
  other.targets.targets.at(std::string(kSegments)).hashes.sha256 = Sha256();
  EXPECT_EQ(other.code(), ErrorCode::kPolicy);
  Pinned longer;
  longer.targets.targets.at(std::string(kSegments)).length = 65;
  EXPECT_EQ(longer.code(), ErrorCode::kPolicy);
}

TEST(PinnedReleases, ShowWhatIsAttachedAndThatItIsPinned) {
  const std::string sbom = "camera/releases/1.2/sbom.cdx.json";
  Release attached = release();
  attached.kind = *Label::parse("security");
  attached.attachments = {{"sbom", *Label::parse("sbom.cdx.json"), Sha256::of(as_bytes("made of"))}};
  Pinned pinned;
  pinned.put(std::string(kPath), json::to_text(attached.to_json()));
  EXPECT_EQ(pinned.code(), ErrorCode::kPolicy) << "listed nowhere";
  pinned.targets.targets.emplace(sbom, entry_of("another"));
  EXPECT_EQ(pinned.code(), ErrorCode::kPolicy) << "listed with another digest";
  pinned.targets.targets.insert_or_assign(sbom, entry_of("made of"));
  const auto releases = pinned_releases(nullptr, pinned.targets, pinned.contents);
  ASSERT_TRUE(releases) << releases.error().message;
  const std::vector<std::string> lines = describe_release(releases->front());
  EXPECT_EQ(std::ranges::count(lines, "  kind: security"), 1);
  EXPECT_EQ(std::ranges::count(lines, "  sbom: sbom.cdx.json, sha256 " + Sha256::of(as_bytes("made of")).hex()), 1);
}

// A release of sequence 9 that leads devices below 5 over 1.2, which has the sequence that is given.
struct WithABridge : Pinned {
  static constexpr const char* kPath2 = "camera/releases/2.0/release.json";

  explicit WithABridge(std::int64_t bridge_sequence = 6) {
    Release via = release();
    via.sequence = *policies::Sequence::create(bridge_sequence);
    put(std::string(kPath), json::to_text(via.to_json()));
    Release to = release();
    to.version = *Label::parse("2.0");
    to.sequence = *policies::Sequence::create(9);
    to.bridges = {{*policies::Sequence::create(5), *Label::parse("1.2")}};
    put(kPath2, json::to_text(to.to_json()));
    targets.targets.emplace("camera/releases/2.0/rootfs.segments", targets.targets.at(std::string(kSegments)));
  }
};

// Book: KEYT-05
TEST(PinnedReleases, ShowWhatDevicesInstallFirst) {
  const WithABridge pinned;
  const auto releases = pinned_releases(nullptr, pinned.targets, pinned.contents);
  ASSERT_TRUE(releases) << releases.error().message;
  const std::vector<std::string> lines = describe_release(releases->back());
  EXPECT_EQ(std::ranges::count(lines, "  devices below sequence 5 first install 1.2 (sequence 6)"), 1);
}

TEST(PinnedReleases, LeadOverReleasesThatAreListedAndCarried) {
  WithABridge unlisted;
  unlisted.targets.targets.erase(std::string(kPath));
  EXPECT_EQ(unlisted.code(), ErrorCode::kPolicy);
  WithABridge missing;
  const Targets before = [&] {
    Targets one = missing.targets;
    one.targets.erase(WithABridge::kPath2);
    return one;
  }();
  missing.contents.erase(std::string(kPath));
  const auto refused = pinned_releases(&before, missing.targets, missing.contents);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::kPolicy);
}

TEST(PinnedReleases, LeadOverReleasesThatTakeADevicePastTheBridge) {
  EXPECT_EQ(WithABridge(4).code(), ErrorCode::kPolicy);
  EXPECT_EQ(WithABridge(9).code(), ErrorCode::kPolicy);
}

// Devices below 5 would wait for ever, though the release that strands them is not in the draft's changes.
TEST(PinnedReleases, AreRefusedWhenWhatAnOlderOneLeadsOverGoesOrFalls) {
  const WithABridge before;
  WithABridge removed;
  removed.targets.targets.erase(std::string(kPath));
  const auto without = pinned_releases(&before.targets, removed.targets, removed.contents);
  ASSERT_FALSE(without);
  EXPECT_EQ(without.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(without.error().message, "2.0 (sequence 9) leads over 1.2, which the role does not list");
  const WithABridge lowered(4);
  const auto fallen = pinned_releases(&before.targets, lowered.targets, lowered.contents);
  ASSERT_FALSE(fallen);
  EXPECT_EQ(fallen.error().code, ErrorCode::kPolicy);
  EXPECT_TRUE(pinned_releases(&before.targets, before.targets, before.contents));
}

// A release 2.1 of sequence 10 after 2.0, with the bridges that are given, as it is shown.
std::vector<std::string> shown_after_2_0(WithABridge pinned, std::vector<policies::Bridge> bridges) {
  const Targets before = pinned.targets;
  Release next = release();
  next.version = *Label::parse("2.1");
  next.sequence = *policies::Sequence::create(10);
  next.bridges = std::move(bridges);
  pinned.put("camera/releases/2.1/release.json", json::to_text(next.to_json()));
  pinned.targets.targets.emplace("camera/releases/2.1/rootfs.segments",
                                 pinned.targets.targets.at(std::string(kSegments)));
  const auto releases = pinned_releases(&before, pinned.targets, pinned.contents);
  if (!releases) return {releases.error().message};
  std::vector<std::string> lines = describe_release(releases->back());
  std::erase_if(lines, [](const std::string& line) { return !line.starts_with("  no longer"); });
  return lines;
}

policies::Bridge bridge_over(std::int64_t below, const char* via) {
  return {*policies::Sequence::create(below), *Label::parse(via)};
}

TEST(PinnedReleases, ShowBridgesOfTheReleaseBeforeThatTheyDoNotHave) {
  const auto shown = [](std::vector<policies::Bridge> bridges) {
    return shown_after_2_0(WithABridge(), std::move(bridges));
  };
  using Lines = std::vector<std::string>;
  EXPECT_EQ(shown({}), Lines{"  no longer over 1.2: devices below sequence 5 come straight"});
  EXPECT_EQ(shown({bridge_over(5, "1.2")}), Lines{});
  EXPECT_EQ(shown({bridge_over(6, "1.2")}), Lines{});
  EXPECT_EQ(shown({bridge_over(7, "2.0")}), Lines{}) << "2.0 leads over 1.2 itself";
  EXPECT_EQ(shown({bridge_over(3, "1.2")}),
            Lines{"  no longer over 1.2: devices from sequence 3 and below 5 come straight"});
}

TEST(PinnedReleases, ShowWhatOtherBridgeTheyHave) {
  WithABridge pinned;
  Release other = release();
  other.version = *Label::parse("1.3");
  other.sequence = *policies::Sequence::create(7);
  pinned.put("camera/releases/1.3/release.json", json::to_text(other.to_json()));
  pinned.targets.targets.emplace("camera/releases/1.3/rootfs.segments",
                                 pinned.targets.targets.at(std::string(kSegments)));
  EXPECT_EQ(shown_after_2_0(pinned, {bridge_over(5, "1.3")}),
            std::vector<std::string>{"  no longer over 1.2: devices below sequence 5 go over 1.3"});
}

// Book: KEYT-06
TEST(PinnedReleases, ShowNotesThatSteerNoTerminal) {
  Pinned pinned;
  Release noted = release();
  noted.notes = kHostile + std::string(1'000'00, 'n');
  pinned.put(std::string(kPath), json::to_text(noted.to_json()));
  const auto releases = pinned_releases(nullptr, pinned.targets, pinned.contents);
  ASSERT_TRUE(releases) << releases.error().message;
  for (const std::string& line : describe_release(releases->front())) {
    expect_safe(line);
    EXPECT_LT(line.size(), 500u);
  }
  // Errors name paths that others chose.
  Targets targets;
  const std::string path = kHostile + "/release.json";
  targets.targets.emplace(path, entry_of("x"));
  for (const auto& contents : {std::map<std::string, std::string>{}, {{path, "x"}}, {{path, "y"}}}) {
    const auto refused = pinned_releases(nullptr, targets, contents);
    ASSERT_FALSE(refused);
    expect_safe_error(refused.error());
  }
}

}  // namespace
}  // namespace tenon::keyctl
