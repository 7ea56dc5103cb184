// RangedText: ranges of an image read as one text, such as the extents of a file.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/byte_range.h>
#include <tenon/repo_tools/delta/piece.h>

#include <cstdint>
#include <vector>

namespace tenon::repo_tools {

class RangedText {
 public:
  explicit RangedText(ByteRanges ranges);

  std::uint64_t size() const { return size_; }
  const ByteRanges& ranges() const { return ranges_; }

  // range_at is what of the image lies at an offset of the text, as far as it is in one piece. Pre: offset < size().
  ByteRange range_at(std::uint64_t offset) const;

  // gather copies a part of the text out of its image. Pre: the ranges lie inside the image, the part inside the text.
  Bytes gather(ByteView image, std::uint64_t offset, std::uint64_t length) const;

 private:
  ByteRanges ranges_;
  std::vector<std::uint64_t> starts_;  // of each range in the text
  std::uint64_t size_ = 0;
};

// place_piece turns a piece between two texts into pieces between their images, and adds them.
void place_piece(const RangedText& base, const RangedText& image, Piece piece, std::vector<Piece>& pieces);

}  // namespace tenon::repo_tools
