#include <tenon/metadata/check.h>
#include <tenon/repo_tools/delta/stretch_filter.h>

#include <bit>
#include <cstring>

namespace tenon::repo_tools {
namespace {

constexpr std::size_t kWord = 8;           // bytes that are read at once
constexpr std::uint64_t kBitsPerByte = 8;  // at least: one in eight is set at most
constexpr std::uint64_t kWordBits = 64;

}  // namespace

StretchFilter::StretchFilter(ByteView text, std::size_t length) : length_(length) {
  TENON_CHECK(length >= kWord);
  const std::uint64_t bits = std::bit_ceil(kBitsPerByte * text.size() + kWordBits);
  shift_ = 64 - std::countr_zero(bits);
  bits_.resize(bits / kWordBits);
  for (std::size_t at = 0; at + length <= text.size(); ++at) {
    const std::uint64_t bit = bit_of(text.data() + at);
    bits_[bit / kWordBits] |= std::uint64_t{1} << (bit % kWordBits);
  }
}

// The first and the last bytes; they overlap in a stretch of less than 16.
std::uint64_t StretchFilter::bit_of(const std::uint8_t* stretch) const {
  std::uint64_t first = 0;
  std::uint64_t last = 0;
  std::memcpy(&first, stretch, kWord);
  std::memcpy(&last, stretch + length_ - kWord, kWord);
  const std::uint64_t hash = (first ^ std::rotl(last * 0xff51afd7ed558ccdU, 31)) * 0x9e3779b97f4a7c15U;
  return hash >> shift_;
}

bool StretchFilter::may_occur(ByteView pattern) const {
  if (pattern.size() < length_) return false;
  const std::uint64_t bit = bit_of(pattern.data());
  return (bits_[bit / kWordBits] >> (bit % kWordBits) & 1) != 0;
}

}  // namespace tenon::repo_tools
