#include <tenon/policies/rsa_key.h>

#include <bit>

namespace tenon::policies {
namespace {

constexpr std::uint8_t kInteger = 0x02;
constexpr std::uint8_t kBitString = 0x03;
constexpr std::uint8_t kSequence = 0x30;

// The content of the element of that tag at the front of `der`, which moves past it.
std::optional<ByteView> take(ByteView& der, std::uint8_t tag) {
  if (der.size() < 2 || der[0] != tag) return std::nullopt;
  std::size_t length = der[1];
  std::size_t header = 2;
  if (length >= 0x80) {
    const std::size_t count = length - 0x80;
    if (count == 0 || count > 3 || der.size() < 2 + count) return std::nullopt;  // 16 MiB is more than any key
    length = 0;
    for (std::size_t i = 0; i < count; ++i) length = length << 8 | der[2 + i];
    header += count;
  }
  if (der.size() - header < length) return std::nullopt;
  const ByteView content = der.subspan(header, length);
  der = der.subspan(header + length);
  return content;
}

// A positive INTEGER without the zero that keeps it positive.
std::optional<ByteView> take_positive(ByteView& der) {
  std::optional<ByteView> number = take(der, kInteger);
  if (!number || number->empty() || (number->front() & 0x80) != 0) return std::nullopt;
  while (!number->empty() && number->front() == 0) number = number->subspan(1);
  return number->empty() ? std::nullopt : number;
}

}  // namespace

std::optional<RsaNumbers> rsa_numbers(ByteView spki) {
  std::optional<ByteView> info = take(spki, kSequence);
  if (!info || !spki.empty() || !take(*info, kSequence)) return std::nullopt;
  std::optional<ByteView> key = take(*info, kBitString);
  if (!key || key->empty() || key->front() != 0) return std::nullopt;
  *key = key->subspan(1);
  std::optional<ByteView> numbers = take(*key, kSequence);
  if (!numbers) return std::nullopt;
  const std::optional<ByteView> modulus = take_positive(*numbers);
  const std::optional<ByteView> exponent = take_positive(*numbers);
  if (!modulus || !exponent || !numbers->empty()) return std::nullopt;
  RsaNumbers found{static_cast<std::int64_t>(modulus->size() * 8) - std::countl_zero(modulus->front()), 0};
  if (exponent->size() <= sizeof found.exponent) {
    for (const std::uint8_t byte : *exponent) found.exponent = found.exponent << 8 | byte;
  }
  return found;
}

}  // namespace tenon::policies
