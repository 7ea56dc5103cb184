// DifferenceModel: how what differs between a stretch of an image and of its base becomes bits. One description serves both
// directions, as in PieceModel. docs/payload-format.md, "Differences", has the rules. Thread: one.
#pragma once

#include <tenon/client/payload/bit_coding.h>
#include <tenon/client/payload/little_endian.h>
#include <tenon/client/payload/references.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tenon::client {

// A Coder has `bool code(bool bit, std::uint32_t probability)`, probability of a 1 in 1/65536: it either writes the bit, or
// gives the one that it reads.
template <class Coder>
class DifferenceModel {
 public:
  explicit DifferenceModel(Coder& coder) : coder_(&coder) {}

  // code codes a stretch. base_offset: of base[0]; move: image offset minus base offset, modulo 2^64. A reader gives the same
  // memory as base and image, and finds it changed. Returns: false for what no writer writes.
  bool code(const std::uint8_t* base, std::uint8_t* image, std::size_t length, std::uint64_t base_offset,
            std::uint64_t move);

 private:
  static constexpr std::size_t kStride = 64;      // bytes that are passed over at once
  static constexpr std::size_t kQuiet = 8;        // bytes that are said to be the base's in one bit
  static constexpr std::uint32_t kNear = 4;       // less than so many bytes after a difference nothing is quiet
  static constexpr std::uint32_t kFarAway = 255;  // no difference for so many bytes, or more
  static constexpr std::size_t kQuietContexts = 4;
  static constexpr std::size_t kWholeContexts = 4;
  static constexpr std::size_t kFlagContexts = 4;
  static constexpr std::size_t kByteContexts = 6;

  using Before = std::array<std::uint8_t, 2>;  // the base byte before, then the one before it

  // Where in a stretch the coding is.
  struct Walk {
    const std::uint8_t* base;
    std::uint8_t* image;
    std::size_t length;
    std::uint64_t base_offset;
    std::uint32_t moved;  // modulo 2^32
    std::size_t at = 0;
    int carry = 0;
    Before before = {};
    // The reference that is open.
    Reference reference = {};
    std::size_t field_begin = 0;
    std::size_t field_left = 0;  // bytes; 0: none is open
    bool right_so_far = false;
    bool whole = false;

    std::size_t left() const { return length - at; }
    std::uint32_t alignment() const { return static_cast<std::uint32_t>((base_offset + at) % 8); }
    void step_over(std::size_t bytes) {
      at += bytes;
      before = {base[at - 1], bytes > 1 ? base[at - 2] : std::uint8_t{0}};
    }
  };

  // What is known of a byte before it is coded.
  struct Place {
    std::uint32_t base_byte;
    std::uint32_t expected;       // the base's byte, and the carry
    std::uint32_t predicted;      // by a reference; else expected
    std::uint32_t kind;           // of the reference, 0: none
    std::uint32_t byte_of_field;  // 0 to 3
    std::uint32_t trust;          // of the reference
    bool right_so_far;            // the prediction
    std::uint32_t alignment;      // base offset modulo 8
    Before before;
  };

  static std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
    std::uint32_t hash = a * 0x9E3779B1u + b * 0x85EBCA6Bu;
    hash ^= hash >> 15;
    return hash * 0x2C1B3C6Du;
  }
  static std::uint32_t pair(const Before& before) { return static_cast<std::uint32_t>(before[0] | before[1] << 8); }

  bool may_stride(const Walk& walk) const {
    return walk.at % kStride == 0 && walk.field_left == 0 && walk.carry == 0 && (walk.at == 0 || since_ >= kStride);
  }
  bool may_be_quiet(const Walk& walk) const {
    return walk.at % kQuiet == 0 && walk.field_left == 0 && walk.carry == 0 && since_ >= kNear &&
           walk.left() >= kQuiet &&
           !References::begins_in(kQuiet, walk.base, walk.at, walk.length, walk.base_offset, walk.before);
  }
  // code_strides Returns: how many strides are the base's.
  std::uint64_t code_strides(const Walk& walk);
  bool code_is_quiet(const Walk& walk);
  void open_reference(Walk& walk);
  bool code_is_whole(const Walk& walk);
  void code_byte(Walk& walk);
  Place place_of(const Walk& walk) const;
  bool code_is_predicted(const Place& place, bool is_predicted);
  std::uint32_t code_change(const Place& place, std::uint32_t change);
  void remember(int change, bool was_predicted);
  void pass(std::size_t bytes) { since_ = static_cast<std::uint32_t>(std::min<std::size_t>(kFarAway, since_ + bytes)); }

  Coder* coder_;
  std::array<NumberCode, 6> strides_;
  BitMixer<kQuietContexts> quiet_{8, 15, 4};
  BitMixer<kWholeContexts> whole_{128, 10, 4};
  BitMixer<kFlagContexts> flags_{256, 10, 4};
  BitMixer<kByteContexts> bytes_{32, 4, 6};
  References references_;
  // Of the differences so far.
  std::uint32_t since_ = kFarAway;  // bytes since the last one, at most kFarAway
  std::uint32_t gap_ = 0;           // bytes between the last two, at most 63
  std::uint32_t last_change_ = 0;
  std::uint32_t change_before_ = 0;
  std::uint32_t missed_ = 0;  // the last bytes, a bit each: was it not the predicted one
  bool strode_ = false;
};

template <class Coder>
bool DifferenceModel<Coder>::code(const std::uint8_t* base, std::uint8_t* image, std::size_t length,
                                  std::uint64_t base_offset, std::uint64_t move) {
  Walk walk{.base = base,
            .image = image,
            .length = length,
            .base_offset = base_offset,
            .moved = static_cast<std::uint32_t>(move)};
  while (walk.at < length) {
    if (may_stride(walk)) {
      const std::uint64_t strides = code_strides(walk);
      if (strides > (walk.left() + kStride - 1) / kStride) return false;
      if (strides > 0) {
        const std::size_t passed = std::min(walk.left(), static_cast<std::size_t>(strides) * kStride);
        pass(passed);
        missed_ = 0;
        walk.step_over(passed);
        continue;
      }
    }
    if (may_be_quiet(walk) && code_is_quiet(walk)) {
      pass(kQuiet);
      missed_ <<= 1;
      walk.step_over(kQuiet);
      continue;
    }
    code_byte(walk);
  }
  return true;
}

template <class Coder>
std::uint64_t DifferenceModel<Coder>::code_strides(const Walk& walk) {
  std::uint64_t clean = 0;
  if (walk.base != walk.image) {  // a writer's
    const auto differs = std::mismatch(walk.base + walk.at, walk.base + walk.length, walk.image + walk.at).first;
    const auto same = static_cast<std::size_t>(differs - (walk.base + walk.at));
    clean = same == walk.left() ? (same + kStride - 1) / kStride : same / kStride;
  }
  const std::size_t far = (since_ >= 128 ? 1u : 0u) + (since_ >= kFarAway ? 1u : 0u);
  const std::uint64_t strides = strides_[walk.at == 0 ? 0 : 1 + far + (strode_ ? 2 : 0)].code(*coder_, clean);
  strode_ = strides > 0;
  return strides;
}

template <class Coder>
bool DifferenceModel<Coder>::code_is_quiet(const Walk& walk) {
  const std::uint8_t* const next = walk.base + walk.at;
  const std::uint32_t distance = since_ < 8          ? 0
                                 : since_ < 16       ? 1
                                 : since_ < 32       ? 2
                                 : since_ < 64       ? 3
                                 : since_ < 128      ? 4
                                 : since_ < kFarAway ? 5
                                                     : 6;
  const std::array<std::uint32_t, kQuietContexts> contexts = {
      mix(distance, missed_ & 0xFF),
      mix(load_le32(next), load_le32(next + 4)),
      mix(load_le32(next), pair(walk.before)),
      mix(since_ | gap_ << 8, last_change_ | walk.alignment() << 8),
  };
  return quiet_.code(*coder_, std::equal(next, next + kQuiet, walk.image + walk.at), contexts, distance);
}

template <class Coder>
void DifferenceModel<Coder>::open_reference(Walk& walk) {
  walk.reference = references_.at(walk.base, walk.at, walk.length, walk.base_offset, walk.before, walk.moved);
  if (walk.reference.kind == Reference::Kind::kNone) return;
  walk.field_begin = walk.at;
  walk.field_left = 4;
  walk.right_so_far = walk.reference.trust != 0;
  walk.whole = code_is_whole(walk);
}

template <class Coder>
bool DifferenceModel<Coder>::code_is_whole(const Walk& walk) {
  const Reference& reference = walk.reference;
  const std::uint32_t kind = static_cast<std::uint32_t>(reference.kind) * 16 + reference.trust;
  const std::uint32_t moves = reference.prediction == reference.old_value ? 0 : 1;
  const std::array<std::uint32_t, kWholeContexts> contexts = {
      mix(kind, (missed_ & 0xF) << 1 | moves),
      mix(kind, pair(walk.before) << 1 | moves),
      mix(static_cast<std::uint32_t>(reference.target), 1),
      mix(since_ | gap_ << 8, kind | last_change_ << 8),
  };
  return whole_.code(*coder_, load_le32(walk.image + walk.at) == reference.prediction, contexts, kind);
}

template <class Coder>
typename DifferenceModel<Coder>::Place DifferenceModel<Coder>::place_of(const Walk& walk) const {
  Place place;
  place.base_byte = walk.base[walk.at];
  place.expected = static_cast<std::uint8_t>(walk.base[walk.at] + walk.carry);
  place.kind = walk.field_left == 0 ? 0 : static_cast<std::uint32_t>(walk.reference.kind);
  place.byte_of_field = static_cast<std::uint32_t>(4 - walk.field_left) & 3;
  place.trust = walk.reference.trust;
  place.right_so_far = walk.right_so_far;
  const bool is_foretold = walk.field_left > 0 && (walk.right_so_far || walk.whole);
  place.predicted = is_foretold ? walk.reference.prediction >> 8 * place.byte_of_field & 0xFF : place.expected;
  place.alignment = walk.alignment();
  place.before = walk.before;
  return place;
}

template <class Coder>
void DifferenceModel<Coder>::code_byte(Walk& walk) {
  if (walk.field_left == 0 && walk.left() >= 4) open_reference(walk);
  const Place place = place_of(walk);
  std::uint32_t byte = walk.image[walk.at];
  const bool is_sure = walk.field_left > 0 && walk.whole;
  const bool is_predicted = is_sure || code_is_predicted(place, byte == place.predicted);
  if (is_predicted) {
    byte = place.predicted;
  } else {
    byte = (place.expected + code_change(place, (byte - place.expected) & 0xFF)) & 0xFF;
    walk.right_so_far = false;
  }
  // A number that grows by a constant has one change, whatever its bytes are: what overflows goes to the next byte.
  const int change = static_cast<std::int8_t>(byte - place.expected);
  const int sum = static_cast<int>(place.base_byte) + walk.carry + change;
  walk.carry = sum > 255 ? 1 : sum < 0 ? -1 : 0;
  remember(change, is_predicted);
  walk.before = {static_cast<std::uint8_t>(place.base_byte), walk.before[0]};
  walk.image[walk.at] = static_cast<std::uint8_t>(byte);
  ++walk.at;
  if (walk.field_left > 0 && --walk.field_left == 0) {
    references_.learn(walk.reference, load_le32(walk.image + walk.field_begin), walk.moved);
  }
}

template <class Coder>
void DifferenceModel<Coder>::remember(int change, bool was_predicted) {
  if (change != 0) {
    change_before_ = last_change_;
    last_change_ = static_cast<std::uint8_t>(change);
    gap_ = std::min<std::uint32_t>(since_, 63);
    since_ = 0;
  } else {
    pass(1);
  }
  missed_ = missed_ << 1 | (was_predicted ? 0u : 1u);
}

template <class Coder>
bool DifferenceModel<Coder>::code_is_predicted(const Place& place, bool is_predicted) {
  const std::uint32_t agree = place.expected == place.predicted ? 1 : 0;
  const std::uint32_t near = std::min<std::uint32_t>(since_, 3);
  const std::uint32_t distance = since_ < 16    ? since_
                                 : since_ < 32  ? 16
                                 : since_ < 64  ? 17
                                 : since_ < 128 ? 18
                                 : since_ < 255 ? 19
                                                : 20;
  const std::uint32_t field =
      place.kind == 0
          ? 0
          : ((place.kind * 16 + place.trust) * 8 + place.byte_of_field * 2 + agree) * 2 + (place.right_so_far ? 1 : 0);
  const std::uint32_t before = place.before[0] | place.base_byte << 8;
  const std::array<std::uint32_t, kFlagContexts> contexts = {
      mix(field, missed_ & 7),
      mix(before, field + 0x10000),
      mix(since_ | gap_ << 8, last_change_),
      mix(distance | (missed_ & 255) << 8, place.alignment | agree << 3 | place.kind << 4),
  };
  return flags_.code(*coder_, is_predicted, contexts,
                     place.kind * 32 + agree * 16 + (place.kind == 0 ? 0 : place.byte_of_field * 4) + near);
}

// A byte's change is coded bit by bit, the highest first; what was coded of it is part of each context.
template <class Coder>
std::uint32_t DifferenceModel<Coder>::code_change(const Place& place, std::uint32_t change) {
  const std::uint32_t near = std::min<std::uint32_t>(since_, 3);
  const std::uint32_t foretold = (place.predicted - place.expected) & 0xFF;
  const std::array<std::uint32_t, kByteContexts> hashes = {
      mix(foretold, place.kind * 8 + place.byte_of_field),
      mix(last_change_, near + 0x100),
      mix(pair(place.before), 0x200),
      mix(last_change_ | change_before_ << 8, (near | place.kind << 4) + 0x300),
      mix(place.base_byte, (last_change_ | near << 8) + 0x400),
      mix(place.base_byte | foretold << 8, near + 0x900),
  };
  std::uint32_t coded = 1;
  for (unsigned bit = 8; bit-- > 0;) {
    std::array<std::uint32_t, kByteContexts> contexts;
    for (std::size_t i = 0; i < kByteContexts; ++i) contexts[i] = (hashes[i] ^ coded * 0x9E3779B1u) * 0x2C1B3C6Du;
    coded = coded << 1 | (bytes_.code(*coder_, (change >> bit & 1) != 0, contexts, place.kind * 4 + near) ? 1u : 0u);
  }
  return coded & 0xFF;
}

}  // namespace tenon::client
