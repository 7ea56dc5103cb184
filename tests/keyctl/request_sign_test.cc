#include <tenon/keyctl/request_sign.h>
#include <tenon/policies/rehearsal.h>

#include <algorithm>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <tests/keyctl/ceremony_builder.h>
#include <tests/support/scratch_folder.h>

namespace tenon::keyctl {
namespace {

const Confirm kYes = [](const Question&) { return Result<void>(); };

// A person's machine: a home that knows the first root and policy.
struct Machine {
  CeremonyBuilder world;
  tests::ScratchFolder folder;
  Home home = *Home::open(folder.path() / "home");

  explicit Machine(bool knows = true) {
    if (knows) TENON_CHECK(home.remember(world.repository, world.memory()).has_value());
  }
  Memory memory() { return *home.recall(world.repository); }
  ReviewContext context() const { return world.context({}); }
  Result<Signed> sign(const SigningRequest& request, Person& person, const Confirm& confirm = kYes) {
    return sign_request(home, carried(request), context(), {{key_of(person)}, {"P22"}, "test"}, confirm);
  }
  std::vector<std::string> events() {
    std::vector<std::string> events;
    const AuditState log = *home.audit().read();
    for (const AuditEntry& entry : log.entries) events.push_back(entry.event);
    return events;
  }
};

using Events = std::vector<std::string>;

// Book: KEYT-05
TEST(SignRequest, SignsWhatWasShownAndRemembersIt) {
  Machine machine;
  const SigningRequest request = machine.world.rotation();
  Question asked;
  const Result<Signed> made = machine.sign(request, machine.world.team.alice, [&](const Question& question) {
    asked = question;
    return Result<void>();
  });
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(asked.verb, "sign");
  EXPECT_EQ(asked.words, "acme-fw root 2");
  expect_safe(asked.summary);
  const Sha256 payload = request.documents.front().payload_sha256();
  EXPECT_NE(asked.summary.find(payload.hex()), std::string::npos);
  EXPECT_NE(asked.summary.find("for the old root and the new root"), std::string::npos);
  ASSERT_EQ(made->response.signatures.size(), 1u);
  EXPECT_EQ(made->response.signatures.front().payload_sha256, payload);
  EXPECT_TRUE(machine.world.team.alice.key.public_key().verify(request.documents.front().draft.signed_bytes(),
                                                               *made->response.signatures.front().signature.bytes()));
  EXPECT_EQ(machine.memory().marks.at("root"), (SignedMark{2, payload}));
  EXPECT_EQ(machine.events(), (Events{"shown", "signed"}));
}

// Book: KEYT-08
TEST(SignRequest, SignsAndRemembersNothingUnlessThePersonConfirms) {
  Machine machine;
  const Memory before = machine.memory();
  bool opened = false;
  SigningKey key = key_of(machine.world.team.alice);
  key.open = [&]() -> Result<std::unique_ptr<hsm::Signer>> {
    opened = true;
    return Error{ErrorCode::kAuth, "no"};
  };
  const Confirm no = [](const Question&) -> Result<void> { return Error{ErrorCode::kAuth, "not typed"}; };
  const Result<Signed> made =
      sign_request(machine.home, carried(machine.world.rotation()), machine.context(), {{key}, {"P22"}, "test"}, no);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kAuth);
  EXPECT_FALSE(opened);
  EXPECT_EQ(machine.memory(), before);
  EXPECT_EQ(machine.events(), (Events{"shown", "declined"}));
}

TEST(SignRequest, WarnsOfAKeyThatHasSignedForAnotherRepository) {
  Machine machine(false);
  Person& alice = machine.world.team.alice;
  ASSERT_TRUE(machine.sign(machine.world.first(), alice));
  machine.world.repository = *Label::parse("acme-fw-two");
  std::string shown;
  const Confirm look = [&](const Question& question) {
    shown = question.summary;
    return Result<void>();
  };
  ASSERT_TRUE(machine.sign(machine.world.first(), alice, look));
  EXPECT_NE(shown.find("WARNING: with this key you have signed for acme-fw. "), std::string::npos);
  ASSERT_TRUE(machine.sign(machine.world.first(), machine.world.team.bob, look));
  EXPECT_EQ(shown.find("WARNING"), std::string::npos);
}

SigningRequest rehearsal_of(const CeremonyBuilder& world) {
  metadata::Root root = world.root();
  policies::mark_rehearsal(root);
  root.header.expires = kNow.plus_seconds(3600);
  policies::SigningPolicy policy = world.policy();
  policy.expires = root.header.expires;
  SigningRequest request = world.first();
  request.rehearsal = true;
  request.documents = {document_of("root", root.to_json()), document_of("policy", policy.to_json())};
  for (RequestedDocument& document : request.documents) document.reasons[""] = "to learn it";
  request.policy_sha256 = request.find("policy")->payload_sha256();
  return request;
}

// A policy that was rehearsed bears no mark: with the signatures of keys that count it would count.
// Book: KEYT-08
TEST(SignRequest, KeepsTheKeysOfARehearsalApartFromThoseThatCount) {
  Machine rehearsed(false);
  Person& alice = rehearsed.world.team.alice;
  const Result<Signed> first = rehearsed.sign(rehearsal_of(rehearsed.world), alice);
  ASSERT_TRUE(first) << first.error().message;
  EXPECT_EQ(rehearsed.memory(), Memory()) << "what is meant knows nothing of it";
  const Result<Signed> meant = rehearsed.sign(rehearsed.world.first(), alice);
  ASSERT_FALSE(meant);
  EXPECT_EQ(meant.error().code, ErrorCode::kPolicy);
  EXPECT_TRUE(rehearsed.sign(rehearsed.world.first(), rehearsed.world.team.bob)) << "a key that was in none";

  Machine signing;  // knows the root that counts, and has signed nothing yet
  const Result<Signed> misled = signing.sign(rehearsal_of(signing.world), signing.world.team.alice);
  ASSERT_FALSE(misled);
  EXPECT_EQ(misled.error().code, ErrorCode::kPolicy);
  EXPECT_EQ(signing.events().back(), "refused");
}

// Book: KEYT-02
TEST(SignRequest, RefusesAReplayOfAnOlderRequestAndSignsTheSameOneAgain) {
  Machine machine;
  Person& carol = machine.world.team.carol;
  const SigningRequest two = machine.world.targets_update(machine.world.targets(2));
  const SigningRequest three = machine.world.targets_update(machine.world.targets(3));
  const Result<Signed> once = machine.sign(three, carol);
  ASSERT_TRUE(once) << once.error().message;
  const Result<Signed> again = machine.sign(three, carol);
  ASSERT_TRUE(again) << again.error().message;
  EXPECT_EQ(again->response, once->response);  // Ed25519 is deterministic
  const Result<Signed> replay = machine.sign(two, carol);
  ASSERT_FALSE(replay);
  EXPECT_EQ(replay.error().code, ErrorCode::kRollback);
  metadata::Targets other = machine.world.targets(3);
  other.targets["evil"] = {1, {Sha256(), {}, {}}, {}};
  const Result<Signed> twin = machine.sign(machine.world.targets_update(other), carol);
  ASSERT_FALSE(twin);
  EXPECT_EQ(twin.error().code, ErrorCode::kRollback);
  EXPECT_NE(twin.error().hint.find("request forget"), std::string::npos);
}

// Book: KEYT-02
TEST(ForgetMark, LetsAnotherDraftOfThatVersionBeSignedAndNoOlderOne) {
  Machine machine;
  Person& carol = machine.world.team.carol;
  ASSERT_TRUE(machine.sign(machine.world.targets_update(machine.world.targets(3)), carol));
  const Forget forget{machine.world.repository, "targets", "all gave it up " + kHostile};
  const Result<Report> report = forget_mark(machine.home, forget, kNow);
  ASSERT_TRUE(report);
  expect_safe(report->text);
  expect_safe_data(report->data);
  EXPECT_EQ(machine.sign(machine.world.targets_update(machine.world.targets(2)), carol).error().code,
            ErrorCode::kRollback);
  metadata::Targets other = machine.world.targets(3);
  other.targets["b"] = {1, {Sha256(), {}, {}}, {}};
  EXPECT_TRUE(machine.sign(machine.world.targets_update(other), carol));
  EXPECT_EQ(machine.events(), (Events{"shown", "signed", "forgotten", "refused", "shown", "signed"}));
  EXPECT_EQ(forget_mark(machine.home, {machine.world.repository, "root", "x"}, kNow).error().code, ErrorCode::kUsage);
}

// Book: KEYT-13
TEST(SignRequest, RefusesAKeyThatMaySignNothingOfItAndSaysWhoMay) {
  Machine machine;
  Person stranger("stranger");
  const Result<Signed> made = machine.sign(machine.world.rotation(), stranger);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kPolicy);
  EXPECT_NE(made.error().hint.find("Person alice ("), std::string::npos);
  SigningOrder two{{key_of(machine.world.team.alice), key_of(stranger)}, {"P22"}, "test"};
  EXPECT_EQ(sign_request(machine.home, machine.world.rotation(), machine.context(), two, kYes).error().code,
            ErrorCode::kPolicy);
}

// Book: KEYT-12
TEST(SignRequest, GivesNothingAwayWhenASignatureIsOfAnotherKey) {
  Machine machine;
  const Memory before = machine.memory();
  SigningKey liar = key_of(machine.world.team.alice);
  liar.open = key_of(machine.world.team.bob).open;
  const Result<Signed> made =
      sign_request(machine.home, carried(machine.world.rotation()), machine.context(), {{liar}, {"P22"}, "test"}, kYes);
  ASSERT_FALSE(made);
  EXPECT_EQ(machine.memory(), before);
  EXPECT_EQ(machine.events(), (Events{"shown", "failed"}));
}

TEST(SignRequest, RefusesWhatThePolicyRefusesAndLogsIt) {
  Machine machine;
  SigningRequest request = machine.world.rotation();
  request.documents.front().reasons.clear();
  const Result<Signed> made = machine.sign(request, machine.world.team.alice);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::kPolicy);
  EXPECT_NE(made.error().message.find("P24"), std::string::npos);
  expect_safe_error(made.error());
  EXPECT_EQ(machine.events(), (Events{"shown", "refused"}));
}

// Book: KEYT-21
TEST(ShowRequest, FillsTheLogWithOneLineHoweverMuchTheRequestBreaks) {
  Machine machine;
  metadata::Targets after = machine.world.targets(2);
  for (int i = 0; i < 20'000; ++i) after.targets["f/" + std::to_string(i)].extra.set("custom", 1);
  for (auto& [path, entry] : after.targets) entry.hashes.sha256 = Sha256();
  SigningRequest request = machine.world.targets_update(after);
  request.documents.front().reasons.clear();
  const Result<Report> report = show_request(machine.home, request, machine.context());
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(report->status, ExitStatus::kRefused);
  EXPECT_LT(std::filesystem::file_size(machine.folder.path() / "home" / "audit.log"), 4'000u);
}

// Book: KEYT-06
TEST(ShowRequest, LogsNothingThatSteersATerminal) {
  Machine machine;
  SigningRequest request = machine.world.targets_update(machine.world.targets(2));
  request.documents.front().reasons = {{"", kHostile}, {"targets", kHostile}};
  ASSERT_TRUE(show_request(machine.home, request, machine.context()));
  const AuditState log = *machine.home.audit().read();
  ASSERT_EQ(log.entries.size(), 1u);
  for (const AuditEntry& entry : log.entries) expect_safe_data(entry.data);
}

TEST(SignRequest, SignsTheFirstRootAndThePolicyTogetherAndTrustsThemAfterwards) {
  Machine machine(false);
  const SigningRequest first = machine.world.first();
  const Result<Signed> made = machine.sign(first, machine.world.team.alice);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(made->response.signatures.size(), 2u);
  EXPECT_EQ(machine.memory().marks.size(), 2u);
  // The next request is judged by that root once it is complete, with no word of the coordinator's believed.
  EXPECT_TRUE(machine.sign(machine.world.rotation(), machine.world.team.alice));
  EXPECT_TRUE(machine.memory().root);
}

}  // namespace
}  // namespace tenon::keyctl
