#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/suffix_index.h>

#include <tests/repo_tools/delta/piece_checks.h>

namespace tenon::repo_tools {
namespace {

Bytes letters(std::size_t size, unsigned alphabet, unsigned seed) {
  Bytes bytes = noise(size, seed);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>('a' + byte % alphabet);
  return bytes;
}

std::size_t naive_longest(ByteView text, ByteView pattern) {
  std::size_t longest = 0;
  for (std::size_t at = 0; at < text.size(); ++at)
    longest = std::max(longest, common_length(text.subspan(at), pattern));
  return std::min(longest, kMatchHorizon);
}

void expect_longest(ByteView text, ByteView pattern, std::size_t shortest, const SuffixIndex& index) {
  const SuffixIndex::Match match = index.longest_match(pattern);
  ASSERT_LE(match.position, text.size());
  ASSERT_EQ(common_length(text.subspan(match.position), pattern.first(std::min(pattern.size(), match.length))),
            match.length);
  if (const std::size_t longest = naive_longest(text, pattern); longest >= shortest) {
    ASSERT_EQ(match.length, longest);
  }
}

TEST(SuffixIndexTest, FindsTheLongestMatchAsANaiveSearchDoes) {
  for (unsigned round = 0; round < 200; ++round) {
    const unsigned alphabet = 1 + round % 4;
    const Bytes text = letters(round * 7, alphabet, round);
    const Bytes patterns = letters(100, alphabet, round + 1000);
    const std::size_t shortest = 8 + round % 10;
    const SuffixIndex index(text, shortest, 1);
    for (std::size_t at = 0; at <= patterns.size(); ++at) {
      ASSERT_NO_FATAL_FAILURE(expect_longest(text, ByteView(patterns).subspan(at), shortest, index))
          << round << " " << at;
    }
  }
}

// Above 1 MiB a table of the first two bytes narrows the search.
TEST(SuffixIndexTest, FindsEveryStretchOfALargeText) {
  const Bytes text = noise((1u << 20) + 77, 1);
  const SuffixIndex index(text, 9, 2);
  std::mt19937 random(2);
  for (int round = 0; round < 20'000; ++round) {
    const std::size_t at = random() % (text.size() - 9);
    const SuffixIndex::Match match = index.longest_match(ByteView(text).subspan(at));
    ASSERT_EQ(match.position, at);
    ASSERT_EQ(match.length, std::min(kMatchHorizon, text.size() - at));
  }
  const ByteView end = ByteView(text).last(9);
  EXPECT_EQ(index.longest_match(end).position, text.size() - 9);
  EXPECT_LT(index.longest_match(noise(1000, 3)).length, 9u);
}

// Looking at no more than the horizon keeps this from being quadratic.
TEST(SuffixIndexTest, AnswersSoonInATextOfOneLetter) {
  const Bytes text(4u << 20, 'x');
  const SuffixIndex index(text, 9, 1);
  for (std::size_t at = 0; at < 100'000; ++at) {
    ASSERT_EQ(index.longest_match(ByteView(text).subspan(at)).length, kMatchHorizon);
  }
}

}  // namespace
}  // namespace tenon::repo_tools
