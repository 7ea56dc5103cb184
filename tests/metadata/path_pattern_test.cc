#include <tenon/metadata/path_pattern.h>

#include <chrono>

#include <gtest/gtest.h>
#include <tests/support/scenario.h>

namespace tenon::tests {
namespace {

using metadata::PathPattern;

enum class Says { kYes, kNo, kUndefined };

struct Row {
  std::string_view pattern;
  std::string_view path;
  Says says;
};

using enum Says;

// Origin: rules 1 to 6 of our glob rules (docs/POUF.md); the rows marked S are the examples of the TUF
// specification, 4.5.
constexpr Row kRows[] = {
    // Plain text, compared whole and with case.
    {"a", "a", kYes},
    {"a", "A", kNo},
    {"a", "aa", kNo},
    {"aa", "a", kNo},
    {"", "a", kNo},
    {"a/b", "a/b", kYes},
    {"a/b", "a/c", kNo},
    {"a/b", "b", kNo},
    {"./a", "a", kNo},
    {"../a", "a", kNo},
    {"/a", "a", kNo},
    {"a/", "a", kNo},
    {"a//b", "a/b", kNo},
    {"%61", "a", kNo},
    // One star, one segment.
    {"*", "a", kYes},
    {"*", "foo.tgz", kYes},
    {"*", ".hidden", kYes},
    {"*", "a/b", kNo},
    {"*", "dir/foo.tgz", kNo},
    {"*.tgz", "foo.tgz", kYes},  // S
    {"*.tgz", "foo.txt", kNo},
    {"*.tgz", ".tgz", kYes},
    {"*.tgz", "targets/foo.tgz", kNo},  // S
    {"foo*", "foo", kYes},
    {"foo*", "foobar", kYes},
    {"foo*", "fo", kNo},
    {"*o*", "foo", kYes},
    {"*o*", "bar", kNo},
    {"a*b*c", "abc", kYes},
    {"a*b*c", "aXbYc", kYes},
    {"a*b*c", "abcb", kNo},
    {"*aab", "aaaab", kYes},
    {"*a*a*a", "aa", kNo},
    {"targets/*.tgz", "targets/foo.tgz", kYes},        // S
    {"targets/*.tgz", "targets/bar.tgz", kYes},        // S
    {"targets/*.tgz", "targets/foo.txt", kNo},         // S
    {"*.tgz", "bar.tgz", kYes},                        // S
    {"foo-version-?.tgz", "foo-version-2.tgz", kYes},  // S
    {"foo.tgz", "foo.tgz", kYes},                      // S
    {"foo.tgz", "targets/foo.tgz", kNo},               // S
    {"targets/*.tgz", "targets/sub/foo.tgz", kNo},
    {"targets/*", "targets/", kYes},  // a star is zero or more; no target path ends so
    {"*/foo.tgz", "targets/foo.tgz", kYes},
    {"*/*", "a/b", kYes},
    {"*/*", "a", kNo},
    {"*/*", "a/b/c", kNo},
    {"foo/*/bar", "foo/x/bar", kYes},
    {"foo/*/bar", "foo/bar", kNo},
    // Two stars are one.
    {"**", "abc", kYes},
    {"**", "a/b", kNo},
    {"a/**", "a/b", kYes},
    {"a/**", "a/b/c", kNo},
    {"a/**/c", "a/c", kNo},
    {"**/c", "a/b/c", kNo},
    // One code point.
    {"?", "a", kYes},
    {"?", "ab", kNo},
    {"?", "\xC3\xA9", kYes},  // e acute, one code point
    {"?", "e\xCC\x81", kNo},  // e and a combining acute, two
    {"?", "\xF0\x9F\x98\x80", kYes},
    {"??", "a", kNo},
    {"foo-version-?.tgz", "foo-version-a.tgz", kYes},     // S
    {"foo-version-?.tgz", "foo-version-alpha.tgz", kNo},  // S
    {"a?b", "a/b", kNo},
    {"?hidden", ".hidden", kYes},
    // Sets.
    {"[a]", "a", kYes},
    {"[a]", "b", kNo},
    {"[abc]x", "bx", kYes},
    {"[a-c]", "b", kYes},
    {"[a-c]", "d", kNo},
    {"[a-c]", "B", kNo},
    {"[a-c0-9_]", "7", kYes},
    {"[a-c0-9_]", "_", kYes},
    {"[a-a]", "a", kYes},
    {"[*]", "*", kYes},
    {"[*]", "a", kNo},
    {"[?]", "?", kYes},
    {"[\xC3\xA0-\xC3\xAF]", "\xC3\xA9", kYes},
    {"[ab]", "ab", kNo},
    {"]", "]", kYes},
    {"a]b", "a]b", kYes},
    // Undefined: they answer nobody.
    {"[!a]", "b", kUndefined},
    {"[^a]", "b", kUndefined},
    {"[]", "a", kUndefined},
    {"[]a]", "a", kUndefined},
    {"[a", "a", kUndefined},
    {"[", "[", kUndefined},
    {"[a-]", "a", kUndefined},
    {"[A-]]", "A", kUndefined},
    {"[a-", "a", kUndefined},
    {"[-a]", "a", kUndefined},
    {"[c-a]", "b", kUndefined},
    {"[a-b-c]", "b", kUndefined},
    {"[[]", "[", kUndefined},
    {"[a/b]", "a", kUndefined},
    {"[\\]]", "]", kUndefined},
    {"a\\*", "a*", kUndefined},
    {"\\", "\\", kUndefined},
    {"x/[!a]", "other/b", kUndefined},
    {"a/b/[", "x", kUndefined},
    // Everything else stands for itself.
    {"{a,b}", "{a,b}", kYes},
    {"{a,b}", "a", kNo},
    {"+(a)", "+(a)", kYes},
    {"@(a|b)", "a", kNo},
    {"!a", "!a", kYes},
    {"#a", "#a", kYes},
    {"~", "~", kYes},
    {"$HOME", "$HOME", kYes},
    {"a b", "a b", kYes},
    {".", "x", kNo},
    {"\xC3\xA9", "e\xCC\x81", kNo},  // no normalisation
};

// Book: DEL-06
// Spec: 4.5i, 4.5j
TEST(PathPattern, AnswersAsTheTableSays) {
  static_assert(std::size(kRows) >= 60);
  for (const Row& row : kRows) {
    const Result<PathPattern> pattern = PathPattern::parse(row.pattern);
    ASSERT_TRUE(pattern) << row.pattern;
    const Result<bool> result = pattern->matches(row.path);
    const Says says = result ? (*result ? kYes : kNo) : kUndefined;
    EXPECT_EQ(says, row.says) << row.pattern << " on " << row.path;
    if (!result) {
      EXPECT_EQ(code_of(result), "E_POLICY") << row.pattern;
    }
  }
}

// Book: DEL-06
TEST(PathPattern, RefusesWhatIsNoUtf8OrTooLong) {
  EXPECT_EQ(code_of(PathPattern::parse("\xFF")), "E_PARSE");
  EXPECT_EQ(code_of(PathPattern::parse("\xED\xA0\x80")), "E_PARSE");
  EXPECT_EQ(code_of(PathPattern::parse(std::string(1024, 'a'))), "accepted");
  EXPECT_EQ(code_of(PathPattern::parse(std::string(1025, 'a'))), "E_PARSE");
}

TEST(PathPattern, AnswersAlsoForAPathThatIsNoUtf8) {
  EXPECT_FALSE(*PathPattern::parse("a")->matches("\x80"));
  EXPECT_FALSE(*PathPattern::parse("a/b")->matches("a/\xBF\x80"));
}

// Book: DEL-06
TEST(PathPattern, TakesNoExponentialTime) {
  std::string many_stars;
  for (int i = 0; i < 30; ++i) many_stars += "*a";
  const PathPattern pattern = *PathPattern::parse(many_stars + "*b");
  const std::string path(10'000, 'a');
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(*pattern.matches(path));
  // 10 ms on a quiet machine; exponential time would not end at all.
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(5));
}

struct OverlapRow {
  std::string_view a;
  std::string_view b;
  Says says;
};

constexpr OverlapRow kOverlaps[] = {
    {"a", "a", kYes},
    {"a", "b", kNo},
    {"a", "a/a", kNo},
    {"*", "a", kYes},
    {"*", "a/b", kNo},
    {"*", "*", kYes},
    {"a*", "*b", kYes},  // "ab"
    {"a*c", "a*d", kNo},
    {"*a*", "*b*", kYes},
    {"a*b", "a?b", kYes},
    {"a?", "a", kNo},
    {"a??", "a*", kYes},
    {"[a-c]", "[c-e]", kYes},
    {"[a-c]", "[d-e]", kNo},
    {"[a-c]x", "?x", kYes},
    {"demo/releases/*/*", "demo/channels/*", kNo},
    {"demo/releases/*/*", "demo/releases/1.0/*", kYes},
    {"*/releases/*/*", "demo/*/1.0/release.json", kYes},
    {"\xC3\xA9*", "?\xC3\xA9", kYes},
    {"a\\", "a", kUndefined},
    {"[", "x", kUndefined},
};

TEST(PathPattern, FindsPatternsThatShareAPath) {
  for (const OverlapRow& row : kOverlaps) {
    const PathPattern a = *PathPattern::parse(row.a);
    const PathPattern b = *PathPattern::parse(row.b);
    for (const Result<bool>& overlap : {a.overlaps(b), b.overlaps(a)}) {
      EXPECT_EQ(overlap ? *overlap ? kYes : kNo : kUndefined, row.says) << row.a << " and " << row.b;
    }
  }
}

TEST(PathPattern, ComparesTheLongestPatternsInTime) {
  std::string stars;
  while (stars.size() < 1022) stars += "*a";
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(*PathPattern::parse(stars)->overlaps(*PathPattern::parse(stars + "*")));
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(2));
}

}  // namespace
}  // namespace tenon::tests
