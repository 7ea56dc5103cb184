#include <tenon/repo_tools/delta/refinement.h>

#include <tests/repo_tools/delta/piece_checks.h>

namespace tenon::repo_tools {
namespace {

constexpr std::int32_t kPrice = 90;

void expect_in_order(const std::vector<Resemblance>& refined, ByteView base, ByteView text) {
  std::size_t end = 0;
  for (const Resemblance& stretch : refined) {
    ASSERT_GE(stretch.offset, end);
    ASSERT_GT(stretch.length, 0u);
    end = stretch.offset + stretch.length;
    ASSERT_LE(end, text.size());
    ASSERT_LE(stretch.base_offset, base.size());
    ASSERT_LE(stretch.length, base.size() - stretch.base_offset);
  }
}

TEST(Refinement, KeepsToTheBaseAndTheTextWhateverItIsGiven) {
  std::mt19937 random(1);
  for (unsigned round = 0; round < 500; ++round) {
    Bytes base = noise(1 + random() % 3000, round);
    Bytes text = noise(1 + random() % 3000, round + 1000);
    const std::uint8_t mask = round % 3 == 0 ? 0x00 : 0x03;
    for (std::uint8_t& byte : base) byte = static_cast<std::uint8_t>(byte & mask);
    for (std::uint8_t& byte : text) byte = static_cast<std::uint8_t>(byte & mask);
    std::vector<Resemblance> found;
    for (std::size_t at = random() % 20; at < text.size();) {
      const std::size_t base_offset = random() % base.size();
      const std::size_t length = std::min({1 + random() % 200, text.size() - at, base.size() - base_offset});
      found.push_back({at, length, base_offset});
      at += length + (random() % 3 == 0 ? random() % 300 : 0);
    }
    ASSERT_NO_FATAL_FAILURE(expect_in_order(refine_resemblances(base, text, found, kPrice), base, text)) << round;
  }
}

TEST(Refinement, LeavesLongStretchesAsTheyAre) {
  const Bytes base = noise(50'000, 2);
  Bytes text = base;
  std::rotate(text.begin(), text.begin() + 20'000, text.end());
  const std::vector<Resemblance> found = {{0, 30'000, 20'000}, {30'000, 20'000, 0}};
  const std::vector<Resemblance> refined = refine_resemblances(base, text, found, kPrice);
  ASSERT_EQ(refined.size(), 2u);
  EXPECT_EQ(refined[1].offset, 30'000u);
  EXPECT_EQ(refined[1].base_offset, 0u);
}

TEST(Refinement, StaysWithAnAlignmentOverAFewWrongBytes) {
  const Bytes base = noise(3'000, 3);
  Bytes text = base;
  text[1'000] ^= 1;
  text[1'002] ^= 1;
  const std::vector<Resemblance> found = {{0, 1'000, 0}, {1'003, 1'997, 1'003}};
  EXPECT_EQ(refine_resemblances(base, text, found, kPrice).size(), 1u);
}

TEST(Refinement, KeepsNoCopyThatCostsMoreThanItSaves) {
  const Bytes base = noise(3'000, 8);
  Bytes text = noise(3'000, 9);
  std::copy_n(base.begin() + 2'000, 5, text.begin() + 1'000);
  std::copy_n(base.begin() + 100, 50, text.begin() + 1'500);
  const std::vector<Resemblance> refined =
      refine_resemblances(base, text, {{1'000, 5, 2'000}, {1'500, 50, 100}}, kPrice);
  ASSERT_EQ(refined.size(), 1u);
  EXPECT_EQ(refined[0].offset, 1'500u);
}

TEST(Refinement, CutsWhatIsWrongOutOfAStretch) {
  const Bytes base = noise(3'000, 4);
  Bytes text = base;
  const Bytes change = noise(900, 5);
  std::copy(change.begin(), change.end(), text.begin() + 1'000);
  const std::vector<Resemblance> refined = refine_resemblances(base, text, {{0, 3'000, 0}}, kPrice);
  ASSERT_EQ(refined.size(), 2u);
  EXPECT_EQ(refined[0].length, 1'000u);
  EXPECT_EQ(refined[1].offset, 1'900u);
}

TEST(Refinement, FindsNothingWhereNothingIsGiven) {
  EXPECT_TRUE(refine_resemblances(noise(100, 6), noise(5'000, 7), {}, kPrice).empty());
  EXPECT_TRUE(refine_resemblances({}, {}, {}, kPrice).empty());
}

}  // namespace
}  // namespace tenon::repo_tools
