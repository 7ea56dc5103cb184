// PieceKind: what a stretch of an image is to its base. A delta is a list of pieces that cover the image in order.
#pragma once

#include <cstdint>

namespace tenon::client {

enum class PieceKind : std::uint8_t {
  kAdd,      // resembles the base: coded as what differs
  kLiteral,  // resembles nothing: its bytes are in the stream of literals
  kZero,     // all bytes are zero
};

}  // namespace tenon::client
