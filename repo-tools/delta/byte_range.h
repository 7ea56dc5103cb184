// ByteRange: a stretch of an image.
#pragma once

#include <cstdint>
#include <vector>

namespace tenon::repo_tools {

struct ByteRange {
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes
  std::uint64_t end() const { return offset + length; }
  bool operator==(const ByteRange&) const = default;
};

using ByteRanges = std::vector<ByteRange>;

// total_length is how many bytes the ranges have together.
inline std::uint64_t total_length(const ByteRanges& ranges) {
  std::uint64_t total = 0;
  for (const ByteRange& range : ranges) total += range.length;
  return total;
}

// append_range adds a range at the end, as part of the last one if it continues it.
inline void append_range(ByteRanges& ranges, ByteRange range) {
  if (range.length == 0) return;
  if (!ranges.empty() && ranges.back().end() == range.offset) {
    ranges.back().length += range.length;
  } else {
    ranges.push_back(range);
  }
}

}  // namespace tenon::repo_tools
