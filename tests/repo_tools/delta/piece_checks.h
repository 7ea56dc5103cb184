// What every list of pieces must hold, and bytes to make images from.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/piece.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include <gtest/gtest.h>

namespace tenon::repo_tools {

inline Bytes noise(std::size_t size, unsigned seed) {
  std::mt19937 random(seed);
  Bytes bytes(size);
  for (std::uint8_t& byte : bytes) byte = static_cast<std::uint8_t>(random());
  return bytes;
}

// Pieces cover the image in order, read nothing outside the base, and say zero of nothing else; neighbours are not one piece.
inline void expect_pieces_cover(const std::vector<Piece>& pieces, ByteView base, ByteView image) {
  std::uint64_t at = 0;
  for (std::size_t i = 0; i < pieces.size(); ++i) {
    const Piece& piece = pieces[i];
    ASSERT_EQ(piece.offset, at);
    ASSERT_GT(piece.length, 0u);
    ASSERT_LE(piece.length, image.size() - at);
    at += piece.length;
    if (piece.kind == PieceKind::kAdd) {
      ASSERT_LE(piece.length, base.size());
      ASSERT_LE(piece.base_offset, base.size() - piece.length);
    } else {
      ASSERT_EQ(piece.base_offset, 0u);
    }
    if (piece.kind == PieceKind::kZero) {
      const ByteView zeros = image.subspan(piece.offset, piece.length);
      ASSERT_TRUE(std::ranges::all_of(zeros, [](std::uint8_t byte) { return byte == 0; }));
    }
    if (i == 0 || pieces[i - 1].kind != piece.kind) continue;
    ASSERT_EQ(piece.kind, PieceKind::kAdd);
    ASSERT_NE(pieces[i - 1].base_offset + pieces[i - 1].length, piece.base_offset);
  }
  ASSERT_EQ(at, image.size());
}

// How many bytes of an image are neither zero pieces nor equal to what their piece reads.
inline std::uint64_t unlike_bytes(const std::vector<Piece>& pieces, ByteView base, ByteView image) {
  std::uint64_t unlike = 0;
  for (const Piece& piece : pieces) {
    if (piece.kind == PieceKind::kLiteral) unlike += piece.length;
    if (piece.kind != PieceKind::kAdd) continue;
    for (std::uint64_t i = 0; i < piece.length; ++i)
      unlike += base[piece.base_offset + i] != image[piece.offset + i] ? 1 : 0;
  }
  return unlike;
}

}  // namespace tenon::repo_tools
