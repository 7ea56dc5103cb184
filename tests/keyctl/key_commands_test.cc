#include <tenon/hsm/software_key.h>
#include <tenon/keyctl/dialog.h>
#include <tenon/keyctl/key_commands.h>

#include <gtest/gtest.h>
#include <tests/hsm/temp_folder.h>

namespace tenon::keyctl {
namespace {

constexpr std::string_view kPassphrase = "canary-lusab-babad";

hsm::KeyName alice() {
  return *hsm::KeyName::parse("alice");
}

Result<hsm::SecretBytes> given() {
  return hsm::SecretBytes::copy_of(as_bytes(kPassphrase));
}

TEST(GenerateKey, MakesAKeyThatOpensWithThePassphrase) {
  const TempFolder folder;
  ASSERT_TRUE(generate_key({alice(), hsm::KeyType::kEcdsaP256, folder.path()}, given));
  const auto source = *hsm::SecretSource::parse("file:" + folder.write("pw", kPassphrase).native());
  EXPECT_TRUE(hsm::open_software_signer(folder / "alice.pem", source));
}

// Book: KEYT-16
TEST(GenerateKey, PutsThePassphraseIntoNoFileAndNoReport) {
  const TempFolder folder;
  const Result<Report> report = generate_key({alice(), hsm::KeyType::kEd25519, folder.path()}, given);
  ASSERT_TRUE(report);
  EXPECT_EQ((folder.all_content() + report->text + json::to_text(report->data)).find("canary"), std::string::npos);
}

TEST(GenerateKey, RefusesATakenNameBeforeItAsksForAPassphrase) {
  const TempFolder folder;
  folder.write("alice.tenon-key", "of somebody else");
  bool asked = false;
  const Result<Report> report = generate_key({alice(), hsm::KeyType::kEd25519, folder.path()}, [&] {
    asked = true;
    return given();
  });
  ASSERT_FALSE(report);
  EXPECT_EQ(report.error().code, ErrorCode::kPolicy);
  EXPECT_FALSE(asked);
}

TEST(ShowKey, SaysNameAndKeyid) {
  const hsm::KeyFile file = hsm::KeyFile::of(alice(), hsm::SoftwareKey::generate(hsm::KeyType::kEd25519).public_key());
  const Report report = show_key(file);
  EXPECT_NE(report.text.find(file.keyid.text()), std::string::npos);
  EXPECT_EQ(*report.data.find("name")->string(), "alice");
}

}  // namespace
}  // namespace tenon::keyctl
