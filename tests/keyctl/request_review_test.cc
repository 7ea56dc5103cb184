#include <tenon/keyctl/judgement_text.h>
#include <tenon/keyctl/request_review.h>
#include <tenon/keyctl/review_text.h>

#include <algorithm>
#include <limits>
#include <string>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>

namespace tenon::keyctl {
namespace {

using metadata::TopRole;

ErrorCode code_of(const Result<Review>& review) {
  return review ? ErrorCode::kUsage : review.error().code;
}

bool names_rule(const Review& review, const std::string& rule) {
  return std::ranges::any_of(review.documents, [&](const ReviewedDocument& one) {
    return std::ranges::any_of(one.judgement.findings,
                               [&](const policies::Finding& finding) { return finding.rule == rule; });
  });
}

std::string findings_of(const Review& review) {
  std::string text;
  for (const ReviewedDocument& one : review.documents) text += describe(one.judgement);
  return text;
}

TEST(ReviewRequest, FindsNothingWrongWithOrdinaryRequests) {
  CeremonyBuilder world;
  for (const SigningRequest& request : {world.rotation(), world.targets_update(world.targets(2))}) {
    const Result<Review> review = review_request(carried(request), world.context(world.memory()));
    ASSERT_TRUE(review) << review.error().message;
    EXPECT_FALSE(review->refused()) << findings_of(*review);
  }
  const Result<Review> first = review_request(carried(world.first()), world.context({}));
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_FALSE(first->refused()) << findings_of(*first);
}

// One bit of every position, in thirds: nothing of what is signed changes unseen.
class ChangedByte : public testing::TestWithParam<std::size_t> {};
INSTANTIATE_TEST_SUITE_P(OfARequest, ChangedByte, testing::Values(0, 1, 2));

// Book: KEYT-01
TEST_P(ChangedByte, IsRefusedOrShown) {
  CeremonyBuilder world;
  const std::string original = world.rotation().to_text();
  const ReviewContext context = world.context(world.memory());
  const Review honest = *review_request(*SigningRequest::parse(as_bytes(original)), context);
  std::size_t shown = 0;
  for (std::size_t at = GetParam(); at < original.size(); at += 3) {
    std::string changed = original;
    changed[at] = static_cast<char>(changed[at] ^ (1 << (at % 7)));
    const Result<SigningRequest> request = SigningRequest::parse(as_bytes(changed));
    if (!request) continue;
    const Result<Review> review = review_request(*request, context);
    if (!review) {
      expect_safe_error(review.error());
      continue;
    }
    const DocumentReview& document = review->documents.front().review;
    const DocumentReview& was = honest.documents.front().review;
    const bool same_payload = document.payload_sha256() == was.payload_sha256();
    ASSERT_EQ(same_payload, document.changes == was.changes) << at;
    ASSERT_EQ(same_payload, review->code == honest.code) << at;
    ASSERT_EQ(document.holders.size(), was.holders.size());
    for (std::size_t i = 0; i < was.holders.size(); ++i) {
      if (same_payload) {
        ASSERT_EQ(document.holders[i].role, was.holders[i].role) << at;
      }
    }
    ASSERT_EQ(review->policy, honest.policy) << at;
    if (request->id() != honest.request.id()) {
      ++shown;
      ASSERT_NE(describe_review(*review).text, describe_review(honest).text) << at;
    }
  }
  EXPECT_GT(shown, 0u);
}

// Book: KEYT-01
TEST(ReviewRequest, RefusesAnotherChainOfRootsThanTheRememberedOne) {
  CeremonyBuilder world;
  CeremonyBuilder impostor;
  SigningRequest request = impostor.rotation();
  EXPECT_EQ(code_of(review_request(request, world.context(world.memory()))), ErrorCode::kMismatch);
  request.roots.clear();
  // Judged by the remembered root, whatever the request leaves out: the old root's keys are Alice's, not the impostor's.
  request.policy.reset();
  const Result<Review> review = review_request(request, world.context(world.memory()));
  ASSERT_TRUE(review) << review.error().message;
  EXPECT_EQ(review->documents.front().review.holders.front().role, world.root().role(TopRole::kRoot));
  // A root that follows the remembered one by number alone.
  request.roots = {sign_by(impostor.root_2().to_json(), impostor.enough())};
  EXPECT_EQ(code_of(review_request(request, world.context(world.memory()))), ErrorCode::kSig);
}

// Book: KEYT-04
TEST(ReviewRequest, BelievesNoRootOfARequestWhenNothingIsRemembered) {
  CeremonyBuilder world;
  const Result<Review> review = review_request(world.rotation(), world.context({}));
  EXPECT_EQ(code_of(review), ErrorCode::kPolicy);
  EXPECT_NE(review.error().hint.find("root trust"), std::string::npos);
}

// Whoever signed the first root is never led through a second first ceremony.
// Book: KEYT-02
// Book: KEYT-04
TEST(ReviewRequest, RefusesASecondFirstCeremonyOfARepository) {
  CeremonyBuilder world;
  Memory memory;
  memory.marks["root"] = {1, world.first().documents[0].payload_sha256()};
  memory.marks["policy"] = {1, world.first().documents[1].payload_sha256()};
  EXPECT_TRUE(review_request(world.first(), world.context(memory)));  // the same again
  SigningRequest second = world.first();
  second.documents = {document_of("root", world.root(2).to_json()), document_of("policy", world.policy(2).to_json())};
  const Result<Review> review = review_request(second, world.context(memory));
  EXPECT_EQ(code_of(review), ErrorCode::kPolicy);
  EXPECT_NE(review.error().message.find("carries no root"), std::string::npos);
  second.documents.erase(second.documents.begin());
  EXPECT_EQ(code_of(review_request(second, world.context(memory))), ErrorCode::kPolicy);
  metadata::Root twin = world.root(1);
  twin.header.expires = kInAYear.plus_seconds(1);
  second.documents = {document_of("root", twin.to_json()), document_of("policy", world.policy(1).to_json())};
  EXPECT_EQ(code_of(review_request(second, world.context(memory))), ErrorCode::kRollback);
}

// Book: KEYT-04
TEST(ReviewRequest, TakesThePolicyFromTheRootsThresholdAndNotFromTheRequest) {
  CeremonyBuilder world;
  const ReviewContext knows_root = world.context({to_bytes(world.root_1()), {}, {}});
  SigningRequest request = world.rotation();
  EXPECT_TRUE(review_request(request, knows_root));
  const json::Value policy = world.policy().to_json();
  request.policy = metadata::Envelope::unsigned_of(policy).to_text();
  EXPECT_EQ(code_of(review_request(request, knows_root)), ErrorCode::kSig);
  request.policy = sign_by(policy, {&world.team.alice});
  EXPECT_EQ(code_of(review_request(request, knows_root)), ErrorCode::kSig);
  request.policy = sign_by(policy, {&world.team.alice, &world.dave, &world.team.online});
  EXPECT_EQ(code_of(review_request(request, knows_root)), ErrorCode::kSig);
  request.policy = "{}";
  EXPECT_EQ(code_of(review_request(request, knows_root)), ErrorCode::kParse);
  request.policy.reset();
  EXPECT_EQ(code_of(review_request(request, knows_root)), ErrorCode::kPolicy);
}

// Book: KEYT-04
TEST(ReviewRequest, RefusesAPolicyThatOnlyRemovedRootKeysHaveSigned) {
  CeremonyBuilder world;
  const std::string root_2 = sign_by(world.root_2().to_json(), {&world.team.alice, &world.team.bob, &world.dave});
  SigningRequest request = world.targets_update(world.targets(2));
  request.roots = {root_2};
  request.policy = sign_by(world.policy(2).to_json(), {&world.team.carol, &world.team.alice});  // carol has left
  EXPECT_EQ(code_of(review_request(request, world.context(world.memory()))), ErrorCode::kSig);
  request.policy = sign_by(world.policy(2).to_json(), {&world.dave, &world.team.alice});
  request.policy_sha256 = world.policy(2).digest();
  EXPECT_TRUE(review_request(request, world.context(world.memory())));
}

// Book: KEYT-02
TEST(ReviewRequest, RefusesAPolicyOlderThanTheOneThatIsKnown) {
  CeremonyBuilder world;
  Memory memory = world.memory();
  memory.policy = to_bytes(sign_by(world.policy(3).to_json(), world.enough()));
  SigningRequest request = world.rotation();
  for (std::int64_t version : {1, 2}) {
    request.policy = sign_by(world.policy(version).to_json(), world.enough());
    EXPECT_EQ(code_of(review_request(request, world.context(memory))), ErrorCode::kRollback);
  }
  SigningPolicy other = world.policy(3);
  other.process.require_reason = false;
  request.policy = sign_by(other.to_json(), world.enough());
  EXPECT_EQ(code_of(review_request(request, world.context(memory))), ErrorCode::kRollback);
  request.policy = sign_by(world.policy(4).to_json(), world.enough());
  EXPECT_TRUE(review_request(request, world.context(memory)));
}

// Book: KEYT-01
TEST(ReviewRequest, RefusesTheRequestOrThePolicyOfAnotherRepository) {
  CeremonyBuilder world;
  SigningRequest request = world.rotation();
  request.repository = *Label::parse("other-fw");
  EXPECT_EQ(code_of(review_request(request, world.context(world.memory()))), ErrorCode::kPolicy);
  SigningPolicy other = world.policy(2);
  other.repository = *Label::parse("other-fw");
  request = world.rotation();
  request.policy = sign_by(other.to_json(), world.enough());
  EXPECT_EQ(code_of(review_request(request, world.context(world.memory()))), ErrorCode::kPolicy);
  request = world.rotation();
  request.documents.push_back(document_of("policy", other.to_json()));
  EXPECT_EQ(code_of(review_request(request, world.context(world.memory()))), ErrorCode::kPolicy);
}

// Book: KEYT-02
// Book: SRV-17
TEST(ReviewRequest, RefusesALowerVersionAndAnotherOfTheSameAndTakesTheSameAgain) {
  CeremonyBuilder world;
  const SigningRequest request = world.targets_update(world.targets(2));
  const Sha256 payload = request.documents.front().payload_sha256();
  const auto with_mark = [&](std::int64_t version, const Sha256& digest) {
    Memory memory = world.memory();
    memory.marks["targets"] = {version, digest};
    return review_request(request, world.context(memory));
  };
  EXPECT_EQ(code_of(with_mark(3, Sha256())), ErrorCode::kRollback);
  EXPECT_EQ(code_of(with_mark(2, Sha256())), ErrorCode::kRollback);
  EXPECT_TRUE(with_mark(2, payload));
  EXPECT_TRUE(with_mark(1, Sha256()));
  EXPECT_EQ(code_of(with_mark(std::numeric_limits<std::int64_t>::max(), Sha256())), ErrorCode::kRollback);
}

// The version before is the request's own choice: an old one hides what happened since.
// Book: KEYT-02
TEST(ReviewRequest, SaysThatItWasComparedWithLessThanWasSignedHere) {
  CeremonyBuilder world;
  Memory memory = world.memory();
  memory.marks["targets"] = {6, Sha256()};
  SigningRequest request = world.targets_update(world.targets(7));
  request.documents.front().previous = sign_by(world.targets(1).to_json(), {&world.team.carol});
  const auto text = [&] { return describe_review(*review_request(request, world.context(memory))).text; };
  EXPECT_NE(text().find("COMPARED WITH VERSION 1, but version 6 was signed here"), std::string::npos);
  request.documents.front().previous.reset();
  EXPECT_NE(text().find("COMPARED WITH NOTHING, but version 6 was signed here"), std::string::npos);
  memory.marks["targets"] = {1, Sha256()};
  request = world.targets_update(world.targets(7));
  EXPECT_EQ(text().find("COMPARED WITH"), std::string::npos);
}

// Book: KEYT-01
TEST(ReviewRequest, ShowsAllAsNewWhenTheVersionBeforeWasNotSignedByTheRole) {
  CeremonyBuilder world;
  SigningRequest request = world.targets_update(world.targets(2));
  request.documents.front().previous = sign_by(world.targets(1).to_json(), {&world.dave});
  const Result<Review> review = review_request(request, world.context(world.memory()));
  ASSERT_TRUE(review);
  EXPECT_FALSE(review->documents.front().review.version_before);
  const std::string text = describe_review(*review).text;
  EXPECT_NE(text.find("all of this one is shown as new"), std::string::npos);
  EXPECT_NE(text.find("new target notes.txt"), std::string::npos);
}

// Book: KEYT-08
TEST(ReviewRequest, LetsNoPolicyDoAwayWithReasonsOrPeopleForItsOwnSigning) {
  CeremonyBuilder world;
  SigningPolicy known = world.policy();
  known.process.unattended = false;
  SigningPolicy loose = world.policy(2);
  loose.process.require_reason = false;
  loose.process.unattended = true;
  SigningRequest request = world.rotation();
  request.policy = sign_by(known.to_json(), world.enough());
  request.documents = {document_of("policy", loose.to_json())};
  request.policy_sha256 = loose.digest();
  ReviewContext context = world.context({to_bytes(world.root_1()), to_bytes(*request.policy), {}});
  context.unattended = true;
  const Result<Review> review = review_request(carried(request), context);
  ASSERT_TRUE(review) << review.error().message;
  EXPECT_TRUE(names_rule(*review, "P24"));
  EXPECT_TRUE(names_rule(*review, "P36"));
  context.unattended = false;
  request.documents.front().reasons = {{"process/require_reason", "x"}, {"process/unattended", "x"}};
  const Result<Review> declared = review_request(carried(request), context);
  ASSERT_TRUE(declared);
  EXPECT_FALSE(declared->refused()) << findings_of(*declared);
}

// Book: KEYT-04
TEST(ReviewRequest, NamesAPersonByTheKeyAndNotByTheKeyidThatAFileGivesIt) {
  CeremonyBuilder world;
  metadata::Root next = world.root_2();
  const Person mallory("mallory");
  next.keys.insert_or_assign(world.team.alice.file.keyid, mallory.file.key);
  SigningRequest request = world.rotation();
  request.documents = {document_of("root", next.to_json())};
  const Result<Review> review = review_request(request, world.context(world.memory()));
  ASSERT_TRUE(review);
  EXPECT_TRUE(review->refused());
  EXPECT_TRUE(names_rule(*review, "P14"));
  const std::string brief = world.team.alice.file.keyid.brief();
  EXPECT_EQ(review->label(world.team.alice.file.keyid, &world.team.alice.file.key), "Person alice (" + brief + ")");
  EXPECT_EQ(review->label(world.team.alice.file.keyid, &mallory.file.key), brief);
  EXPECT_NE(describe_review(*review).text.find("another key now stands under the name " + brief), std::string::npos);
}

// Book: KEYT-21
TEST(ReviewRequest, RefusesKeyFilesInARequestThatAreNone) {
  CeremonyBuilder world;
  for (const json::Value& key : {json::Value("alice"), json::Value(json::Object()), json::Value(7)}) {
    SigningRequest request = world.rotation();
    request.keys = {key};
    const Result<Review> review = review_request(request, world.context(world.memory()));
    EXPECT_EQ(code_of(review), ErrorCode::kParse);
  }
}

TEST(ReviewRequest, RefusesRolesThatServersSignAndRolesThatNobodyDelegatesTo) {
  CeremonyBuilder world;
  for (const char* role : {"snapshot", "timestamp", "stranger", "Root"}) {
    SigningRequest request = world.targets_update(world.targets(2));
    request.documents.front().role = role;
    EXPECT_EQ(code_of(review_request(request, world.context(world.memory()))), ErrorCode::kPolicy) << role;
  }
  SigningRequest request = world.rotation();
  request.documents.front().role = "targets";  // a root that calls itself targets
  EXPECT_EQ(code_of(review_request(request, world.context(world.memory()))), ErrorCode::kParse);
}

// Book: KEYT-23
TEST(ReviewRequest, RefusesARequestOfTheFutureAndOneThatIsOver) {
  CeremonyBuilder world;
  for (const std::int64_t days : {-3, 15, 400}) {
    ReviewContext context = world.context(world.memory());
    context.now = kNow.plus_seconds(days * 86'400);
    const Result<Review> review = review_request(world.rotation(), context);
    ASSERT_TRUE(review);
    EXPECT_TRUE(review->refused()) << days;
    EXPECT_TRUE(names_rule(*review, "P31")) << days;
    EXPECT_NE(describe_review(*review).text.find("this machine's clock says " + context.now.text()), std::string::npos);
  }
}

// What is signed as a rehearsal under a root that counts would count.
TEST(ReviewRequest, RefusesARehearsalUnderARootThatIsNone) {
  CeremonyBuilder world;
  for (SigningRequest request : {world.rotation(), world.targets_update(world.targets(2))}) {
    request.rehearsal = true;
    EXPECT_EQ(review_request(carried(request), world.context(world.memory())).error().code, ErrorCode::kPolicy);
  }
}

bool breaks(const Review& review, const std::string& rule) {
  const auto& findings = review.documents.back().judgement.findings;
  return std::ranges::any_of(findings, [&](const policies::Finding& one) { return one.rule == rule && !one.waiver; });
}

SigningPolicy waiving(SigningPolicy policy, std::vector<std::string> rules, const Person& by) {
  for (const std::string& rule : rules) {
    policy.waivers.push_back({rule, kNow.plus_seconds(86'400), "because", {by.file.keyid}});
  }
  return policy;
}

// A policy that nobody has signed yet says nothing of how it is signed.
TEST(ReviewRequest, TakesNoWaiverOfTheRulesForSigningFromADraftOfThePolicy) {
  CeremonyBuilder world;
  SigningRequest request = world.rotation();
  request.documents = {document_of("policy", waiving(world.policy(2), {"P24", "P36"}, world.team.alice).to_json())};
  ReviewContext context = world.context(world.memory());
  const Result<Review> review = review_request(carried(request), context);
  ASSERT_TRUE(review) << review.error().message;
  EXPECT_TRUE(breaks(*review, "P24"));
  EXPECT_TRUE(review->refused());
}

// Who signs targets does not sign the policy: what a draft of one allows is not allowed yet.
TEST(ReviewRequest, JudgesWhatIsBelowRootByThePolicyInForceToo) {
  CeremonyBuilder world;
  metadata::Targets all = world.targets(2);
  all.delegations = metadata::Delegations{.keys = {{world.dave.file.keyid, world.dave.file.key}}};
  all.delegations->roles = {{*metadata::RoleName::parse_delegated("everything"),
                             {{world.dave.file.keyid}, *metadata::Threshold::create(1)},
                             {.patterns = std::vector{*metadata::PathPattern::parse("*")}},
                             true}};
  SigningRequest request = world.targets_update(all);
  SigningPolicy lax = world.policy(2);
  lax.delegations.forbid_paths.clear();
  request.documents.insert(request.documents.begin(), document_of("policy", lax.to_json()));
  request.documents.front().reasons = {{"", "lax"}, {"delegations", "lax"}};
  const Result<Review> review = review_request(carried(request), world.context(world.memory()));
  ASSERT_TRUE(review) << review.error().message;
  EXPECT_TRUE(breaks(*review, "P25"));
  // Without the policy in force the draft would be the only judge.
  request.policy.reset();
  Memory memory = world.memory();
  memory.policy.reset();
  EXPECT_EQ(review_request(carried(request), world.context(memory)).error().code, ErrorCode::kPolicy);
}

// One's own signature is not the threshold of root.
TEST(ReviewRequest, RefusesAPolicyThatThisPersonAloneHasSigned) {
  CeremonyBuilder world;
  SigningRequest request = world.rotation();
  request.policy = sign_by(world.policy(2).to_json(), {&world.team.alice});
  Memory memory = world.memory();
  memory.marks["policy"] = {2, world.policy(2).digest()};
  EXPECT_EQ(review_request(carried(request), world.context(memory)).error().code, ErrorCode::kSig);
}

}  // namespace
}  // namespace tenon::keyctl
