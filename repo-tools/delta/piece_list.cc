#include <tenon/metadata/check.h>
#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/piece_list.h>

#include <algorithm>

namespace tenon::repo_tools {
namespace {

bool continues(const Piece& before, const Piece& after) {
  return before.kind == after.kind &&
         (before.kind != PieceKind::kAdd || before.base_offset + before.length == after.base_offset);
}

}  // namespace

std::vector<Piece> join_pieces(std::vector<Piece> pieces, ByteView image) {
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) { return a.offset < b.offset; });
  std::vector<Piece> joined;
  std::uint64_t covered = 0;
  for (Piece piece : pieces) {
    TENON_CHECK(piece.offset == covered && piece.length > 0 && piece.length <= image.size() - covered);
    covered += piece.length;
    if (piece.kind == PieceKind::kLiteral && is_zero(image.subspan(piece.offset, piece.length))) {
      piece.kind = PieceKind::kZero;
    }
    if (!joined.empty() && continues(joined.back(), piece)) {
      joined.back().length += piece.length;
    } else {
      joined.push_back(piece);
    }
  }
  TENON_CHECK(covered == image.size());
  return joined;
}

ByteRanges gaps_between(ByteRanges ranges, std::uint64_t image_size) {
  std::sort(ranges.begin(), ranges.end(), [](const ByteRange& a, const ByteRange& b) { return a.offset < b.offset; });
  ByteRanges gaps;
  std::uint64_t at = 0;
  for (const ByteRange& range : ranges) {
    if (range.offset > at) gaps.push_back({at, range.offset - at});
    at = std::max(at, range.end());
  }
  if (at < image_size) gaps.push_back({at, image_size - at});
  return gaps;
}

ByteRanges covered_by(const std::vector<Piece>& pieces) {
  ByteRanges ranges;
  ranges.reserve(pieces.size());
  for (const Piece& piece : pieces) ranges.push_back({piece.offset, piece.length});
  return ranges;
}

}  // namespace tenon::repo_tools
