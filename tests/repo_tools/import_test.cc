#include <tenon/repo_tools/import.h>

#include <tests/repo_tools/workshop.h>

namespace tenon::repo_tools {
namespace {

// The draft of releases.demo, signed by people who have it as a file.
class Import : public Workshop {
 protected:
  Import() { EXPECT_TRUE(add(release("1.0.0", 1))); }

  RoleId releases() const { return *RoleId::parse("releases.demo"); }
  metadata::Envelope draft() const { return **repository().staged(releases()); }

  static metadata::Envelope signed_with(metadata::Envelope envelope, const Keys& keys) {
    for (const auto& key : keys) {
      envelope = *hsm::add_signature(envelope, key->public_key().hash_keyid(), key->public_key(), *key);
    }
    return envelope;
  }
  static SignedFile file(const metadata::Envelope& envelope, std::string name = "releases.demo.json") {
    return {std::move(name), to_bytes(envelope.to_text())};
  }
  Result<std::vector<Imported>> bring(const std::vector<SignedFile>& files) {
    return import_signed(repository(), disk_, files);
  }
};

TEST_F(Import, BringsTheSignaturesOfPeopleWhoSignedElsewhere) {
  const Result<std::vector<Imported>> imported = bring({file(signed_with(draft(), releases_keys_))});
  ASSERT_TRUE(imported) << imported.error().message;
  EXPECT_EQ(imported->front().signatures_added, 2u);
  EXPECT_TRUE(imported->front().status.complete());
  EXPECT_EQ(draft().signatures().size(), 2u);
}

TEST_F(Import, KeepsTheSignaturesThatAreThere) {
  Keys first;
  first.push_back(std::move(releases_keys_.front()));
  releases_keys_.erase(releases_keys_.begin());
  const SignedFile by_second = file(signed_with(draft(), releases_keys_));
  ASSERT_TRUE(sign(first));
  EXPECT_EQ((*bring({by_second})).front().status.signed_by, 2u);
  EXPECT_EQ((*bring({by_second})).front().signatures_added, 0u);
}

TEST_F(Import, LetsARoleBePublished) {
  ASSERT_TRUE(set("1.0.0"));
  ASSERT_TRUE(bring({file(signed_with(draft(), releases_keys_))}));
  for (const Keys* keys : {&targets_keys_, &rollout_keys_, &snapshot_keys_, &timestamp_keys_}) ASSERT_TRUE(sign(*keys));
  ASSERT_EQ(code_of(publish()), "no error");
  EXPECT_EQ(*current(), "1.0.0");
}

TEST_F(Import, RefusesWhatIsNotTheDraftAndSaysWhatDiffers) {
  const SignedFile before = file(signed_with(draft(), releases_keys_));
  ASSERT_TRUE(add(release("1.1.0", 2, 2)));
  const std::string staged = draft().to_text();
  const Result<std::vector<Imported>> result = bring({before});
  ASSERT_EQ(code_of(result), "E_MISMATCH");
  EXPECT_NE(result.error().message.find("demo/releases/1.1.0/release.json"), std::string::npos)
      << result.error().message;
  EXPECT_EQ(draft().to_text(), staged);
}

TEST_F(Import, RefusesAFileThatNobodySignedWhoMay) {
  EXPECT_EQ(code_of(bring({file(draft())})), "E_SIG");
  EXPECT_EQ(code_of(bring({file(signed_with(draft(), targets_keys_))})), "E_SIG");
  const metadata::KeyId keyid = releases_keys_.front()->public_key().hash_keyid();
  EXPECT_EQ(code_of(bring({file(draft().with_signature({keyid, std::string(128, '0')}))})), "E_SIG");
  EXPECT_TRUE(draft().signatures().empty());
}

TEST_F(Import, LeavesOutTheSignatureOfAStranger) {
  ASSERT_TRUE(bring({file(signed_with(signed_with(draft(), targets_keys_), releases_keys_))}));
  EXPECT_EQ(draft().signatures().size(), 2u);
}

TEST_F(Import, ChangesNothingWhenOneOfItsFilesIsRefused) {
  const SignedFile good = file(signed_with(draft(), releases_keys_));
  const SignedFile bad = file(signed_with(draft(), releases_keys_), "targets.json");
  EXPECT_EQ(code_of(bring({good, bad})), "E_MISMATCH");
  EXPECT_TRUE(draft().signatures().empty());
}

TEST_F(Import, NamesTheDraftsThatThereAre) {
  const Result<std::vector<Imported>> result = bring({file(draft(), "releases.other.json")});
  ASSERT_EQ(code_of(result), "E_USAGE");
  EXPECT_NE(result.error().hint.find("releases.demo.json"), std::string::npos) << result.error().hint;
  EXPECT_EQ(code_of(bring({file(draft(), "snapshot.json")})), "E_USAGE");
}

}  // namespace
}  // namespace tenon::repo_tools
