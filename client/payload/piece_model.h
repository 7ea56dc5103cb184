// PieceModel: how the pieces of a delta become bits. One description serves both directions: a Coder either writes the bits
// that it is given, or gives those that it reads. docs/payload-format.md, "Pieces" and "Differences", has the rules.
// A Coder has `bool code(bool bit, std::uint32_t probability)`, probability of a 1 in 1/65536. Thread: one.
#pragma once

#include <tenon/client/payload/bit_coding.h>
#include <tenon/client/payload/piece_kind.h>
#include <tenon/client/payload/references.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tenon::client {

template <class Coder>
class PieceModel {
 public:
  explicit PieceModel(Coder& coder) : coder_(&coder) {}

  PieceKind code_kind(PieceKind kind) {
    const auto before = static_cast<std::size_t>(last_kind_);
    last_kind_ = !step(is_add_[before], kind == PieceKind::kAdd)
                     ? (step(is_zero_[before], kind == PieceKind::kZero) ? PieceKind::kZero : PieceKind::kLiteral)
                     : PieceKind::kAdd;
    return last_kind_;
  }

  // code_length: of the piece whose kind came last; left: bytes to the end of the segment. What is read may be more than left.
  std::uint64_t code_length(std::uint64_t length, std::uint64_t left) {
    const auto kind = static_cast<std::size_t>(last_kind_);
    if (step(fills_[kind], length == left)) return left;
    return lengths_[kind].code(*coder_, length - 1) + 1;
  }

  // code_move: image offset minus base offset, modulo 2^64.
  std::uint64_t code_move(std::uint64_t move) {
    std::size_t index = 0;
    while (index < moves_.size() && !step(is_move_[index][last_move_], moves_[index] == move)) ++index;
    if (index < moves_.size()) {
      last_move_ = std::min<std::size_t>(index, 3);
    } else {
      last_move_ = 3;
      index = moves_.size() - 1;
      const std::uint64_t change = move - moves_[0];
      const bool down = step(is_down_, change >> 63 != 0);
      const std::uint64_t size = steps_.code(*coder_, (down ? 0 - change : change) - 1) + 1;
      moves_[index] = moves_[0] + (down ? 0 - size : size);
    }
    std::rotate(moves_.begin(), moves_.begin() + static_cast<std::ptrdiff_t>(index),
                moves_.begin() + static_cast<std::ptrdiff_t>(index) + 1);
    return moves_[0];
  }

  // code_exact: whether an add is the same bytes as the base.
  bool code_exact(bool exact) {
    last_exact_ = step(is_exact_[last_exact_ ? 1 : 0], exact);
    return last_exact_;
  }

  // code_difference codes an add that is not exact. base_offset: of base[0]. image is read or written, and may be base
  // itself: then it is changed in place. Pre: its move came last. Returns: false for what no writer writes.
  bool code_difference(const std::uint8_t* base, std::uint8_t* image, std::size_t length, std::uint64_t base_offset);

 private:
  static constexpr std::size_t kStride = 64;      // bytes that are passed over at once
  static constexpr std::uint32_t kFarAway = 255;  // no difference for so many bytes, or more
  static constexpr std::size_t kQuiet = 8;        // bytes that are said to be the base's in one bit
  static constexpr std::uint32_t kNear = 4;       // less than so many bytes after a difference nothing is quiet
  static constexpr std::size_t kQuietContexts = 4;
  static constexpr std::size_t kWholeContexts = 4;
  static constexpr std::size_t kFlagContexts = 4;
  static constexpr std::size_t kByteContexts = 6;

  bool step(BitCell& cell, bool bit) {
    bit = coder_->code(bit, cell.probability());
    cell.learn(bit, 15);
    return bit;
  }
  static std::uint32_t mix(std::uint32_t a, std::uint32_t b) {
    std::uint32_t hash = a * 0x9E3779B1u + b * 0x85EBCA6Bu;
    hash ^= hash >> 15;
    return hash * 0x2C1B3C6Du;
  }

  static bool holds(const std::uint8_t* bytes, std::uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) {
      if (bytes[i] != static_cast<std::uint8_t>(value >> 8 * i)) return false;
    }
    return true;
  }

  // What is known of a byte before it is coded.
  struct Place {
    std::uint32_t expected;   // the base's byte, and the carry
    std::uint32_t predicted;  // by a reference; else expected
    std::uint32_t base_byte;
    std::uint32_t kind;           // of the reference, 0: none
    std::uint32_t byte_of_field;  // 0 to 3
    std::uint32_t trust;          // of the reference
    bool right_so_far;            // the prediction
    std::uint32_t alignment;      // base offset modulo 8
    std::array<std::uint8_t, 2> before;
  };
  bool code_is_quiet(const std::uint8_t* base, std::uint32_t alignment, std::array<std::uint8_t, 2> before,
                     bool is_quiet);
  bool code_is_whole(const Reference& reference, std::array<std::uint8_t, 2> before, bool is_whole);
  bool code_is_predicted(const Place& place, bool is_predicted);
  std::uint32_t code_change(const Place& place, std::uint32_t change);
  std::size_t clean_strides(const std::uint8_t* base, const std::uint8_t* image, std::size_t length) const;

  Coder* coder_;
  PieceKind last_kind_ = PieceKind::kAdd;
  bool last_exact_ = false;
  std::size_t last_move_ = 0;
  std::array<std::uint64_t, 8> moves_{};  // the last ones, the newest first
  std::array<BitCell, 3> is_add_, is_zero_, fills_;
  std::array<BitCell, 2> is_exact_;
  std::array<std::array<BitCell, 4>, 8> is_move_;
  BitCell is_down_;
  NumberCode steps_;
  std::array<NumberCode, 3> lengths_;
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
  std::uint32_t missed_ = 0;  // the last 8 bytes, a bit each: was it not the predicted one
  bool strode_ = false;
};

template <class Coder>
bool PieceModel<Coder>::code_is_quiet(const std::uint8_t* base, std::uint32_t alignment,
                                      std::array<std::uint8_t, 2> before, bool is_quiet) {
  const auto u32 = [](const std::uint8_t* bytes) {
    return static_cast<std::uint32_t>(bytes[0] | bytes[1] << 8 | bytes[2] << 16) | static_cast<std::uint32_t>(bytes[3])
                                                                                       << 24;
  };
  const std::uint32_t distance = since_ < 8          ? 0
                                 : since_ < 16       ? 1
                                 : since_ < 32       ? 2
                                 : since_ < 64       ? 3
                                 : since_ < 128      ? 4
                                 : since_ < kFarAway ? 5
                                                     : 6;
  const std::array<std::uint32_t, kQuietContexts> contexts = {
      mix(distance, missed_ & 0xFF),
      mix(u32(base), u32(base + 4)),
      mix(u32(base), static_cast<std::uint32_t>(before[0] | before[1] << 8)),
      mix(since_ | gap_ << 8, last_change_ | alignment << 8),
  };
  return quiet_.code(*coder_, is_quiet, contexts, distance);
}

template <class Coder>
bool PieceModel<Coder>::code_is_whole(const Reference& reference, std::array<std::uint8_t, 2> before, bool is_whole) {
  const std::uint32_t kind = static_cast<std::uint32_t>(reference.kind) * 16 + reference.trust;
  const std::uint32_t moves = reference.prediction == reference.old_value ? 0 : 1;
  const auto target = static_cast<std::uint32_t>(reference.target);
  const std::array<std::uint32_t, kWholeContexts> contexts = {
      mix(kind, (missed_ & 0xF) << 1 | moves),
      mix(kind, static_cast<std::uint32_t>(before[0] | before[1] << 8) << 1 | moves),
      mix(target, 1),
      mix(since_ | gap_ << 8, kind | last_change_ << 8),
  };
  return whole_.code(*coder_, is_whole, contexts, kind);
}

template <class Coder>
bool PieceModel<Coder>::code_is_predicted(const Place& place, bool is_predicted) {
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
std::uint32_t PieceModel<Coder>::code_change(const Place& place, std::uint32_t change) {
  const std::uint32_t near = std::min<std::uint32_t>(since_, 3);
  const std::uint32_t foretold = (place.predicted - place.expected) & 0xFF;
  const std::array<std::uint32_t, kByteContexts> hashes = {
      mix(foretold, place.kind * 8 + place.byte_of_field),
      mix(last_change_, near + 0x100),
      mix(static_cast<std::uint32_t>(place.before[0] | place.before[1] << 8), 0x200),
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

template <class Coder>
std::size_t PieceModel<Coder>::clean_strides(const std::uint8_t* base, const std::uint8_t* image,
                                             std::size_t length) const {
  if (base == image) return 0;  // a reader's
  std::size_t count = 0;
  while (count * kStride < length) {
    const std::size_t begin = count * kStride;
    const std::size_t size = std::min(kStride, length - begin);
    if (!std::equal(base + begin, base + begin + size, image + begin)) break;
    ++count;
  }
  return count;
}

template <class Coder>
bool PieceModel<Coder>::code_difference(const std::uint8_t* base, std::uint8_t* image, std::size_t length,
                                        std::uint64_t base_offset) {
  const auto moved = static_cast<std::uint32_t>(moves_[0]);
  Reference reference;
  std::size_t field_begin = 0;
  std::size_t field_left = 0;
  bool right_so_far = false;
  bool whole = false;
  int carry = 0;
  std::array<std::uint8_t, 2> before{};
  for (std::size_t at = 0; at < length; ++at) {
    if (at % kStride == 0 && field_left == 0 && carry == 0 && (at == 0 || since_ >= kStride)) {
      const std::size_t context =
          at == 0 ? 0 : 1 + (since_ >= 128 ? 1u : 0u) + (since_ >= kFarAway ? 1u : 0u) + (strode_ ? 2u : 0u);
      const std::uint64_t strides = strides_[context].code(*coder_, clean_strides(base + at, image + at, length - at));
      strode_ = strides > 0;
      if (strides > (length - at + kStride - 1) / kStride) return false;
      if (strides > 0) {
        const std::size_t passed = std::min<std::size_t>(length - at, static_cast<std::size_t>(strides) * kStride);
        since_ = static_cast<std::uint32_t>(std::min<std::size_t>(kFarAway, since_ + passed));
        missed_ = 0;
        at += passed - 1;
        before = {base[at], passed > 1 ? base[at - 1] : std::uint8_t{0}};
        continue;
      }
    }
    const auto alignment = static_cast<std::uint32_t>((base_offset + at) % 8);
    if (field_left == 0 && carry == 0 && since_ >= kNear && at % kQuiet == 0 && length - at >= kQuiet &&
        !References::begins_in(kQuiet, base, at, length, base_offset, before)) {
      if (code_is_quiet(base + at, alignment, before, std::equal(base + at, base + at + kQuiet, image + at))) {
        since_ = std::min<std::uint32_t>(kFarAway, since_ + kQuiet);
        std::copy_n(base + at, kQuiet, image + at);
        at += kQuiet - 1;
        before = {base[at], base[at - 1]};
        missed_ <<= 1;
        continue;
      }
    }
    Place place;
    place.base_byte = base[at];
    place.expected = static_cast<std::uint8_t>(base[at] + carry);
    if (field_left == 0 && length - at >= 4) {
      reference = references_.at(base, at, length, base_offset, before, moved);
      if (reference.kind != Reference::Kind::kNone) {
        field_begin = at;
        field_left = 4;
        right_so_far = reference.trust != 0;
        whole = code_is_whole(reference, before, holds(image + at, reference.prediction));
      }
    }
    place.kind = field_left == 0 ? 0 : static_cast<std::uint32_t>(reference.kind);
    place.trust = reference.trust;
    place.byte_of_field = static_cast<std::uint32_t>(4 - field_left) & 3;
    place.right_so_far = right_so_far;
    place.predicted = field_left > 0 && (right_so_far || whole) ? reference.prediction >> 8 * place.byte_of_field & 0xFF
                                                                : place.expected;
    place.alignment = alignment;
    place.before = before;

    std::uint32_t byte = image[at];
    const bool is_predicted = (whole && field_left > 0) || code_is_predicted(place, byte == place.predicted);
    if (is_predicted) {
      byte = place.predicted;
    } else {
      byte = (place.expected + code_change(place, (byte - place.expected) & 0xFF)) & 0xFF;
      right_so_far = false;
    }
    // A number that grows by a constant has one change, whatever its bytes are: what overflows goes to the next byte.
    const int change = static_cast<std::int8_t>(byte - place.expected);
    const int sum = static_cast<int>(place.base_byte) + carry + change;
    carry = sum > 255 ? 1 : sum < 0 ? -1 : 0;
    if (change != 0) {
      change_before_ = last_change_;
      last_change_ = static_cast<std::uint8_t>(change);
      gap_ = std::min<std::uint32_t>(since_, 63);
      since_ = 0;
    } else if (since_ < kFarAway) {
      ++since_;
    }
    missed_ = missed_ << 1 | (is_predicted ? 0u : 1u);
    before = {static_cast<std::uint8_t>(place.base_byte), before[0]};
    image[at] = static_cast<std::uint8_t>(byte);
    if (field_left > 0 && --field_left == 0) {
      std::uint32_t value = 0;
      for (std::size_t i = 4; i-- > 0;) value = value << 8 | image[field_begin + i];
      references_.learn(reference, value, moved);
    }
  }
  return true;
}

}  // namespace tenon::client
