#include <tenon/repo_tools/delta/ranged_text.h>

#include <algorithm>

namespace tenon::repo_tools {

RangedText::RangedText(ByteRanges ranges) : ranges_(std::move(ranges)) {
  std::erase_if(ranges_, [](const ByteRange& range) { return range.length == 0; });
  starts_.reserve(ranges_.size());
  for (const ByteRange& range : ranges_) {
    starts_.push_back(size_);
    size_ += range.length;
  }
}

ByteRange RangedText::range_at(std::uint64_t offset) const {
  const auto after = std::upper_bound(starts_.begin(), starts_.end(), offset);
  const auto at = static_cast<std::size_t>(after - starts_.begin()) - 1;
  const std::uint64_t inside = offset - starts_[at];
  return {ranges_[at].offset + inside, ranges_[at].length - inside};
}

Bytes RangedText::gather(ByteView image, std::uint64_t offset, std::uint64_t length) const {
  Bytes text;
  text.reserve(length);
  while (length > 0) {
    const ByteRange range = range_at(offset);
    const std::uint64_t part = std::min(range.length, length);
    const ByteView bytes = image.subspan(range.offset, part);
    text.insert(text.end(), bytes.begin(), bytes.end());
    offset += part;
    length -= part;
  }
  return text;
}

void place_piece(const RangedText& base, const RangedText& image, Piece piece, std::vector<Piece>& pieces) {
  while (piece.length > 0) {
    const ByteRange to = image.range_at(piece.offset);
    Piece part{piece.kind, to.offset, std::min(piece.length, to.length), 0};
    if (piece.kind == PieceKind::kAdd) {
      const ByteRange from = base.range_at(piece.base_offset);
      part.length = std::min(part.length, from.length);
      part.base_offset = from.offset;
      piece.base_offset += part.length;
    }
    pieces.push_back(part);
    piece.offset += part.length;
    piece.length -= part.length;
  }
}

}  // namespace tenon::repo_tools
