#include <tenon/client/payload/bit_coding.h>

namespace tenon::client {
namespace {

// 65536 / (1 + e^-x) for x = -8, -7.5, ... 8, rounded.
constexpr std::array<std::uint16_t, 33> kLogistic = {22,    36,    60,    98,    162,   267,   439,   720,   1179,
                                                     1921,  3108,  4971,  7812,  11955, 17625, 24743, 32768, 40793,
                                                     47911, 53581, 57724, 60565, 62428, 63615, 64357, 64816, 65097,
                                                     65269, 65374, 65438, 65476, 65500, 65514};

constexpr std::array<std::uint16_t, 4096> make_squash() {
  std::array<std::uint16_t, 4096> table{};
  for (std::size_t i = 0; i < table.size(); ++i) {
    const std::size_t below = i >> 7;
    const std::size_t part = i & 127;
    table[i] = static_cast<std::uint16_t>((kLogistic[below] * (128 - part) + kLogistic[below + 1] * part + 64) >> 7);
  }
  return table;
}

// For each probability the least odds that reach its middle.
constexpr std::array<std::int16_t, 4096> make_stretch() {
  const std::array<std::uint16_t, 4096> squashed = make_squash();
  std::array<std::int16_t, 4096> table{};
  std::size_t at = 1;  // of odds -2047
  for (std::size_t probability = 0; probability < table.size(); ++probability) {
    while (at < table.size() - 1 && squashed[at] < probability * 16 + 8) ++at;
    table[probability] = static_cast<std::int16_t>(static_cast<int>(at) - 2048);
  }
  return table;
}

}  // namespace

constinit const std::array<std::uint16_t, 4096> kSquashTable = make_squash();
constinit const std::array<std::int16_t, 4096> kStretchTable = make_stretch();

}  // namespace tenon::client
