// Coding of single bits by adaptive probabilities: what the model of deltas is built from. Integers alone, so that every
// machine computes the same. docs/payload-format.md, "Bits", has the rules. Thread: one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace tenon::client {

extern const std::array<std::uint16_t, 4096> kSquashTable;
extern const std::array<std::int16_t, 4096> kStretchTable;

// squash gives the probability of a 1, in 1/65536, for a logarithm of odds in 1/256, which is cut to -2047 .. 2047.
inline std::uint32_t squash(std::int64_t odds) {
  const std::int64_t cut = odds < -2047 ? -2047 : odds > 2047 ? 2047 : odds;
  return kSquashTable[static_cast<std::size_t>(cut + 2048)];
}
// stretch is its inverse, for a probability in 1/4096. Pre: probability < 4096.
inline int stretch(std::uint32_t probability) {
  return kStretchTable[probability];
}

// BitCell learns how probable a 1 is: 12 bits of probability, 4 bits that count what it has seen.
class BitCell {
 public:
  std::uint32_t probability12() const { return state_ >> 4; }
  // probability gives what a coder is told, in 1/65536; never 0 nor 65536.
  std::uint32_t probability() const { return (state_ & 0xFFF0u) | 8u; }
  // learn moves fast at first and then by 1 in (limit + 1.6). Pre: limit <= 15.
  void learn(bool bit, std::uint32_t limit) {
    const std::uint32_t count = state_ & 0xFu;
    const int held = static_cast<int>(state_ & 0xFFF0u);
    const int moved = held + (((bit ? 65535 : 0) - held) * kRates[count] >> 16);
    state_ = static_cast<std::uint16_t>((static_cast<unsigned>(moved) & 0xFFF0u) | (count < limit ? count + 1 : count));
  }

 private:
  static constexpr std::array<int, 16> kRates = [] {
    std::array<int, 16> rates{};
    for (int count = 0; count < 16; ++count) rates[static_cast<std::size_t>(count)] = 655360 / (10 * count + 16);
    return rates;
  }();
  std::uint16_t state_ = 0x8000;
};

// BitMixer weighs what several contexts say of one bit, and learns whom to believe. Coder::code(bit, probability) takes a bit
// to write it, or gives the one that it read.
template <std::size_t kContexts>
class BitMixer {
 public:
  // sets: how many sets of weights there are; limit: that of the cells; rate: how fast weights move.
  BitMixer(std::size_t sets, std::uint32_t limit, int rate)
      : cells_(kContexts << kIndexBits),
        weights_(sets * kContexts, static_cast<std::int32_t>(78643 / kContexts)),  // 1.2 in all
        limit_(limit),
        rate_(rate) {}

  // code: of each context its upper kIndexBits count. Pre: set < sets.
  template <class Coder>
  bool code(Coder& coder, bool bit, const std::array<std::uint32_t, kContexts>& contexts, std::size_t set) {
    std::int32_t* const weights = weights_.data() + set * kContexts;
    std::array<BitCell*, kContexts> cells;
    std::array<int, kContexts> votes;
    std::int64_t sum = 0;
    for (std::size_t i = 0; i < kContexts; ++i) {
      cells[i] = &cells_[(i << kIndexBits) + (contexts[i] >> (32 - kIndexBits))];
      votes[i] = stretch(cells[i]->probability12());
      sum += static_cast<std::int64_t>(weights[i]) * votes[i];
    }
    const std::uint32_t probability = squash(sum >> 16);
    bit = coder.code(bit, probability);
    const std::int64_t error = (bit ? 65536 : 0) - static_cast<std::int64_t>(probability);
    for (std::size_t i = 0; i < kContexts; ++i) {
      const std::int64_t weight = weights[i] + (votes[i] * error * rate_ >> 18);
      weights[i] = static_cast<std::int32_t>(weight < -kMaxWeight  ? -kMaxWeight
                                             : weight > kMaxWeight ? kMaxWeight
                                                                   : weight);
      cells[i]->learn(bit, limit_);
    }
    return bit;
  }

 private:
  static constexpr unsigned kIndexBits = 14;
  static constexpr std::int64_t kMaxWeight = 1 << 20;  // 16.0
  std::vector<BitCell> cells_;
  std::vector<std::int32_t> weights_;  // in 1/65536
  std::uint32_t limit_;
  int rate_;
};

// NumberCode codes numbers of any size, small ones in few bits: their width in ones, then their bits below the highest, of
// which the first few are learned.
class NumberCode {
 public:
  static constexpr unsigned kMaxWidth = 40;  // bits; a number above 2^40 is never written, and read as something else

  // code takes or gives a number. Pre: number < 2^40 - 1.
  template <class Coder>
  std::uint64_t code(Coder& coder, std::uint64_t number) {
    const std::uint64_t value = number + 1;  // its highest bit stands for its width
    unsigned width = 0;
    while (width < kMaxWidth && step(coder, value >> width > 1, widths_[width])) ++width;
    std::uint64_t result = 1;
    for (unsigned bit = width; bit-- > 0;) {
      const bool wanted = (value >> bit & 1) != 0;
      const bool got = width - bit <= kLearnedBits ? step(coder, wanted, bits_[width][static_cast<std::size_t>(result)])
                                                   : coder.code(wanted, 32768);
      result = result << 1 | static_cast<std::uint64_t>(got);
    }
    return result - 1;
  }

 private:
  static constexpr unsigned kLearnedBits = 5;
  template <class Coder>
  static bool step(Coder& coder, bool bit, BitCell& cell) {
    bit = coder.code(bit, cell.probability());
    cell.learn(bit, 15);
    return bit;
  }

  std::array<BitCell, kMaxWidth> widths_;
  std::array<std::array<BitCell, 1u << kLearnedBits>, kMaxWidth + 1> bits_;
};

}  // namespace tenon::client
