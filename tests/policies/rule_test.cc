// The engine by itself: severities, waivers, and what is not known.
#include <tenon/policies/rsa_key.h>
#include <tenon/policies/rule.h>

#include <array>

#include <gtest/gtest.h>
#include <tests/support/json_edit.h>

namespace tenon::policies {
namespace {

using metadata::KeyId;
using metadata::UtcTime;

struct Weather {
  int wind = 0;
  bool indoors = false;
};

constexpr Rule<Weather> kRules[] = {
    {.id = "W1",
     .severity = Severity::kError,
     .title = "no storm",
     .standard = "100",
     .source = "sailors",
     .explanation = "masts break",
     .advice = "wait",
     .concerns = [](const Weather& weather) { return !weather.indoors; },
     .check =
         [](const Weather& weather) {
           return weather.wind > 100 ? std::vector<Breach>{{"wind", "100 or less", std::to_string(weather.wind)}}
                                     : std::vector<Breach>();
         }},
    {.id = "W2",
     .severity = Severity::kWarning,
     .title = "no breeze",
     .standard = "10",
     .source = "hats",
     .explanation = "hats fly",
     .advice = "hold on to it",
     .concerns = [](const Weather& weather) { return !weather.indoors; },
     .check =
         [](const Weather& weather) {
           std::vector<Breach> breaches;
           if (weather.wind > 10) breaches.push_back({"wind", "10 or less", std::to_string(weather.wind)});
           if (weather.wind > 20) breaches.push_back({"gusts", "none", "some"});
           if (weather.wind < 1) breaches.push_back({"wind", "some", "none", Severity::kInfo});
           return breaches;
         }},
};
const std::span<const Rule<Weather>> kTable = kRules;
const UtcTime kNow = *UtcTime::from_unix(1'000'000);

Waiver waiver_of(const char* rule, std::int64_t seconds_left) {
  return {rule, kNow.plus_seconds(seconds_left), "harbour", {*KeyId::parse("captain")}};
}

Judgement judge(int wind, const std::vector<Waiver>& waivers = {}, bool indoors = false) {
  return evaluate(kTable, Weather{wind, indoors}, waivers, kNow);
}

TEST(Judgement, RefusesForAnErrorAndAsksForAnAcknowledgementForAWarning) {
  EXPECT_FALSE(judge(5).refused());
  EXPECT_TRUE(judge(5).findings.empty());
  EXPECT_FALSE(judge(15).refused());
  EXPECT_EQ(judge(15).needs_acknowledgement(), std::vector<std::string>{"W2"});
  EXPECT_TRUE(judge(150).refused());
}

TEST(Judgement, NamesAWarningOnceAndDropsThoseThatWereAcknowledged) {
  EXPECT_EQ(judge(25).findings.size(), 2u);
  EXPECT_EQ(judge(25).needs_acknowledgement(), std::vector<std::string>{"W2"});
  const std::vector<std::string> acknowledged = {"W2"};
  EXPECT_TRUE(judge(25).unacknowledged(acknowledged).empty());
  EXPECT_TRUE(judge(150).refused()) << "an acknowledgement is no waiver";
}

TEST(Judgement, ShowsAnInfoAndAsksForNothing) {
  const Judgement calm = judge(0);
  ASSERT_EQ(calm.findings.size(), 1u);
  EXPECT_EQ(calm.findings[0].severity, Severity::kInfo);
  EXPECT_FALSE(calm.refused());
  EXPECT_TRUE(calm.needs_acknowledgement().empty());
}

TEST(Judgement, CountsAWaiverUntilItsMomentAndNotAtIt) {
  EXPECT_FALSE(judge(150, {waiver_of("W1", 1), waiver_of("W2", 1)}).refused());
  EXPECT_TRUE(judge(150, {waiver_of("W1", 0)}).refused());
  EXPECT_TRUE(judge(150, {waiver_of("W2", 1)}).refused()) << "a waiver of another rule";
  const Judgement lapsed = judge(150, {waiver_of("W1", -5)});
  EXPECT_EQ(lapsed.findings[0].lapsed, waiver_of("W1", -5));
}

TEST(Judgement, TakesTheLongestOfSeveralWaivers) {
  for (const auto& waivers : {std::vector{waiver_of("W1", -1), waiver_of("W1", 9), waiver_of("W1", 3)},
                              std::vector{waiver_of("W1", 9), waiver_of("W1", 3), waiver_of("W1", -1)}}) {
    const Judgement judgement = judge(150, waivers);
    EXPECT_FALSE(judgement.refused());
    EXPECT_EQ(judgement.findings[0].waiver, waiver_of("W1", 9));
  }
}

TEST(Judgement, RefusesWhenAWaiverNamesARuleThatIsNotKnown) {
  for (const std::int64_t left : {-5, 5}) {
    const Judgement judgement = judge(5, {waiver_of("W99", left)});
    EXPECT_TRUE(judgement.refused()) << "whoever wrote it relied on a rule that we do not have";
    EXPECT_EQ(judgement.findings[0].breach.place, "policy/waivers/W99");
  }
}

TEST(Judgement, SaysWhichRulesHadNothingToLookAt) {
  const Judgement judgement = judge(150, {}, true);
  EXPECT_FALSE(judgement.refused());
  EXPECT_TRUE(judgement.asked.empty());
  EXPECT_EQ(judgement.not_asked, (std::vector<std::string>{"W1", "W2"}));
}

TEST(Judgement, HasBothSidesInItsJson) {
  const json::Value value = judge(150, {waiver_of("W1", 60)}).to_json();
  EXPECT_EQ(*tests::at(value, {"refused"}).boolean(), false);
  EXPECT_EQ(*tests::at(value, {"findings", "0", "rule"}).string(), "W1");
  EXPECT_EQ(*tests::at(value, {"findings", "0", "severity"}).string(), "error");
  EXPECT_EQ(*tests::at(value, {"findings", "0", "expected"}).string(), "100 or less");
  EXPECT_EQ(*tests::at(value, {"findings", "0", "found"}).string(), "150");
  EXPECT_EQ(*tests::at(value, {"findings", "0", "waiver", "reason"}).string(), "harbour");
  EXPECT_EQ(*tests::at(value, {"needs_acknowledgement", "0"}).string(), "W2");
}

TEST(Rule, ExplainsItself) {
  EXPECT_EQ(explain(kRules[0]),
            "W1: no storm\n  broken: refuses\n  why: masts break\n  default: 100\n  source: sailors\n"
            "  what to do: wait\n");
}

// Origin: RFC 5280 and RFC 8017, by hand: SEQUENCE { SEQUENCE {}, BIT STRING { SEQUENCE { n, e } } }.
Bytes rsa_spki(std::size_t modulus_bytes, const Bytes& exponent) {
  const auto element = [](std::uint8_t tag, const Bytes& content) {
    Bytes der = {tag, 0x82, static_cast<std::uint8_t>(content.size() >> 8), static_cast<std::uint8_t>(content.size())};
    der.insert(der.end(), content.begin(), content.end());
    return der;
  };
  const auto joined = [](Bytes a, const Bytes& b) {
    a.insert(a.end(), b.begin(), b.end());
    return a;
  };
  Bytes modulus(modulus_bytes + 1, 0xFF);
  modulus[0] = 0;
  const Bytes key = element(0x30, joined(element(0x02, modulus), element(0x02, exponent)));
  return element(0x30, joined(element(0x30, {}), element(0x03, joined({0}, key))));
}

TEST(RsaNumbers, AreTheLengthAndTheExponent) {
  const auto numbers = rsa_numbers(rsa_spki(384, {0x01, 0x00, 0x01}));
  ASSERT_TRUE(numbers);
  EXPECT_EQ(numbers->bits, 3072);
  EXPECT_EQ(numbers->exponent, 65'537u);
  EXPECT_EQ(rsa_numbers(rsa_spki(256, {0x01, 0x00, 0x03}))->bits, 2048);
  EXPECT_EQ(rsa_numbers(rsa_spki(256, {0x01, 0x00, 0x03}))->exponent, 65'539u);
  EXPECT_EQ(rsa_numbers(rsa_spki(256, Bytes(9, 0x11)))->exponent, 0u);
}

TEST(RsaNumbers, AreNothingForAnyShorterOrLongerText) {
  const Bytes whole = rsa_spki(384, {0x01, 0x00, 0x01});
  for (std::size_t size = 0; size < whole.size(); ++size)
    EXPECT_FALSE(rsa_numbers(ByteView(whole).first(size))) << size;
  Bytes longer = whole;
  longer.push_back(0);
  EXPECT_FALSE(rsa_numbers(longer));
  EXPECT_FALSE(rsa_numbers(rsa_spki(384, {0x81})));
}

}  // namespace
}  // namespace tenon::policies
