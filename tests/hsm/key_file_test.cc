#include <tenon/hsm/key_file.h>
#include <tenon/hsm/software_key.h>

#include <cstdlib>

#include <gtest/gtest.h>
#include <tests/hsm/temp_folder.h>

namespace tenon::hsm {
namespace {

KeyFile alice() {
  static const KeyFile file =
      KeyFile::of(*KeyName::parse("alice"), SoftwareKey::generate(KeyType::kEcdsaP256).public_key());
  return file;
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
  const std::size_t at = text.find(from);
  TENON_CHECK(at != text.npos);
  return text.replace(at, from.size(), to);
}

ErrorCode code_of(const std::string& text) {
  const Result<KeyFile> parsed = KeyFile::parse(as_bytes(text));
  TENON_CHECK(!parsed.has_value());
  return parsed.error().code;
}

TEST(KeyFile, ReadsWhatItWrites) {
  const Result<KeyFile> read = KeyFile::parse(as_bytes(alice().to_text()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, alice());
}

// Book: KEYT-21
TEST(KeyFile, RefusesMembersAndFormatsThatItDoesNotKnow) {
  EXPECT_EQ(code_of(replaced(alice().to_text(), "{", "{\"extra\": 1,")), ErrorCode::kParse);
  EXPECT_EQ(code_of(replaced(alice().to_text(), "tenon-key-1", "tenon-key-2")), ErrorCode::kParse);
}

TEST(KeyFile, RefusesAKeyidThatIsNotTheHashOfTheKey) {
  const std::string other(64, '0');
  EXPECT_EQ(code_of(replaced(alice().to_text(), alice().keyid.text(), other)), ErrorCode::kMismatch);
}

TEST(KeyFile, RefusesExtraMembersInTheKeyWhichWouldGiveItASecondKeyid) {
  EXPECT_EQ(code_of(replaced(alice().to_text(), "\"keytype\"", "\"x-owner\": \"eve\", \"keytype\"")),
            ErrorCode::kPolicy);
}

TEST(KeyFile, RefusesAnotherSpellingOfTheSamePem) {
  EXPECT_EQ(code_of(replaced(alice().to_text(), "-----END PUBLIC KEY-----\\n", "-----END PUBLIC KEY-----")),
            ErrorCode::kPolicy);
}

TEST(KeyFile, RefusesAKindOfKeyThatCannotVerifyHere) {
  EXPECT_EQ(code_of(replaced(alice().to_text(), "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp999")), ErrorCode::kPolicy);
}

TEST(KeyFile, RefusesMoreThan64Kibibytes) {
  EXPECT_EQ(code_of(alice().to_text() + std::string(64 * 1024, ' ')), ErrorCode::kLimit);
}

TokenFacts facts() {
  return {"ceremony", "Yubico", "YubiKey", "15938791", {1, 2}, true, true, false};
}

KeyFile proven() {
  SoftwareKey key = SoftwareKey::generate(KeyType::kEd25519);
  KeyFile file = KeyFile::of(*KeyName::parse("alice"), key.public_key());
  file.token = facts();
  file.proof = *make_proof(key, *Nonce::parse("c0ffee"), *metadata::UtcTime::parse("2026-11-28T12:00:00Z"));
  return file;
}

TEST(KeyFile, ReadsTheTokenAndTheProofThatItWrites) {
  const KeyFile file = proven();
  const Result<KeyFile> read = KeyFile::parse(as_bytes(file.to_text()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, file);
  EXPECT_EQ(*read->token, facts());
}

TEST(KeyFile, RefusesAProofThatDoesNotVerify) {
  EXPECT_EQ(code_of(replaced(proven().to_text(), "c0ffee", "c0ffef")), ErrorCode::kSig);
}

// Book: KEYT-21
TEST(KeyFile, RefusesMembersOfTokenAndProofThatItDoesNotKnow) {
  EXPECT_EQ(code_of(replaced(proven().to_text(), "\"local\"", "\"x\": 1, \"local\"")), ErrorCode::kParse);
  EXPECT_EQ(code_of(replaced(proven().to_text(), "\"nonce\"", "\"x\": 1, \"nonce\"")), ErrorCode::kParse);
}

TEST(KeyFile, RefusesATokenTextThatCouldReachATerminalOrIsTooLong) {
  EXPECT_EQ(code_of(replaced(proven().to_text(), "15938791", "\\u001b[2J")), ErrorCode::kParse);
  EXPECT_EQ(code_of(replaced(proven().to_text(), "15938791", std::string(65, '9'))), ErrorCode::kLimit);
}

// The key object of a fresh RSA key, made by the openssl program.
json::Value rsa_key(int bits) {
  const TempFolder folder;
  const std::string pem = (folder / "rsa.pem").native();
  const std::string command =
      "openssl genrsa " + std::to_string(bits) + " 2>/dev/null | openssl rsa -pubout -out " + pem + " 2>/dev/null";
  TENON_CHECK(std::system(command.c_str()) == 0);
  json::Object keyval;
  keyval.set("public", std::string(as_text(*read_file(pem, 8192))));
  json::Object key;
  key.set("keytype", "rsa");
  key.set("scheme", "rsassa-pss-sha256");
  key.set("keyval", std::move(keyval));
  return key;
}

TEST(KeyFile, TakesRsaKeysFrom3072BitsUp) {
  const metadata::PublicKey key = *metadata::PublicKey::parse(rsa_key(3072));
  const KeyFile file = KeyFile::of(*KeyName::parse("alice"), key);
  const Result<KeyFile> read = KeyFile::parse(as_bytes(file.to_text()));
  ASSERT_TRUE(read) << read.error().message;
  EXPECT_EQ(*read, file);
  const metadata::PublicKey small = *metadata::PublicKey::parse(rsa_key(2048));
  EXPECT_EQ(code_of(KeyFile::of(*KeyName::parse("alice"), small).to_text()), ErrorCode::kPolicy);
}

TEST(KeyName, RefusesWhatCouldLeaveTheFolderOrLookLikeAnOption) {
  for (const char* text : {"", "../eve", "a/b", ".hidden", "-rf", "a b", "a\x1b[2J", "\xc3\xa9"}) {
    EXPECT_FALSE(KeyName::parse(text)) << text;
  }
  EXPECT_FALSE(KeyName::parse(std::string(65, 'a')));
  EXPECT_TRUE(KeyName::parse("alice.2026-11_b"));
}

}  // namespace
}  // namespace tenon::hsm
