// join_pieces, gaps_between: pieces found in any order become the list that covers an image.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/byte_range.h>
#include <tenon/repo_tools/delta/piece.h>

#include <cstdint>
#include <vector>

namespace tenon::repo_tools {

// join_pieces sorts pieces that cover an image, and joins those that continue each other. A literal of zeros alone becomes
// kZero. Pre: every byte of the image is in one piece (checked).
std::vector<Piece> join_pieces(std::vector<Piece> pieces, ByteView image);

// gaps_between is what of an image of that size lies in none of the ranges, in order. The ranges may come in any order.
ByteRanges gaps_between(ByteRanges ranges, std::uint64_t image_size);

// covered_by is where pieces lie, in their order.
ByteRanges covered_by(const std::vector<Piece>& pieces);

}  // namespace tenon::repo_tools
