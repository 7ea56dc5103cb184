#include <tenon/keyctl/response_merge.h>

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>
#include <tests/support/scratch_folder.h>

namespace tenon::keyctl {
namespace {

// The coordinator: holds no key.
struct Coordinator {
  CeremonyBuilder world;
  tests::ScratchFolder folder;
  Home home = *Home::open(folder.path() / "home");
  std::vector<MergedFile> written = {};
  int writes = 0;

  explicit Coordinator(bool knows = true) {
    if (knows) TENON_CHECK(home.remember(world.repository, world.memory()).has_value());
  }
  Memory memory() { return *home.recall(world.repository); }
  NamedResponse response(const SigningRequest& request, const std::vector<Person*>& people,
                         const std::string& name = "r") {
    return {name, world.response(request, people)};
  }
  Result<Report> merge(const SigningRequest& request, const std::vector<NamedResponse>& responses) {
    const WriteFiles write = [&](const std::vector<MergedFile>& files) {
      written = files;
      ++writes;
      return Result<void>();
    };
    return merge_responses(home, carried(request), responses, write, kNow);
  }
  std::size_t signatures() const {
    return metadata::Envelope::parse(as_bytes(written.at(0).content), 1u << 20)->signatures().size();
  }
};

// Book: KEYT-22
TEST(MergeResponses, GivesTheSameFileForAnyOrderAndAnyNumberOfTheSame) {
  Coordinator one;
  Team& team = one.world.team;
  const SigningRequest request = one.world.rotation();
  std::vector<NamedResponse> responses = {one.response(request, {&team.alice}, "a"),
                                          one.response(request, {&team.bob}, "b"),
                                          one.response(request, {&one.world.dave}, "d")};
  std::ranges::sort(responses, {}, &NamedResponse::name);
  do {
    const Result<Report> report = one.merge(request, responses);
    ASSERT_TRUE(report) << report.error().message;
    EXPECT_EQ(report->status, ExitStatus::kOk);
    EXPECT_EQ(one.written.at(0).name, "2.root.json");
    EXPECT_EQ(one.signatures(), 3u);
  } while (std::ranges::next_permutation(responses, {}, &NamedResponse::name).found);
  for (int i = 0; i < 3; ++i) responses.push_back(responses[0]);
  const Result<Report> again = one.merge(request, responses);
  ASSERT_TRUE(again);
  EXPECT_EQ(one.signatures(), 3u);
  EXPECT_NE(again->text.find("counted already"), std::string::npos);
}

// Book: KEYT-22
TEST(MergeResponses, WritesAndRemembersNothingBeforeItIsCompleteAndNamesWhoIsMissing) {
  Coordinator one;
  Team& team = one.world.team;
  const Memory before = one.memory();
  const SigningRequest request = one.world.rotation();
  for (const std::vector<Person*>& people :
       {std::vector<Person*>{}, {&team.alice}, {&team.alice, &one.world.dave}, {&team.alice, &team.carol}}) {
    const Result<Report> report = one.merge(request, {one.response(request, people)});
    ASSERT_TRUE(report);
    EXPECT_EQ(report->status, ExitStatus::kNeedsPerson);
    EXPECT_NE(report->text.find("missing Person "), std::string::npos);
    EXPECT_NE(report->text.find("Person bob"), std::string::npos);
    EXPECT_FALSE(*report->data.find("complete")->boolean());
  }
  EXPECT_EQ(one.writes, 0);
  EXPECT_EQ(one.memory(), before);
  EXPECT_EQ(one.home.audit().read()->lines, 0u);
}

// Book: KEYT-22
TEST(MergeResponses, CountsOldAndNewRootsEachByTheirOwnKeys) {
  Coordinator one;
  Team& team = one.world.team;
  const SigningRequest request = one.world.rotation();
  const Result<Report> old_only = one.merge(request, {one.response(request, {&team.alice, &team.carol})});
  ASSERT_TRUE(old_only);
  EXPECT_NE(old_only->text.find("by the keys of the old root: signed by 2, 2 must\n"), std::string::npos);
  EXPECT_NE(old_only->text.find("by the keys of the new root: signed by 1, 2 must; missing"), std::string::npos);
  const Result<Report> both = one.merge(request, {one.response(request, {&team.alice, &team.carol, &one.world.dave})});
  ASSERT_TRUE(both);
  EXPECT_EQ(both->status, ExitStatus::kOk);
}

// Book: KEYT-22
TEST(MergeResponses, SaysOfEverySignatureThatDoesNotCountWhyNot) {
  Coordinator one;
  Team& team = one.world.team;
  const SigningRequest request = one.world.rotation();
  SigningRequest other = request;
  other.created = kNow.plus_seconds(1);
  Person stranger("stranger");
  SigningResponse wrong_payload = one.world.response(request, {&team.alice});
  wrong_payload.signatures.front().payload_sha256 = Sha256();
  SigningResponse wrong_role = one.world.response(request, {&team.alice});
  wrong_role.signatures.front().role = kHostile;
  SigningResponse garbage = one.world.response(request, {&team.alice});
  garbage.signatures.front().signature.hex = std::string(128, '0');
  SigningResponse stolen = one.world.response(request, {&team.bob});
  stolen.signatures.front().signature.keyid = team.alice.file.keyid;
  SigningResponse odd_keyid = one.world.response(request, {&team.alice});
  odd_keyid.signatures.front().signature.keyid = *metadata::KeyId::parse("\xc2\x9b\xe2\x80\xae");
  const auto fate = [&](const SigningResponse& response) {
    const Result<Report> report = one.merge(request, {{kHostile, response}});
    EXPECT_TRUE(report);
    EXPECT_EQ(report->status, ExitStatus::kNeedsPerson);
    expect_safe(report->text);
    expect_safe_data(report->data);
    EXPECT_NE(report->text.find("old root: signed by 0, 2 must"), std::string::npos);
    return report->text;
  };
  EXPECT_NE(fate(one.world.response(other, {&team.alice})).find("of another request"), std::string::npos);
  EXPECT_NE(fate(one.world.response(request, {&stranger})).find("may not sign root"), std::string::npos);
  EXPECT_NE(fate(wrong_payload).find("for another version of root"), std::string::npos);
  EXPECT_NE(fate(wrong_role).find("not a role of this request"), std::string::npos);
  EXPECT_NE(fate(garbage).find("DOES NOT VERIFY"), std::string::npos);
  EXPECT_NE(fate(stolen).find("DOES NOT VERIFY"), std::string::npos);
  EXPECT_NE(fate(odd_keyid).find("may not sign root"), std::string::npos);
  EXPECT_EQ(one.writes, 0);
}

// A forged signature under Alice's name must not keep her own from counting.
// Book: KEYT-22
TEST(MergeResponses, CountsAGoodSignatureAfterABrokenOneOfTheSameKey) {
  Coordinator one;
  Team& team = one.world.team;
  const SigningRequest request = one.world.rotation();
  SigningResponse garbage = one.world.response(request, {&team.alice});
  garbage.signatures.front().signature.hex = std::string(128, '0');
  const Result<Report> report = one.merge(request, {{"g", garbage}, one.response(request, {&team.alice, &team.bob})});
  ASSERT_TRUE(report);
  EXPECT_EQ(report->status, ExitStatus::kOk);
  EXPECT_EQ(one.signatures(), 2u);
}

// Book: KEYT-22
TEST(MergeResponses, RefusesOneKeyUnderTwoKeyids) {
  Coordinator one;
  Team& team = one.world.team;
  const metadata::KeyId alias = *metadata::KeyId::parse("alice-again");
  metadata::Root next = one.world.root(2);
  next.keys.emplace(alias, team.alice.file.key);
  auto& role = next.roles.at(metadata::TopRole::kRoot);
  role.keyids = {team.alice.file.keyid, alias, team.bob.file.keyid};
  SigningRequest request = one.world.rotation();
  request.documents = {document_of("root", next.to_json())};
  SigningResponse twice = one.world.response(request, {&team.alice, &team.carol});
  policies::MadeSignature again = twice.signatures.front();
  again.signature.keyid = alias;
  twice.signatures.push_back(again);
  const Result<Report> report = one.merge(request, {{"alice", twice}});
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kPolicy);
  EXPECT_NE(report.error().message.find("refused by P04"), std::string::npos) << report.error().message;
  EXPECT_EQ(one.writes, 0);
}

// Book: KEYT-22
TEST(MergeResponses, GivesTheSameAgainWhenTheResultIsKnownAlready) {
  Coordinator one;
  Team& team = one.world.team;
  const SigningRequest request = one.world.rotation();
  const std::vector<NamedResponse> responses = {one.response(request, {&team.alice, &team.bob})};
  ASSERT_EQ(one.merge(request, responses)->status, ExitStatus::kOk);
  const std::string file = one.written.at(0).content;
  const Memory known = one.memory();
  EXPECT_EQ(as_text(*known.root), file);
  ASSERT_EQ(one.merge(request, responses)->status, ExitStatus::kOk);
  EXPECT_EQ(one.written.at(0).content, file);
  EXPECT_EQ(one.memory(), known);
}

// Book: KEYT-04
TEST(MergeResponses, BeginsAKnownResultAtNoRootOfTheRequestsOwnMaking) {
  Coordinator one;
  Team& team = one.world.team;
  SigningRequest request = one.world.rotation();
  ASSERT_EQ(one.merge(request, {one.response(request, {&team.alice, &team.bob})})->status, ExitStatus::kOk);
  CeremonyBuilder impostor;
  request.roots = {impostor.root_1()};
  const Result<Report> report = one.merge(request, {one.response(request, {&team.alice, &team.bob})});
  EXPECT_FALSE(report && report->status == ExitStatus::kOk);
}

// Book: KEYT-24
TEST(MergeResponses, RemembersNothingWhenTheFilesCannotBeWritten) {
  Coordinator one;
  Team& team = one.world.team;
  const Memory before = one.memory();
  const SigningRequest request = one.world.rotation();
  const std::vector<NamedResponse> responses = {one.response(request, {&team.alice, &team.bob})};
  const WriteFiles full = [](const std::vector<MergedFile>&) -> Result<void> {
    return Error{ErrorCode::kStorage, "no space left on device"};
  };
  EXPECT_EQ(merge_responses(one.home, request, responses, full, kNow).error().code, ErrorCode::kStorage);
  EXPECT_EQ(one.memory(), before);
  EXPECT_EQ(one.merge(request, responses)->status, ExitStatus::kOk);
}

// Book: KEYT-22
TEST(MergeResponses, WritesAllDocumentsOfAFirstCeremonyOrNone) {
  Coordinator one(false);
  Team& team = one.world.team;
  const SigningRequest request = one.world.first();
  SigningResponse bob = one.world.response(request, {&team.bob});
  SigningResponse bobs_root = bob;
  std::erase_if(bobs_root.signatures, [](const auto& made) { return made.role == "policy"; });
  const NamedResponse alice = one.response(request, {&team.alice});
  EXPECT_EQ(one.merge(request, {alice, {"bob", bobs_root}})->status, ExitStatus::kNeedsPerson);
  EXPECT_EQ(one.writes, 0);
  ASSERT_EQ(one.merge(request, {alice, {"bob", bob}})->status, ExitStatus::kOk);
  ASSERT_EQ(one.written.size(), 2u);
  EXPECT_EQ(one.written[0].name, "1.root.json");
  EXPECT_EQ(one.written[1].name, "1.policy.json");
  EXPECT_TRUE(metadata::embedded_root(as_bytes(one.written[0].content)));
}

// Book: KEYT-06
TEST(MergeResponses, SaysNothingThatSteersATerminalOfARoleWithAHostileName) {
  Coordinator one;
  const std::string name = "p\xd0\xb0y\xc2\x9b\xe2\x80\xae";
  metadata::Targets targets = one.world.targets(1);
  targets.delegations = metadata::Delegations{.keys = {{one.world.dave.file.keyid, one.world.dave.file.key}}};
  targets.delegations->roles = {{*metadata::RoleName::parse_delegated(name),
                                 {{one.world.dave.file.keyid}, *metadata::Threshold::create(1)},
                                 {.patterns = std::vector{*metadata::PathPattern::parse("a/*")}},
                                 true}};
  SigningRequest request = one.world.rotation();
  request.documents = {document_of(name, one.world.targets(1).to_json())};
  request.documents.front().delegators = {sign_by(targets.to_json(), {&one.world.team.carol})};
  request.documents.front().reasons = {{"", "the first"}};
  SigningResponse other_version = one.world.response(request, {&one.world.dave});
  other_version.signatures.front().payload_sha256 = Sha256();
  const Result<Report> report =
      one.merge(request, {{"d", other_version}, one.response(request, {&one.world.team.bob})});
  ASSERT_TRUE(report) << report.error().message;
  expect_safe(report->text);
  expect_safe_data(report->data);
  ASSERT_TRUE(one.merge(request, {one.response(request, {&one.world.dave})}));
  EXPECT_EQ(one.written.at(0).name, "p%D0%B0y%C2%9B%E2%80%AE.json");
}

// A first root that others made up does not take the place of the one that was signed here.
TEST(MergeResponses, TrustsNoOtherRootOfAVersionThatWasSignedHere) {
  Coordinator one;
  const Sha256 ours = one.world.first().documents.front().payload_sha256();
  ASSERT_TRUE(one.home.remember(one.world.repository, {{}, {}, {{"root", {1, ours}}}}));
  Coordinator mallory;
  const SigningRequest request = mallory.world.first();
  const std::vector<NamedResponse> responses = {
      mallory.response(request, {&mallory.world.team.alice, &mallory.world.team.bob})};
  const Memory before = *one.home.recall(one.world.repository);
  const Result<Report> report = one.merge(request, responses);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kRollback);
  EXPECT_EQ(*one.home.recall(one.world.repository), before);
}

// Book: KEYT-22
TEST(JoinedWith, KeepsSignaturesAndGivesWayToALaterVersionAlone) {
  CeremonyBuilder world;
  const json::Value one = world.root().to_json();
  const auto joined = [](const std::string& content, const std::string& there) {
    return joined_with({"1.root.json", content}, as_bytes(there));
  };
  const std::string alice = sign_by(one, {&world.team.alice});
  const std::string bob = sign_by(one, {&world.team.bob});
  EXPECT_EQ(metadata::Envelope::parse(as_bytes(*joined(alice, bob)), 1u << 20)->signatures().size(), 2u);
  EXPECT_EQ(*joined(alice, alice), alice);
  const std::string two = sign_by(world.root_2().to_json(), {&world.team.alice});
  EXPECT_EQ(*joined(two, alice), two);
  EXPECT_EQ(joined(alice, two).error().code, ErrorCode::kPolicy);
  metadata::Root twin = world.root();
  twin.header.expires = kInAYear.plus_seconds(1);
  EXPECT_EQ(joined(sign_by(twin.to_json(), {&world.team.alice}), alice).error().code, ErrorCode::kPolicy);
  EXPECT_EQ(joined(alice, "notes").error().code, ErrorCode::kParse);
}

}  // namespace
}  // namespace tenon::keyctl
