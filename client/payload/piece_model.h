// PieceModel: how the pieces of a delta become bits. One description serves both directions: a Coder either writes the bits
// that it is given, or gives those that it reads (DifferenceModel). docs/payload-format.md, "Pieces", has the rules.
// A Coder has `bool code(bool bit, std::uint32_t probability)`, probability of a 1 in 1/65536. Thread: one.
#pragma once

#include <tenon/client/payload/bit_coding.h>
#include <tenon/client/payload/difference_model.h>
#include <tenon/client/payload/piece_kind.h>

#include <algorithm>
#include <array>
#include <cstdint>

namespace tenon::client {

template <class Coder>
class PieceModel {
 public:
  explicit PieceModel(Coder& coder) : coder_(&coder), differences_(coder) {}

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

  // code_difference codes an add that is not exact, as DifferenceModel::code() does. Pre: its move came last.
  bool code_difference(const std::uint8_t* base, std::uint8_t* image, std::size_t length, std::uint64_t base_offset) {
    return differences_.code(base, image, length, base_offset, moves_[0]);
  }

 private:
  bool step(BitCell& cell, bool bit) {
    bit = coder_->code(bit, cell.probability());
    cell.learn(bit, 15);
    return bit;
  }

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
  DifferenceModel<Coder> differences_;
};

}  // namespace tenon::client
