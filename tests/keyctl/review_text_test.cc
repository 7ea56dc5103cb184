#include <tenon/keyctl/review_text.h>
#include <tenon/policies/rehearsal.h>

#include <algorithm>
#include <string>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>

namespace tenon::keyctl {
namespace {

Report shown(const SigningRequest& request, const ReviewContext& context) {
  const Result<Review> review = review_request(carried(request), context);
  EXPECT_TRUE(review) << review.error().message;
  return describe_review(*review);
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != text.npos; at = text.find(part, at + part.size())) ++found;
  return found;
}

metadata::DelegatedRole delegation_to(const std::string& name, const std::string& pattern, const Person& person) {
  return {*metadata::RoleName::parse_delegated(name),
          {{person.file.keyid}, *metadata::Threshold::create(1)},
          {.patterns = std::vector{*metadata::PathPattern::parse(pattern)}},
          true};
}

// A request whose every text that others chose is hostile.
SigningRequest hostile_request(CeremonyBuilder& world) {
  const std::string name = "p\xd0\xb0y\xc2\x9b\xe2\x80\xae";  // a role name may hold no ASCII control characters
  metadata::Targets after = world.targets(2);
  after.targets[kHostile] = {1, {Sha256(), {}, {}}, {}};
  after.targets["long" + std::string(1'000'000, 'x')] = {1, {Sha256(), {}, {}}, {}};
  after.targets["notes.txt"].extra.set(kHostile, kHostile);
  after.extra.set(kHostile, kHostile);
  after.delegations = metadata::Delegations{.keys = {{world.dave.file.keyid, world.dave.file.key}}};
  after.delegations->roles = {delegation_to(name, "p\xd0\xb0y/\xe2\x80\x8b*", world.dave)};
  after.delegations->roles.front().extra.set(kHostile, kHostile);
  SigningRequest request = world.targets_update(after);
  request.documents.front().reasons = {{kHostile, kHostile}, {"", kHostile}, {"targets", kHostile}};
  request.documents.front().children = {{kHostile, kHostile}};
  return request;
}

// Book: KEYT-06
// Book: KEYT-07
TEST(DescribeReview, HoldsNothingThatSteersATerminal) {
  CeremonyBuilder world;
  const Report report = shown(hostile_request(world), world.context(world.memory()));
  expect_safe(report.text);
  expect_safe_data(report.data);
  EXPECT_LT(report.text.size(), 100'000u);
  EXPECT_NE(report.text.find("[not ASCII: U+0430 U+009B U+202E]"), std::string::npos) << report.text;
  EXPECT_NE(report.text.find("\\x1b]52;c;ZXZpbA==\\x07"), std::string::npos);
}

// Book: KEYT-06
// Book: KEYT-07
TEST(DescribeReview, SpellsOutTheNamesOfPeopleWhateverTheirPolicyCallsThem) {
  CeremonyBuilder world;
  SigningPolicy policy = world.policy(2);
  policies::Custodian& alice = policy.custodians.at(world.team.alice.file.keyid);
  alice.name = "\xd0\x90lice";
  alice.organisation = "e\xcc\x81";
  alice.contact = "\xc3\xa9";
  alice.token = std::string(900, 't');
  policy.waivers = {{"P22", kInAYear, "because \xd0\xb0", {world.team.bob.file.keyid}}};
  SigningRequest request = world.rotation();
  request.documents.push_back(document_of("policy", policy.to_json()));
  request.policy_sha256 = policy.digest();
  request.documents.back().reasons = {{"", "x"}};
  const Report report = shown(request, world.context(world.memory()));
  expect_safe(report.text);
  expect_safe_data(report.data);
  EXPECT_NE(report.text.find("\xd0\x90lice [not ASCII: U+0410]"), std::string::npos);
}

// Book: KEYT-06
TEST(DescribeReview, IsNeverOfAPolicyThatHoldsControlCharacters) {
  CeremonyBuilder world;
  for (const char* text : {"\x1b[2J", "\xc2\x9b", "\xe2\x80\xae", "\xe2\x80\x8b", "\t", "\r", "\x07"}) {
    SigningPolicy policy = world.policy(2);
    policy.custodians.at(world.team.alice.file.keyid).name = std::string("a") + text;
    SigningRequest request = world.rotation();
    request.documents.push_back(document_of("policy", policy.to_json()));
    const Result<Review> review = review_request(request, world.context(world.memory()));
    ASSERT_FALSE(review) << text;
    EXPECT_EQ(review.error().code, ErrorCode::kParse);
    expect_safe_error(review.error());
  }
}

// Book: KEYT-08
TEST(DescribeReview, ShowsTheOneDelegationBeforeFiftyThousandFiles) {
  CeremonyBuilder world;
  metadata::Targets after = world.targets(2);
  for (int i = 0; i < 50'000; ++i) after.targets["flood/" + std::to_string(i)] = {1, {Sha256(), {}, {}}, {}};
  after.targets.erase("notes.txt");
  after.delegations = metadata::Delegations{.keys = {{world.dave.file.keyid, world.dave.file.key}}};
  after.delegations->roles = {delegation_to("quiet", "boot/*", world.dave)};
  const Report report = shown(world.targets_update(after), world.context(world.memory()));
  const std::size_t power = report.text.find("who may do what (3):\n    - role quiet may now speak for boot/*");
  const std::size_t removed = report.text.find("what was released before (2):");
  const std::size_t flood = report.text.find("as every new version (50002):");
  ASSERT_NE(power, std::string::npos) << report.text.substr(0, 3000);
  ASSERT_NE(removed, std::string::npos) << report.text.substr(0, 3000);
  ASSERT_NE(flood, std::string::npos);
  EXPECT_LT(power, removed);
  EXPECT_LT(removed, flood);
  EXPECT_NE(report.text.find("target notes.txt is removed"), std::string::npos);
  EXPECT_NE(report.text.find("and 49802 more"), std::string::npos);
  EXPECT_LT(count(report.text, "\n"), 300u);
  // Scripts see all of it.
  const json::Array& documents = *report.data.find("documents")->array();
  EXPECT_EQ(documents.front().object()->find("changes")->array()->size(), 50'007u);
}

// Book: KEYT-08
TEST(DescribeReview, CutsNoListOfWhatHasPowerOrWasReleasedBefore) {
  CeremonyBuilder world;
  metadata::Targets before = world.targets(1);
  for (int i = 0; i < 2'000; ++i) before.targets["old/" + std::to_string(i)] = {1, {Sha256(), {}, {}}, {}};
  SigningRequest request = world.targets_update(world.targets(2));
  request.documents.front().previous = sign_by(before.to_json(), {&world.team.carol});
  const Report report = shown(request, world.context(world.memory()));
  EXPECT_EQ(count(report.text, " is removed: "), 2'000u);
}

// Book: KEYT-05
TEST(DescribeReview, NamesDigestsWordsVersionsHoldersAndTheEnd) {
  CeremonyBuilder world;
  const SigningRequest request = world.rotation();
  const Report report = shown(request, world.context(world.memory()));
  for (const std::string& part :
       {"request " + request.id().hex().substr(0, 16) + " for repository acme-fw",
        std::string("1. root: version 1 -> 2"), "expires " + kInAYear.text() + " (in 365 days)",
        "sha256 of what is signed: " + request.documents.front().payload_sha256().hex(),
        std::string("the old root: 2 of 3: Person alice ("), std::string("the new root: 2 of 3: Person alice ("),
        "Person dave (" + world.dave.file.keyid.brief() + ") may now sign root",
        "Person carol (" + world.team.carol.file.keyid.brief() + ") may no longer sign root",
        std::string("judged by policy version 1, a LAB policy"), std::string("compared with root version 1")}) {
    EXPECT_NE(report.text.find(part), std::string::npos) << part << "\n" << report.text;
  }
  const Review review = *review_request(request, world.context(world.memory()));
  EXPECT_EQ(review.words(), "acme-fw root 2");
  std::string code = review.code.line();
  EXPECT_EQ(report.data.find("safety_code")->string()->compare(code), 0);
  EXPECT_NE(report.text.find("    " + code.substr(0, 19) + "\n    " + code.substr(20, 19) + "\n"), std::string::npos);
}

// Book: KEYT-08
TEST(DescribeReview, SaysFirstThatARehearsalIsOne) {
  CeremonyBuilder world;
  metadata::Root root = world.root();
  policies::mark_rehearsal(root);
  SigningRequest request = world.first();
  request.documents.front() = document_of("root", root.to_json());
  request.rehearsal = true;
  EXPECT_TRUE(shown(request, world.context({})).text.starts_with("REHEARSAL"));
  EXPECT_EQ(review_request(request, world.context({}))->words(), "rehearsal of acme-fw root 1 policy 1");
}

}  // namespace
}  // namespace tenon::keyctl
