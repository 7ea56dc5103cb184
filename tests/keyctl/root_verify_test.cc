#include <tenon/hsm/signer.h>
#include <tenon/keyctl/root_verify.h>

#include <gtest/gtest.h>
#include <tests/keyctl/root_keys.h>

namespace tenon::keyctl {
namespace {

metadata::Envelope signed_by(metadata::Envelope envelope, std::vector<Person*> people) {
  for (Person* person : people) {
    envelope = *hsm::add_signature(envelope, person->file.keyid, person->file.key, person->key);
  }
  return envelope;
}

std::string text_of(const metadata::Envelope& envelope) {
  return envelope.to_text();
}

// The next root, in which Dave has taken Alice's place.
metadata::Envelope successor(const Team& team, const Person& dave, std::int64_t version = 2) {
  RootRequest request = team.request();
  request.roles.at(metadata::TopRole::kRoot) = role_of({team.bob.file, team.carol.file, dave.file}, 2);
  metadata::Root root = draft_root(request, kNow)->file.root;
  root.header.version = *metadata::Version::create(version);
  return metadata::Envelope::unsigned_of(root.to_json());
}

class VerifyRoot : public testing::Test {
 protected:
  Error error(const std::string& file, const std::optional<std::string>& previous = {},
              metadata::UtcTime now = kNow) const {
    const auto before = previous ? std::optional(as_bytes(*previous)) : std::nullopt;
    const Result<Report> report = verify_root(as_bytes(file), before, team_.names(), now);
    TENON_CHECK(!report.has_value());
    return report.error();
  }

  Team team_;
  Person dave_{"dave"};
};

TEST_F(VerifyRoot, AcceptsTwoOfThree) {
  const std::string file = text_of(signed_by(team_.draft().envelope, {&team_.alice, &team_.bob}));
  const Result<Report> report = verify_root(as_bytes(file), std::nullopt, KeyNames(), kNow);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_TRUE(*report->data.find("verified")->boolean());
}

// Spec: 6.1b
TEST_F(VerifyRoot, SaysWhoIsMissingBelowTheThreshold) {
  const Error below = error(text_of(signed_by(team_.draft().envelope, {&team_.alice})));
  EXPECT_EQ(below.code, ErrorCode::kSig);
  const std::string wanted = "signed by 1 of the root keys, 2 must: missing bob (" + team_.bob.file.keyid.brief() +
                             ") or carol (" + team_.carol.file.keyid.brief() + ")";
  EXPECT_NE(below.message.find(wanted), std::string::npos) << below.message;
}

TEST_F(VerifyRoot, CountsNothingForTheKeyOfAnotherRole) {
  EXPECT_EQ(error(text_of(signed_by(team_.draft().envelope, {&team_.alice, &team_.online}))).code, ErrorCode::kSig);
}

TEST_F(VerifyRoot, RefusesAnExpiredRoot) {
  const std::string file = text_of(signed_by(team_.draft().envelope, {&team_.alice, &team_.bob}));
  EXPECT_EQ(error(file, {}, kInAYear).code, ErrorCode::kExpired);
}

// Spec: 2.1.1c
TEST_F(VerifyRoot, AcceptsASuccessorThatOldAndNewKeysSigned) {
  const std::string first = text_of(signed_by(team_.draft().envelope, {&team_.alice, &team_.bob}));
  const std::string second = text_of(signed_by(successor(team_, dave_), {&team_.bob, &team_.carol, &dave_}));
  const Result<Report> report = verify_root(as_bytes(second), as_bytes(first), KeyNames(), kNow);
  EXPECT_TRUE(report) << report.error().message;
}

// Spec: 6.1b
TEST_F(VerifyRoot, SaysWhichOldKeysASuccessorLacks) {
  const std::string first = text_of(signed_by(team_.draft().envelope, {&team_.alice, &team_.bob}));
  const Error lacking = error(text_of(signed_by(successor(team_, dave_), {&team_.bob, &dave_})), first);
  EXPECT_EQ(lacking.code, ErrorCode::kSig);
  EXPECT_NE(lacking.message.find("keys of root v1: signed by 1"), std::string::npos) << lacking.message;
}

TEST_F(VerifyRoot, RefusesAGapInTheVersions) {
  const std::string first = text_of(signed_by(team_.draft().envelope, {&team_.alice, &team_.bob}));
  const std::string third = text_of(signed_by(successor(team_, dave_, 3), {&team_.bob, &team_.carol}));
  EXPECT_EQ(error(third, first).code, ErrorCode::kRollback);
}

TEST_F(VerifyRoot, RefusesWhatIsNoRoot) {
  EXPECT_EQ(error("{}").code, ErrorCode::kParse);
}

}  // namespace
}  // namespace tenon::keyctl
