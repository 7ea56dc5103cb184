#include <tenon/hsm/passphrase.h>

#include <string>

namespace tenon::hsm {
namespace {

constexpr std::size_t kWords = 6;
constexpr std::size_t kBytesPerWord = 2;
constexpr std::size_t kLettersPerWord = 5;

// Proquints (arXiv:0901.4016): 16 bits as consonant, vowel, consonant, vowel, consonant of 4, 2, 4, 2 and 4 bits.
void write_word(unsigned bits, std::span<std::uint8_t> word) {
  constexpr std::string_view kConsonants = "bdfghjklmnprstvz";
  constexpr std::string_view kVowels = "aiou";
  word[0] = static_cast<std::uint8_t>(kConsonants[bits >> 12 & 15]);
  word[1] = static_cast<std::uint8_t>(kVowels[bits >> 10 & 3]);
  word[2] = static_cast<std::uint8_t>(kConsonants[bits >> 6 & 15]);
  word[3] = static_cast<std::uint8_t>(kVowels[bits >> 4 & 3]);
  word[4] = static_cast<std::uint8_t>(kConsonants[bits & 15]);
}

}  // namespace

SecretBytes generate_passphrase() {
  const SecretBytes random = SecretBytes::random(kWords * kBytesPerWord);
  const ByteView bits = random.bytes(RevealSecret());
  SecretBytes passphrase(kWords * (kLettersPerWord + 1) - 1);
  const std::span<std::uint8_t> text = passphrase.writable(RevealSecret());
  for (std::size_t word = 0; word < kWords; ++word) {
    const std::size_t at = word * (kLettersPerWord + 1);
    write_word(static_cast<unsigned>(bits[word * 2] << 8 | bits[word * 2 + 1]), text.subspan(at, kLettersPerWord));
    if (at + kLettersPerWord < text.size()) text[at + kLettersPerWord] = '-';
  }
  return passphrase;
}

Result<void> check_new_passphrase(const SecretBytes& passphrase) {
  if (passphrase.size() >= kMinPassphraseBytes) return {};
  return Error{ErrorCode::kPolicy, "the passphrase is shorter than " + std::to_string(kMinPassphraseBytes) + " bytes",
               "let tenon-keyctl make one: leave out --passphrase-from"};
}

}  // namespace tenon::hsm
