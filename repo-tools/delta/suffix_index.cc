#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/suffix_index.h>
#include <tenon/repo_tools/delta/workers.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <new>

#include <divsufsort.h>

namespace tenon::repo_tools {
namespace {

constexpr std::size_t kPartSize = std::size_t{32} << 20;  // bytes; parts are sorted at the same time
constexpr std::size_t kLargePart = std::size_t{1} << 20;  // bytes; the table of a smaller one does not pay
constexpr std::size_t kByteValues = 256;

}  // namespace

SuffixIndex::SuffixIndex(ByteView text, std::size_t shortest_match, unsigned workers) {
  for (std::size_t offset = 0; offset < text.size(); offset += kPartSize) {
    parts_.push_back({text.subspan(offset, std::min(kPartSize, text.size() - offset)), offset, {}, {}, {}});
  }
  run_on_workers(parts_.size(), workers, [&](std::size_t part) { parts_[part].sort(shortest_match); });
}

void SuffixIndex::Part::sort(std::size_t shortest_match) {
  filter = StretchFilter(text, shortest_match);
  suffixes.resize(text.size());
  if (divsufsort(text.data(), suffixes.data(), static_cast<std::int32_t>(text.size())) != 0) throw std::bad_alloc();
  if (text.size() < kLargePart) return;
  first_with.assign(kByteValues * kByteValues + 1, 0);
  // A counting sort of all pairs of bytes. The last byte has no second one: its suffix is the first of its first byte.
  for (std::size_t at = 0; at + 1 < text.size(); ++at) ++first_with[kByteValues * text[at] + text[at + 1] + 1U];
  ++first_with[kByteValues * text.back() + 1U];
  for (std::size_t pair = 1; pair < first_with.size(); ++pair) first_with[pair] += first_with[pair - 1];
}

SuffixIndex::Match SuffixIndex::longest_match(ByteView pattern) const {
  Match longest;
  for (const Part& part : parts_) {
    const Match match = part.longest_match(pattern);
    if (match.length > longest.length) longest = match;
  }
  return longest;
}

SuffixIndex::Match SuffixIndex::Part::longest_match(ByteView pattern) const {
  if (!filter.may_occur(pattern)) return {};
  pattern = pattern.first(std::min(pattern.size(), kMatchHorizon));
  const auto suffix = [&](std::size_t at) { return static_cast<std::size_t>(suffixes[at]); };
  std::size_t low = 0;
  std::size_t high = suffixes.size() - 1;
  if (!first_with.empty()) {
    if (pattern.size() < 2) return {};
    const std::size_t pair = kByteValues * pattern[0] + pattern[1];
    const auto begin = static_cast<std::size_t>(first_with[pair]);
    const auto end = static_cast<std::size_t>(first_with[pair + 1]);
    if (begin == end) return {};
    low = begin;
    high = end - 1;
  }
  std::size_t low_length = common_length(text.subspan(suffix(low)), pattern);
  std::size_t high_length = common_length(text.subspan(suffix(high)), pattern);
  while (high - low > 1 && std::max(low_length, high_length) < pattern.size()) {
    const std::size_t middle = low + (high - low) / 2;
    const ByteView rest = text.subspan(suffix(middle));
    // Everything between two suffixes begins with what both have in common.
    std::size_t length = std::min(low_length, high_length);
    length += common_length(rest.subspan(length), pattern.subspan(length));
    if (length == pattern.size()) return {offset + suffix(middle), length};
    if (length == rest.size() || rest[length] < pattern[length]) {
      low = middle;
      low_length = length;
    } else {
      high = middle;
      high_length = length;
    }
  }
  return low_length > high_length ? Match{offset + suffix(low), low_length} : Match{offset + suffix(high), high_length};
}

}  // namespace tenon::repo_tools
