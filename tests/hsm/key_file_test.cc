#include <tenon/hsm/key_file.h>
#include <tenon/hsm/software_key.h>

#include <gtest/gtest.h>

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

TEST(KeyName, RefusesWhatCouldLeaveTheFolderOrLookLikeAnOption) {
  for (const char* text : {"", "../eve", "a/b", ".hidden", "-rf", "a b", "a\x1b[2J", "\xc3\xa9"}) {
    EXPECT_FALSE(KeyName::parse(text)) << text;
  }
  EXPECT_FALSE(KeyName::parse(std::string(65, 'a')));
  EXPECT_TRUE(KeyName::parse("alice.2026-11_b"));
}

}  // namespace
}  // namespace tenon::hsm
