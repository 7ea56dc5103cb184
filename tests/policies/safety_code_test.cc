#include <tenon/policies/safety_code.h>

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace tenon::policies {
namespace {

Sha256 digest(std::string_view text) {
  return Sha256::of(as_bytes(text));
}

std::string code(const std::vector<Sha256>& payloads, const Sha256& policy) {
  return SafetyCode::of(payloads, policy).line();
}

// Origin: sha256("tenon-code-v1" || 32 bytes of 0x11 || 32 bytes of 0x22) by another program:
//   python3 -c 'import hashlib; print(hashlib.sha256(b"tenon-code-v1"+b"\x11"*32+b"\x22"*32).hexdigest())'
// and its first 144 bits spelled by hand: 4 bits a consonant of bdfghjklmnprstvz, 2 bits a vowel of aiou, twice a word.
// Book: KEYT-05
TEST(SafetyCode, SpellsTheFirst144BitsOfTheDigest) {
  Sha256 payload;
  payload.bytes.fill(0x11);
  Sha256 policy;
  policy.bytes.fill(0x22);
  EXPECT_EQ(code({payload}, policy), "togi diku zuli digu raru tozi muli giju visa jota duja kiga");
}

TEST(SafetyCode, IsTwelveWordsOfFourLettersInThreeLines) {
  const SafetyCode words = SafetyCode::of({}, Sha256());
  std::string text = words.text();
  EXPECT_EQ(text.size(), 12u * 4 + 11);
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 2);
  std::replace(text.begin(), text.end(), '\n', ' ');
  EXPECT_EQ(text, words.line());
}

// Book: KEYT-01
TEST(SafetyCode, DiffersWithEveryPayloadTheirOrderTheirNumberAndThePolicy) {
  const Sha256 a = digest("a");
  const Sha256 b = digest("b");
  const std::set<std::string> codes = {code({a}, b),    code({b}, a), code({a, b}, a), code({b, a}, a),
                                       code({a, b}, b), code({}, a),  code({}, b),     code({a, a}, b)};
  EXPECT_EQ(codes.size(), 8u);
}

TEST(SafetyCode, NeverMeetsItselfInTenThousandPayloads) {
  std::set<std::string> codes;
  for (int i = 0; i < 10'000; ++i) codes.insert(code({digest(std::to_string(i))}, Sha256()));
  EXPECT_EQ(codes.size(), 10'000u);
}

}  // namespace
}  // namespace tenon::policies
