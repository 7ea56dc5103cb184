#include <tenon/metadata/utf8.h>

#include <gtest/gtest.h>

namespace tenon::tests {
namespace {

// Origin: table 3-7 of the Unicode standard, the ends of every row, and one byte beyond each end.
// Book: JSON-08
TEST(Utf8, IsWellFormedAsTheTableOfTheStandardHasIt) {
  for (const char* good :
       {"", "\x7F", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80", "\xE0\xBF\xBF", "\xE1\x80\x80", "\xEC\xBF\xBF",
        "\xED\x80\x80", "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF0\xBF\xBF\xBF",
        "\xF1\x80\x80\x80", "\xF3\xBF\xBF\xBF", "\xF4\x80\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_TRUE(is_utf8(good)) << printable(good);
    EXPECT_TRUE(is_utf8(std::string(good) + "a" + good)) << printable(good);
  }
  for (const char* bad : {"\x80",
                          "\xBF",
                          "\x80\x80\x80",
                          "\xC1\xBF\xBF",
                          "\x80\x80\x80\x80",
                          "\xC1\xBF\xBF\xBF",
                          "\xC0\x80",
                          "\xC1\xBF",
                          "\xC2",
                          "\xC2\x7F",
                          "\xC2\xC0",
                          "\xDF\x41",
                          "\xE0",
                          "\xE0\xA0",
                          "\xE0\x9F\xBF",
                          "\xE0\xC0\x80",
                          "\xE0\xA0\x7F",
                          "\xE0\xA0\xC0",
                          "\xE1\x7F\x80",
                          "\xE1\xC0\x80",
                          "\xED\xA0\x80",
                          "\xED\xBF\xBF",
                          "\xEF\xBF",
                          "\xEF\xBF\x41",
                          "\xF0",
                          "\xF0\x90",
                          "\xF0\x90\x80",
                          "\xF0\x8F\xBF\xBF",
                          "\xF0\xC0\x80\x80",
                          "\xF0\x90\x7F\x80",
                          "\xF0\x90\xC0\x80",
                          "\xF0\x90\x80\x7F",
                          "\xF0\x90\x80\xC0",
                          "\xF1\x7F\x80\x80",
                          "\xF4\x90\x80\x80",
                          "\xF5\x80\x80\x80",
                          "\xFE",
                          "\xFF"}) {
    EXPECT_FALSE(is_utf8(bad)) << printable(bad);
    EXPECT_FALSE(is_utf8(std::string("a") + bad)) << printable(bad);
    EXPECT_FALSE(is_utf8(std::string(bad) + "a")) << printable(bad);
  }
}

TEST(ControlCharacters, AreThoseOfAsciiAndNoOthers) {
  for (int c = 0; c < 256; ++c) {
    const std::string text = {'a', static_cast<char>(c)};
    EXPECT_EQ(has_control_characters(text), c < 0x20 || c == 0x7F) << c;
  }
}

// Book: RES-07
TEST(PrintableText, ShowsNothingThatSteersATerminalOrTurnsTextRound) {
  struct Row {
    const char* text;
    const char* shown;
  };
  for (const Row& row :
       {Row{"plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80", "plain \xC3\xA9 \xE2\x82\xAC \xF0\x9F\x98\x80"},
        Row{"\x1F \x7F", "\\x1f \\x7f"}, Row{"\xC2\x80|\xC2\x9F|\xC2\xA0", "\\xc2\\x80|\\xc2\\x9f|\xC2\xA0"},
        Row{"\xE2\x80\xA7|\xE2\x80\xA8|\xE2\x80\xAE|\xE2\x80\xAF",
            "\xE2\x80\xA7|\\xe2\\x80\\xa8|\\xe2\\x80\\xae|\xE2\x80\xAF"},
        Row{"\xE2\x81\x9F|\xE2\x81\xA0|\xE2\x81\xAF|\xE2\x81\xB0",
            "\xE2\x81\x9F|\\xe2\\x81\\xa0|\\xe2\\x81\\xaf|\xE2\x81\xB0"},
        Row{"\xE2\x80\x8A|\xE2\x80\x8B|\xE2\x80\x8F|\xE2\x80\x90",
            "\xE2\x80\x8A|\\xe2\\x80\\x8b|\\xe2\\x80\\x8f|\xE2\x80\x90"},
        Row{"\xC2\xAD|\xEF\xBB\xBF|\xEF\xB8\x8F|\xF3\xA0\x81\xA1",
            "\\xc2\\xad|\\xef\\xbb\\xbf|\\xef\\xb8\\x8f|\\xf3\\xa0\\x81\\xa1"},
        Row{"\xE2\x82\xAA \xE2\x83\xA6 \xC3\x90", "\xE2\x82\xAA \xE2\x83\xA6 \xC3\x90"},
        Row{"\xC2|\xE2\x80|\xFF", "\\xc2|\\xe2\\x80|\\xff"}}) {
    EXPECT_EQ(printable(row.text), row.shown);
  }
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef...");
}

// Book: KEYT-07
TEST(SpelledOutText, NamesEveryCharacterThatOnlyLooksLikeALetter) {
  EXPECT_EQ(spelled_out("pay"), "pay");
  EXPECT_EQ(spelled_out("p\xD0\xB0y"), "p\xD0\xB0y [not ASCII: U+0430]");           // Cyrillic
  EXPECT_EQ(spelled_out("e\xCC\x81"), "e\xCC\x81 [not ASCII: U+0301]");             // NFD
  EXPECT_EQ(spelled_out("\xC3\xA9"), "\xC3\xA9 [not ASCII: U+00E9]");               // NFC
  EXPECT_EQ(spelled_out("a\xE2\x80\x8B"), "a\\xe2\\x80\\x8b [not ASCII: U+200B]");  // zero width
  EXPECT_EQ(spelled_out("\xF0\x9D\x90\x9A"), "\xF0\x9D\x90\x9A [not ASCII: U+1D41A]");
  std::string many;
  for (int i = 0; i < 17; ++i) many += "\xC3\xA9";
  std::string sixteen;
  for (int i = 0; i < 16; ++i) sixteen += " U+00E9";
  EXPECT_EQ(spelled_out(many + "abc"), many + "abc [not ASCII:" + sixteen + " ...]");
  EXPECT_LT(spelled_out(std::string(1'000'000, 'a')).size(), 1100u);
}

}  // namespace
}  // namespace tenon::tests
