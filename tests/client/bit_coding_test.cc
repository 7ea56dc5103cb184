#include <tenon/client/payload/bit_coding.h>

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

namespace tenon::client {
namespace {

// Keeps bits as they are, with what they were told to cost.
class Tape {
 public:
  bool code(bool bit, std::uint32_t probability) {
    if (playing_) bit = bits_[at_++];
    if (!playing_) bits_.push_back(bit);
    cost_ -= std::log2((bit ? probability : 65536 - probability) / 65536.0);
    return bit;
  }
  void rewind() { playing_ = true; }
  double cost() const { return cost_; }  // bits

 private:
  std::vector<bool> bits_;
  std::size_t at_ = 0;
  bool playing_ = false;
  double cost_ = 0;
};

// Other decoders must compute the same numbers. Origin: 65536 / (1 + e^-x), from Python, at the points that are stored; the
// others lie on the lines between.
TEST(BitCoding, SquashesAndStretchesAsTheDocumentationSays) {
  EXPECT_EQ(squash(0), 32768u);
  EXPECT_EQ(squash(256), 47911u);
  EXPECT_EQ(squash(-256), 17625u);
  EXPECT_EQ(squash(64), 36781u);
  EXPECT_EQ(squash(2047), 65514u);
  EXPECT_EQ(squash(-2047), 22u);
  EXPECT_EQ(squash(INT64_MAX), squash(2047));
  EXPECT_EQ(squash(INT64_MIN), squash(-2047));
  EXPECT_EQ(stretch(2048), 1);
  EXPECT_EQ(stretch(0), -2047);
  EXPECT_EQ(stretch(4095), 2047);
  for (std::uint32_t probability = 1; probability < 4096; ++probability) {
    ASSERT_GE(stretch(probability), stretch(probability - 1));
    ASSERT_GE(squash(stretch(probability)), std::min(probability * 16 + 8, 65514u)) << probability;
  }
}

TEST(BitCoding, LearnsFastAtFirst) {
  BitCell cell;
  EXPECT_EQ(cell.probability12(), 2048u);
  cell.learn(true, 4);
  EXPECT_EQ(cell.probability12(), 3327u);
  for (int i = 0; i < 100; ++i) cell.learn(true, 4);
  EXPECT_GT(cell.probability12(), 4080u);
  EXPECT_LT(cell.probability(), 65536u);
  for (int i = 0; i < 100; ++i) cell.learn(false, 4);
  EXPECT_LT(cell.probability12(), 16u);
  EXPECT_GT(cell.probability(), 0u);
}

TEST(BitCoding, GivesBackNumbersOfAllSizes) {
  std::vector<std::uint64_t> numbers = {0, 1, 2, 3, 62, 63, 64, 65535, 1u << 20, (std::uint64_t{1} << 40) - 2};
  for (std::uint64_t i = 0; i < 300; ++i) numbers.push_back(i * i * i);
  Tape tape;
  NumberCode writer;
  for (const std::uint64_t number : numbers) EXPECT_EQ(writer.code(tape, number), number);
  tape.rewind();
  NumberCode reader;
  for (const std::uint64_t number : numbers) EXPECT_EQ(reader.code(tape, 0), number);
}

TEST(BitCoding, ReadsANumberOfAtMostFortyBitsFromAnyBits) {
  struct Ones {
    bool code(bool, std::uint32_t) { return true; }
  } ones;
  NumberCode reader;
  EXPECT_EQ(reader.code(ones, 0), (std::uint64_t{1} << 41) - 2);
}

TEST(BitCoding, BelievesTheContextThatIsRight) {
  Tape tape;
  BitMixer<2> mixer(1, 10, 6);
  for (std::uint32_t i = 0; i < 4000; ++i) mixer.code(tape, i % 3 == 0, {i % 3 << 20, i * 7919 % 61 << 20}, 0);
  EXPECT_LT(tape.cost(), 120) << "4,000 bits of which the first context tells everything";
}

}  // namespace
}  // namespace tenon::client
