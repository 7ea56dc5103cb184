// References: programs say where their parts are, by distances and addresses. When parts move, these numbers change, each by
// how far its two ends have moved; who has seen one reference to a place knows the others. This finds, in the base, what
// looks like such a number, and says what it has become. It only predicts: where it is wrong, a delta is longer.
// docs/payload-format.md, "References", has the rules. Thread: one.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace tenon::client {

// A number of 4 bytes, little endian, in the base.
struct Reference {
  enum class Kind : std::uint8_t { kNone, kCall, kJump, kBranch, kData, kAddress };
  Kind kind = Kind::kNone;
  std::uint8_t trust = 0;       // 0: nothing is known of its target; 1 to 4: of this place; 5 to 8: of its surroundings
  std::uint32_t old_value = 0;  // in the base
  std::uint32_t prediction = 0;  // what it has become; of trust 0: old_value
  std::uint64_t target = 0;      // in the base, or an address
};

class References {
 public:
  References();

  // at looks whether a reference begins at base[at]. moved: how far what is decoded has moved, image minus base offset.
  // base_offset: of base[0]. before: base[at - 1], then the one before it; 0 before the first.
  // Pre: at + 4 <= length.
  Reference at(const std::uint8_t* base, std::size_t at, std::size_t length, std::uint64_t base_offset,
               std::array<std::uint8_t, 2> before, std::uint32_t moved) const;

  // begins_in says whether a reference begins at one of the next `count` bytes; the arguments are those of at().
  // Pre: at + count <= length.
  static bool begins_in(std::size_t count, const std::uint8_t* base, std::size_t at, std::size_t length,
                        std::uint64_t base_offset, std::array<std::uint8_t, 2> before);

  // learn is told what became of a reference.
  void learn(const Reference& reference, std::uint32_t new_value, std::uint32_t moved);

 private:
  static constexpr unsigned kIndexBits = 14;
  // How far a target has moved.
  struct Move {
    std::int32_t distance = kUnknown;
    std::uint32_t confirmed = 0;  // how often in a row it was the same, at most 3
  };
  static constexpr std::int32_t kUnknown = INT32_MIN;
  static std::size_t index_of(std::uint64_t key);
  static void confirm(Move& move, std::int32_t distance);

  std::vector<Move> places_;
  std::vector<Move> surroundings_;  // of 1 KiB
  std::vector<Move> addresses_;     // of 1 KiB
};

}  // namespace tenon::client
