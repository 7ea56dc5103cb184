// Shares, places and ramps. The places are computed with Python's hashlib from the formula in rollout.h.
#include <tenon/policies/rollout.h>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::policies {
namespace {

using metadata::UtcTime;

Share share(std::int64_t value) {
  return *Share::create(value);
}

UtcTime start() {
  return *UtcTime::parse("2026-11-23T06:00:00Z");
}

TEST(Share, IsReadInPercentAndWrittenSo) {
  for (const auto& [text, value] : std::map<std::string, std::int64_t>{
           {"0%", 0}, {"100%", 10'000}, {"5%", 500}, {"0.25%", 25}, {"0.01%", 1}, {"12.5%", 1250}, {"99.99%", 9999}}) {
    const Result<Share> read = Share::parse_percent(text);
    ASSERT_TRUE(read) << text;
    EXPECT_EQ(read->value(), value) << text;
    EXPECT_EQ(read->percent(), text);
  }
  EXPECT_EQ(Share::parse_percent("050.00%")->value(), 5000);
  for (const char* text : {"", "%", "5", "5 %", "-1%", "+1%", "100.01%", "101%", "1000%", "0.125%", "1.%", ".5%", "5%%",
                           "0x5%", "1e1%", "1,5%"}) {
    EXPECT_EQ(tests::code_of(Share::parse_percent(text)), "E_PARSE") << text;
  }
}

TEST(PlaceOf, IsTheSameEverywhere) {
  EXPECT_EQ(place_of("1.4.2", "device-1"), 9911);
  EXPECT_EQ(place_of("1.4.2", "device-2"), 9367);
  EXPECT_EQ(place_of("1.4.3", "device-1"), 3270);
  EXPECT_EQ(place_of("1.0.0", ""), 4890);
  EXPECT_EQ(place_of("1.0.0", "caf\xC3\xA9"), 9059);
  EXPECT_EQ(place_of("2", "0123456789abcdef0123456789abcdef"), 4798);
}

TEST(PlaceOf, GivesEachShareItsPartOfAFleetAndEachReleaseOtherCanaries) {
  constexpr int kDevices = 20'000;
  int in_five_percent = 0;
  int in_both = 0;
  for (int i = 0; i < kDevices; ++i) {
    const std::string id = "device-" + std::to_string(i);
    const bool first = place_of("1.4.2", id) < 500;
    in_five_percent += first ? 1 : 0;
    in_both += first && place_of("1.4.3", id) < 500 ? 1 : 0;
  }
  EXPECT_EQ(in_five_percent, 1048);  // 5.24 %, as hashlib has it
  EXPECT_LT(in_both, kDevices / 100);
}

TEST(Ramp, RisesInStraightLinesAndNeverFalls) {
  const Ramp ramp = *Ramp::create(start(), {{0, share(500)}, {86'400, share(2500)}, {172'800, share(10'000)}});
  for (const auto& [after, value] : std::map<std::int64_t, std::int64_t>{{-1, 0},
                                                                         {0, 500},
                                                                         {43'200, 1500},
                                                                         {86'399, 2499},
                                                                         {86'400, 2500},
                                                                         {129'600, 6250},
                                                                         {172'800, 10'000},
                                                                         {1'000'000'000, 10'000}}) {
    EXPECT_EQ(ramp.at(start().plus_seconds(after)).value(), value) << after;
  }
  Share before = Share::none();
  for (std::int64_t after = 0; after <= 180'000; after += 60) {
    const Share now = ramp.at(start().plus_seconds(after));
    EXPECT_GE(now, before);
    EXPECT_LE(now.value() - before.value(), after == 0 ? 500 : 7) << "no cliff: 60 s of 7500 in 86400 s";
    before = now;
  }
}

TEST(Ramp, RefusesPointsThatGoBackOrLieOutside) {
  EXPECT_FALSE(Ramp::create(start(), {}));
  EXPECT_FALSE(Ramp::create(start(), {{-1, share(1)}}));
  EXPECT_FALSE(Ramp::create(start(), {{0, share(1)}, {0, share(2)}}));
  EXPECT_FALSE(Ramp::create(start(), {{5, share(1)}, {4, share(2)}}));
  EXPECT_FALSE(Ramp::create(start(), {{0, share(2)}, {1, share(1)}}));
  EXPECT_FALSE(Ramp::create(start(), {{INT64_MAX, share(1)}}));
  EXPECT_FALSE(Ramp::create(start(), std::vector<Ramp::Point>(65, {0, share(1)})));
  EXPECT_TRUE(Ramp::create(start(), {{0, share(1)}, {1, share(1)}}));
}

TEST(Rollout, TakesTheLargestShareThatCounts) {
  Rollout rollout{.share = share(100),
                  .ramp = *Ramp::create(start(), {{0, share(200)}, {100, share(400)}}),
                  .groups = {{*Label::parse("lab"), share(300)}}};
  const Label lab = *Label::parse("lab");
  EXPECT_EQ(rollout.share_of(std::nullopt, std::nullopt), share(100)) << "no ramp without a trusted time";
  EXPECT_EQ(rollout.share_of(std::nullopt, start()), share(200));
  EXPECT_EQ(rollout.share_of(lab, start()), share(300));
  EXPECT_EQ(rollout.share_of(lab, start().plus_seconds(100)), share(400));
  EXPECT_EQ(rollout.share_of(*Label::parse("other"), std::nullopt), share(100));
  rollout.share = Share::all();
  EXPECT_EQ(rollout.share_of(lab, start()), Share::all());
}

}  // namespace
}  // namespace tenon::policies
