#include <tenon/policies/safety_code.h>

namespace tenon::policies {
namespace {

constexpr std::string_view kDomain = "tenon-code-v1";
constexpr std::size_t kBitsPerWord = 12;  // consonant 4, vowel 2, consonant 4, vowel 2
constexpr std::string_view kConsonants = "bdfghjklmnprstvz";
constexpr std::string_view kVowels = "aiou";
constexpr std::size_t kWordsPerLine = 4;

// Pre: the digest has that many bits.
unsigned bits_at(const Sha256& digest, std::size_t first, std::size_t count) {
  unsigned value = 0;
  for (std::size_t bit = first; bit < first + count; ++bit) {
    value = (value << 1) | ((digest.bytes[bit / 8] >> (7 - bit % 8)) & 1u);
  }
  return value;
}

std::string word(unsigned bits) {
  return {kConsonants[bits >> 8], kVowels[(bits >> 6) & 3], kConsonants[(bits >> 2) & 15], kVowels[bits & 3]};
}

std::string joined(std::span<const std::string> words, std::size_t per_line) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i != 0) text += i % per_line == 0 ? '\n' : ' ';
    text += words[i];
  }
  return text;
}

}  // namespace

SafetyCode SafetyCode::of(std::span<const Sha256> payloads, const Sha256& policy) {
  Sha256Hasher hasher;
  hasher.update(as_bytes(kDomain));
  for (const Sha256& payload : payloads) hasher.update(payload.bytes);
  hasher.update(policy.bytes);
  const Sha256 digest = hasher.finish();
  std::array<std::string, kWords> words;
  for (std::size_t i = 0; i < kWords; ++i) words[i] = word(bits_at(digest, i * kBitsPerWord, kBitsPerWord));
  return SafetyCode(std::move(words));
}

std::string SafetyCode::text() const {
  return joined(words_, kWordsPerLine);
}

std::string SafetyCode::line() const {
  return joined(words_, kWords);
}

}  // namespace tenon::policies
