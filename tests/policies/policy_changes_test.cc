#include <tenon/policies/policy_changes.h>

#include <gtest/gtest.h>
#include <tests/policies/signing_scenario.h>
#include <tests/support/json_edit.h>

namespace tenon::policies {
namespace {

SigningPolicy policy() {
  SigningPolicy all = company_policy();
  all.waivers = {{"P06", in_days(10), "later", {kRootKeys[0].keyid()}}};
  return all;
}

TEST(PolicyChanges, AreNoneBetweenEqualPolicies) {
  EXPECT_TRUE(policy_changes(policy(), policy()).empty());
}

// Book: KEYT-05
TEST(PolicyChanges, NameEveryMemberThatDiffers) {
  const json::Value whole = policy().to_json();
  std::size_t tried = 0;
  for (const tests::JsonPath& path : tests::paths_of(whole)) {
    const json::Value& old = tests::at(whole, path);
    json::Value other;
    if (const std::int64_t* number = old.integer()) other = *number + 1;
    if (const bool* truth = old.boolean()) other = !*truth;
    if (const std::string* text = old.string()) other = *text + "x";
    if (other.is_null()) continue;
    const Result<SigningPolicy> after = SigningPolicy::parse(tests::with(whole, path, other));
    if (!after) continue;  // no policy can hold it
    ++tried;
    const std::vector<Change> changes = policy_changes(policy(), *after);
    ASSERT_EQ(changes.size(), 1u) << tests::text_of(path);
    EXPECT_TRUE(tests::text_of(path).starts_with(changes[0].place)) << changes[0].place;
  }
  EXPECT_GT(tried, 150u);
}

TEST(PolicyChanges, WeighWhatEachMemberDecides) {
  SigningPolicy after = policy();
  after.version = *metadata::Version::create(2);
  after.custodians.at(kRootKeys[0].keyid()).contact = "+49 1234";
  after.roles.at("targets").min_threshold = 1;
  const std::vector<Change> changes = policy_changes(policy(), after);
  ASSERT_EQ(changes.size(), 3u);
  EXPECT_EQ(changes[0], (Change{Weight::kContent, "custodians/" + kRootKeys[0].keyid().text() + "/contact",
                                "custodians/" + kRootKeys[0].keyid().text() + "/contact: \"\" -> \"+49 1234\""}));
  EXPECT_EQ(changes[1], (Change{Weight::kPower, "roles/targets/min_threshold", "roles/targets/min_threshold: 2 -> 1"}));
  EXPECT_EQ(changes[2], (Change{Weight::kRoutine, "version", "version: 1 -> 2"}));
}

TEST(PolicyChanges, ShowAPersonWhoGoesInOneLine) {
  SigningPolicy after = policy();
  after.custodians.erase(kRootKeys[0].keyid());
  const std::vector<Change> changes = policy_changes(policy(), after);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].place, "custodians/" + kRootKeys[0].keyid().text());
  EXPECT_EQ(changes[0].weight, Weight::kPower);
  EXPECT_NE(changes[0].text.find("\"name\":\"Alice\""), std::string::npos);
  EXPECT_TRUE(changes[0].text.ends_with(" -> nothing"));
}

// A list that is shown in one line and cut hides what stands at its end.
// Book: KEYT-08
TEST(PolicyChanges, HideNoWaiverBehindLongOnesAndNoNameBehindALongContact) {
  SigningPolicy before = policy();
  for (const char* rule : {"P22", "P23", "P33"}) {
    before.waivers.push_back({rule, in_days(9), std::string(1000, 'r'), {}});
  }
  SigningPolicy after = before;
  after.waivers.push_back({"P14", in_days(9), std::string(1000, 'r'), {}});
  const std::vector<Change> changes = policy_changes(before, after);
  ASSERT_EQ(changes.size(), 1u);
  EXPECT_EQ(changes[0].weight, Weight::kPower);
  EXPECT_TRUE(changes[0].text.starts_with("waivers: now with {"));
  EXPECT_NE(changes[0].text.find("\"rule\":\"P14\""), std::string::npos);
  EXPECT_EQ(changes[0].text.find("P22"), std::string::npos);
  std::swap(after.waivers.front(), after.waivers.back());
  EXPECT_FALSE(policy_changes(before, after).empty());

  SigningPolicy person = policy();
  Custodian mallory = person.custodians.begin()->second;
  mallory.contact = std::string(1024, 'c');
  mallory.name = "Mallory";
  person.custodians.emplace(TestKey(78).keyid(), mallory);
  EXPECT_NE(policy_changes(policy(), person).front().text.find("Mallory"), std::string::npos);
}

TEST(PolicyChanges, AreAllMembersOfAFirstPolicy) {
  const std::vector<Change> changes = policy_changes(std::nullopt, policy());
  EXPECT_GT(changes.size(), 100u);
  for (const Change& change : changes) EXPECT_NE(change.text.find("nothing -> "), std::string::npos) << change.text;
}

}  // namespace
}  // namespace tenon::policies
