#include <tenon/keyctl/root_sign.h>
#include <tenon/metadata/hex.h>

#include <gtest/gtest.h>
#include <tests/hsm/temp_folder.h>
#include <tests/keyctl/root_keys.h>

namespace tenon::keyctl {
namespace {

constexpr std::string_view kPassphrase = "canary-lusab-babad";

std::uint64_t votes(const metadata::Envelope& envelope) {
  const RootFile file = parsed(envelope);
  return count_signatures(file.envelope, file.root, KeyNames()).votes;
}

TEST(SignRoot, CountsTwoOfThreeInAnyOrder) {
  Team team;
  const RootFile once = parsed(*sign_root(team.draft(), team.carol.key));
  EXPECT_EQ(votes(*sign_root(once, team.bob.key)), 2u);
}

TEST(SignRoot, IsTheSameTwice) {
  Team team;
  const RootFile once = parsed(*sign_root(team.draft(), team.bob.key));
  const Result<metadata::Envelope> twice = sign_root(once, team.bob.key);
  ASSERT_TRUE(twice);
  EXPECT_EQ(twice->to_text(), once.envelope.to_text());
}

TEST(SignRoot, ReplacesABrokenSignatureOfTheSameKey) {
  Team team;
  const metadata::Signature broken{team.bob.file.keyid, std::string(140, '0')};
  EXPECT_EQ(votes(*sign_root(parsed(team.draft().envelope.with_signature(broken)), team.bob.key)), 1u);
}

// Book: KEYT-22
TEST(SignRoot, RefusesAKeyThatIsNotARootKey) {
  Team team;
  const Result<metadata::Envelope> result = sign_root(team.draft(), team.online.key);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kPolicy);
}

// A signer that shows Alice's key and signs with another.
class Impostor final : public hsm::Signer {
 public:
  Impostor(metadata::PublicKey shown, hsm::SoftwareKey& real) : shown_(std::move(shown)), real_(real) {}
  const metadata::PublicKey& public_key() const override { return shown_; }
  Result<Bytes> sign(ByteView message) override { return real_.sign(message); }

 private:
  metadata::PublicKey shown_;
  hsm::SoftwareKey& real_;
};

// Book: KEYT-12
TEST(SignRoot, RefusesASignatureMadeWithAnotherKey) {
  Team team;
  Person eve("eve");
  Impostor impostor(team.alice.key.public_key(), eve.key);
  const Result<metadata::Envelope> result = sign_root(team.draft(), impostor);
  ASSERT_FALSE(result);
  EXPECT_EQ(result.error().code, ErrorCode::kSig);
}

// The draft and the keys of Alice and Bob as files.
class SignRootFile : public testing::Test {
 protected:
  SignRootFile() {
    folder_.write("pw", kPassphrase);
    folder_.write("1.root.json", team_.draft().envelope.to_text());
  }

  std::filesystem::path save(const Person& person) {
    const hsm::KeyPaths paths = hsm::KeyPaths::in(folder_.path(), person.file.name);
    const auto secret = hsm::SecretBytes::copy_of(as_bytes(kPassphrase));
    TENON_CHECK(hsm::save_new_key(person.key, paths, person.file.name, secret).has_value());
    return paths.private_key;
  }
  hsm::SecretSource passphrase(std::string_view name = "pw") const {
    return *hsm::SecretSource::parse("file:" + (folder_ / name).native());
  }
  Result<Report> sign(std::vector<std::filesystem::path> keys, const Confirm& confirm) {
    return sign_root_file({folder_ / "1.root.json", std::move(keys), {passphrase()}}, confirm, kNow);
  }
  std::string text() const { return std::string(as_text(*hsm::read_file(folder_ / "1.root.json", 100'000))); }

  static Result<void> yes(const std::string&, const std::string&) { return {}; }
  static Result<void> no(const std::string&, const std::string&) { return Error{ErrorCode::kAuth, "no"}; }

  Team team_;
  TempFolder folder_;
};

TEST_F(SignRootFile, SignsWithSeveralKeysAtOnce) {
  const Result<Report> report = sign({save(team_.alice), save(team_.bob)}, yes);
  ASSERT_TRUE(report) << report.error().message;
  EXPECT_EQ(count_signatures(RootFile::parse(as_bytes(text()))->envelope, team_.draft().root, KeyNames()).votes, 2u);
}

// Book: KEYT-08
TEST_F(SignRootFile, AsksForRoleAndVersionAfterShowingTheDigestOfWhatIsSigned) {
  std::string summary;
  std::string words;
  const auto listen = [&](const std::string& shown, const std::string& wanted) {
    summary = shown;
    words = wanted;
    return Result<void>();
  };
  ASSERT_TRUE(sign({save(team_.alice)}, listen));
  EXPECT_EQ(words, "root 1");
  EXPECT_NE(summary.find(Sha256::of(team_.draft().envelope.signed_bytes()).hex()), std::string::npos) << summary;
}

TEST_F(SignRootFile, LeavesTheFileAloneWhenThePersonSaysNo) {
  const std::string before = text();
  EXPECT_FALSE(sign({save(team_.alice)}, no));
  EXPECT_EQ(text(), before);
}

TEST_F(SignRootFile, LeavesTheFileAloneWhenTheSecondKeyCannotBeOpened) {
  const std::string before = text();
  folder_.write("wrong", "not the passphrase");
  const std::vector<std::filesystem::path> keys = {save(team_.alice), save(team_.bob)};
  const Result<Report> report =
      sign_root_file({folder_ / "1.root.json", keys, {passphrase(), passphrase("wrong")}}, yes, kNow);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kAuth);
  EXPECT_EQ(text(), before);
}

TEST_F(SignRootFile, RefusesAStrangersKeyBeforeAnyoneIsAsked) {
  bool asked = false;
  const auto remember = [&](const std::string&, const std::string&) {
    asked = true;
    return Result<void>();
  };
  const Result<Report> report = sign({save(team_.online)}, remember);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kPolicy);
  EXPECT_FALSE(asked);
}

// Book: KEYT-03
TEST_F(SignRootFile, DoesNotSignAFileThatChangedWhileThePersonWasThinking) {
  RootRequest later = team_.request();
  later.expires = later.expires.plus_seconds(1);
  const std::string swapped = draft_root(later, kNow)->file.envelope.to_text();
  const auto swap = [&](const std::string&, const std::string&) {
    folder_.write("1.root.json", swapped);
    return Result<void>();
  };
  const Result<Report> report = sign({save(team_.alice)}, swap);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kBusy);
  EXPECT_EQ(text(), swapped);
}

TEST_F(SignRootFile, AsksNobodyWhenAllKeysHaveSigned) {
  const std::filesystem::path alice = save(team_.alice);
  ASSERT_TRUE(sign({alice}, yes));
  const std::string before = text();
  EXPECT_TRUE(sign({alice}, no));
  EXPECT_EQ(text(), before);
}

TEST_F(SignRootFile, WantsOnePassphraseForAllKeysOrOneForEach) {
  const std::vector<std::filesystem::path> keys = {"a.pem", "b.pem", "c.pem"};
  const Result<Report> report =
      sign_root_file({folder_ / "1.root.json", keys, {passphrase(), passphrase()}}, yes, kNow);
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kUsage);
}

// Book: KEYT-16
TEST_F(SignRootFile, PutsThePassphraseIntoNoFileAndNoReport) {
  const Result<Report> report = sign({save(team_.alice)}, yes);
  ASSERT_TRUE(report);
  std::filesystem::remove(folder_ / "pw");
  EXPECT_EQ((folder_.all_content() + report->text + json::to_text(report->data)).find("canary"), std::string::npos);
}

}  // namespace
}  // namespace tenon::keyctl
