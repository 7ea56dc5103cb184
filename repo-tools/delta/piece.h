// Piece: a stretch of a new image, and where it comes from. A delta is a list of pieces that cover the image in order.
#pragma once

#include <tenon/client/payload/piece_kind.h>

#include <cstdint>

namespace tenon::repo_tools {

using client::PieceKind;

struct Piece {
  PieceKind kind = PieceKind::kLiteral;
  std::uint64_t offset = 0;       // bytes, in the image
  std::uint64_t length = 0;       // bytes, above 0
  std::uint64_t base_offset = 0;  // bytes, in the base; of kAdd alone
  bool operator==(const Piece&) const = default;
};

}  // namespace tenon::repo_tools
