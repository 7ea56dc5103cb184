#include <tenon/metadata/key_id.h>
#include <tenon/metadata/role_name.h>
#include <tenon/metadata/target_path.h>
#include <tenon/metadata/version.h>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::KeyId;
using metadata::RoleName;
using metadata::TargetPath;
using metadata::Threshold;
using metadata::Version;

// Book: META-25
// Spec: 4.3c
TEST(Version, CountsFromOneToItsCeiling) {
  for (std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN})
    EXPECT_EQ(code_of(Version::create(bad)), "E_PARSE");
  EXPECT_EQ(Version::create(1)->next()->value(), 2);
  EXPECT_EQ(Version::create((std::int64_t{1} << 53) + 1)->value(), 9007199254740993);
  EXPECT_EQ(code_of(Version::create(INT64_MAX)->next()), "E_LIMIT");
  EXPECT_LT(*Version::create(INT64_MAX - 1), *Version::create(INT64_MAX));
}

// Book: SIG-07
// Spec: 4.3j
TEST(Threshold, CannotBeZeroOrBelow) {
  for (std::int64_t bad : {std::int64_t{0}, std::int64_t{-1}, INT64_MIN}) {
    EXPECT_EQ(code_of(Threshold::create(bad)), "E_PARSE");
  }
  EXPECT_EQ(Threshold::create(1)->value(), 1U);
}

// Book: SIG-06
// Spec: 4.3i
TEST(KeyId, IsOpaqueAndComparedByteForByte) {
  EXPECT_NE(*KeyId::parse("ab"), *KeyId::parse("AB"));
  EXPECT_NE(*KeyId::parse("ab"), *KeyId::parse("ab "));
  for (const std::string& good :
       {std::string("a"), std::string(64, 'a'), std::string(65, 'F'), std::string(128, 'x')}) {
    EXPECT_EQ(code_of(KeyId::parse(good)), "accepted") << good;
  }
  for (const std::string& bad : {std::string(), std::string(129, 'x'), std::string("a\nb"), std::string("a\0b", 3),
                                 std::string("\xFF"), std::string("a\x7F")}) {
    EXPECT_EQ(code_of(KeyId::parse(bad)), "E_PARSE") << bad;
  }
}

// Book: DEL-12
// Spec: 3.1.2
TEST(RoleName, BecomesOneSafePathComponent) {
  struct Row {
    const char* name;
    const char* file;
  };
  for (const Row& row : {Row{"releases.camera", "releases.camera.json"},
                         Row{"a", "a.json"},
                         Row{"A-Z_0.9", "A-Z_0.9.json"},
                         Row{"?", "%3F.json"},
                         Row{"#", "%23.json"},
                         Row{"/delegatedrole", "%2Fdelegatedrole.json"},
                         Row{"../delegatedrole", "%2E.%2Fdelegatedrole.json"},
                         Row{"..%2f", "%2E.%252f.json"},
                         Row{"%2e%2e", "%252e%252e.json"},
                         Row{".hidden", "%2Ehidden.json"},
                         Row{"..", "%2E..json"},
                         Row{".", "%2E.json"},
                         Row{"C:x", "C%3Ax.json"},
                         Row{"a\\b", "a%5Cb.json"},
                         Row{"a b", "a%20b.json"},
                         Row{"CON", "CON.json"},
                         Row{"\xF0\x9F\x98\x80", "%F0%9F%98%80.json"},
                         Row{"\xE2\x80\xAE", "%E2%80%AE.json"},
                         Row{"\xC3\xA9", "%C3%A9.json"},
                         Row{"e\xCC\x81", "e%CC%81.json"},
                         Row{"~", "~.json"},
                         Row{"1.rooty", "1.rooty.json"},
                         Row{"1xroot", "1xroot.json"},
                         Row{".root", "%2Eroot.json"},
                         Row{"12", "12.json"},
                         Row{"z{|}", "z%7B%7C%7D.json"},
                         Row{"Z[^", "Z%5B%5E.json"}}) {
    const Result<RoleName> name = RoleName::parse_delegated(row.name);
    ASSERT_TRUE(name) << row.name;
    EXPECT_EQ(name->file_name(), row.file);
    std::string after_version = row.file;
    if (row.name[0] == '.') after_version.replace(0, 3, ".");  // no dot at the front of the file any more
    EXPECT_EQ(name->file_name(*Version::create(7)), "7." + after_version);
    EXPECT_EQ(name->url_name(), after_version);
    EXPECT_EQ(name->meta_key(), std::string(row.name) + ".json");
  }
}

// Book: DEL-09, DEL-12
TEST(RoleName, RefusesReservedTooLongAndUnprintableNames) {
  for (const std::string& bad :
       {std::string(), std::string("root"), std::string("targets"), std::string("snapshot"), std::string("timestamp"),
        std::string("mirrors"), std::string("1.root"), std::string("00.targets"), std::string(256, 'a'),
        std::string(300, 'a'), std::string("a\0b", 3), std::string("a\nb"), std::string("a\x7F"), std::string("\xFF"),
        std::string("\xC0\xAF"), std::string(84, '/')}) {
    EXPECT_EQ(code_of(RoleName::parse_delegated(bad)), "E_PARSE") << bad;
  }
  EXPECT_EQ(RoleName::targets().file_name(), "targets.json");
}

// Book: DEL-12
TEST(RoleName, NeverGivesAFileNameLongerThanAFileSystemTakes) {
  std::size_t accepted = 0;
  for (std::size_t length = 1; length <= 255; ++length) {
    for (const char* character : {"a", "/"}) {
      std::string text;
      for (std::size_t i = 0; i < length; ++i) text += character;
      const Result<RoleName> name = RoleName::parse_delegated(text);
      if (!name) continue;
      ++accepted;
      EXPECT_LE(name->file_name(*Version::create(INT64_MAX)).size(), 255U);
    }
  }
  EXPECT_GT(accepted, 250U);
  EXPECT_TRUE(RoleName::parse_delegated(std::string(224, 'a')));
  EXPECT_FALSE(RoleName::parse_delegated(std::string(225, 'a')));
}

// Book: TGT-12
// Spec: 4.5b
TEST(TargetPath, RefusesWhatCouldLeaveAFolder) {
  for (const std::string& bad :
       {std::string(),          std::string("/"),       std::string("/a"),    std::string("a/"),
        std::string("a//b"),    std::string("."),       std::string(".."),    std::string("./a"),
        std::string("a/."),     std::string("a/./b"),   std::string("../a"),  std::string("a/.."),
        std::string("a/../b"),  std::string("a\\b"),    std::string("..\\a"), std::string("a\0b", 3),
        std::string("a\nb"),    std::string("a\x7F"),   std::string("\xFF"),  std::string("\xC0\xAE\xC0\xAE/a"),
        std::string(4097, 'a'), std::string("//host/a")}) {
    EXPECT_EQ(code_of(TargetPath::parse(bad)), "E_PARSE") << bad;
  }
}

// Book: TGT-12
TEST(TargetPath, TakesOtherNamesAsTheyAre) {
  for (const std::string& good :
       {std::string("a"), std::string("a/b/c"), std::string("..."), std::string("a/...b"), std::string(".hidden"),
        std::string("-rf"), std::string("a;b $(c)"), std::string("%2e%2e/a"), std::string("C:x"),
        std::string("\xC3\xA9"), std::string(4096, 'a')}) {
    const Result<TargetPath> path = TargetPath::parse(good);
    ASSERT_TRUE(path) << good;
    EXPECT_EQ(path->text(), good);
  }
}

// Book: TGT-16
// Spec: 5.7.3b
TEST(TargetPath, PutsTheDigestInFrontOfItsLastSegment) {
  EXPECT_EQ(TargetPath::parse("app")->hash_prefixed("00"), "00.app");
  EXPECT_EQ(TargetPath::parse("dir/sub/app.bin")->hash_prefixed("00ff"), "dir/sub/00ff.app.bin");
}

// Book: TGT-12
TEST(UrlPath, EncodesEverythingThatIsNotPlain) {
  EXPECT_EQ(metadata::url_path("dir/a b?c#d%e"), "dir/a%20b%3Fc%23d%25e");
  EXPECT_EQ(metadata::url_path("\xC3\xA9/x~1"), "%C3%A9/x~1");
}

}  // namespace
}  // namespace tenon::tests
