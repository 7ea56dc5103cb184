#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <cstdint>

namespace tenon {
namespace {

// The length of the well-formed sequence at the front of text, 0 if there is none. Table 3-7 of the Unicode standard.
std::size_t sequence_length(std::string_view text) {
  const auto at = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
  const auto in = [&](std::size_t i, int low, int high) { return i < text.size() && at(i) >= low && at(i) <= high; };
  const int first = at(0);
  if (first < 0x80) return 1;
  if (first >= 0xC2 && first <= 0xDF) return in(1, 0x80, 0xBF) ? 2 : 0;
  if (first >= 0xE0 && first <= 0xEF) {
    const int low = first == 0xE0 ? 0xA0 : 0x80;
    const int high = first == 0xED ? 0x9F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) ? 3 : 0;
  }
  if (first >= 0xF0 && first <= 0xF4) {
    const int low = first == 0xF0 ? 0x90 : 0x80;
    const int high = first == 0xF4 ? 0x8F : 0xBF;
    return in(1, low, high) && in(2, 0x80, 0xBF) && in(3, 0x80, 0xBF) ? 4 : 0;
  }
  return 0;
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7F;
}

// Pre: sequence is one well-formed character.
std::uint32_t code_point(std::string_view sequence) {
  const auto first = static_cast<std::uint8_t>(sequence[0]);
  if (sequence.size() == 1) return first;
  std::uint32_t value = first & (0xFFu >> (sequence.size() + 1));
  for (char byte : sequence.substr(1)) value = (value << 6) | (static_cast<std::uint8_t>(byte) & 0x3Fu);
  return value;
}

struct CodePoints {
  std::uint32_t first;
  std::uint32_t last;
};

// What changes the place of other letters, or is no mark on the screen at all (Unicode: Cc, Cf, Zl, Zp, and the fillers
// and selectors that print nothing). Two names that differ in these alone look the same.
constexpr CodePoints kUnseen[] = {
    {0x80, 0x9F},     {0xAD, 0xAD},     {0x34F, 0x34F},   {0x61C, 0x61C},     {0x115F, 0x1160},   {0x17B4, 0x17B5},
    {0x180B, 0x180F}, {0x200B, 0x200F}, {0x2028, 0x202E}, {0x2060, 0x206F},   {0x3164, 0x3164},   {0xFE00, 0xFE0F},
    {0xFEFF, 0xFEFF}, {0xFFA0, 0xFFA0}, {0xFFF0, 0xFFFB}, {0x1BCA0, 0x1BCA3}, {0x1D173, 0x1D17A}, {0xE0000, 0xE0FFF},
};

bool is_unseen(std::uint32_t value) {
  return std::ranges::any_of(kUnseen,
                             [&](const CodePoints& range) { return value >= range.first && value <= range.last; });
}

std::string code_point_name(std::uint32_t value) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string digits;
  for (; value != 0 || digits.size() < 4; value >>= 4) digits.insert(digits.begin(), kDigits[value & 15]);
  return "U+" + digits;
}

}  // namespace

bool is_utf8(std::string_view text) {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

bool has_control_characters(std::string_view text) {
  return std::ranges::any_of(text, is_control);
}

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::string shown;
  const auto escape = [&](std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (char byte : bytes) {
      const auto value = static_cast<std::uint8_t>(byte);
      shown += {'\\', 'x', kDigits[value >> 4], kDigits[value & 15]};
    }
  };
  while (!text.empty()) {
    if (shown.size() >= max_bytes) return shown + "...";
    const std::size_t length = std::max<std::size_t>(sequence_length(text), 1);
    const std::string_view sequence = text.substr(0, length);
    const bool plain = sequence_length(text) != 0 && !is_control(sequence[0]) && !is_unseen(code_point(sequence));
    if (plain) {
      shown += sequence;
    } else {
      escape(sequence);
    }
    text.remove_prefix(length);
  }
  return shown;
}

std::string spelled_out(std::string_view text, std::size_t max_bytes) {
  constexpr std::size_t kMaxNamed = 16;
  std::string shown = printable(text, max_bytes);
  std::string named;
  for (std::size_t count = 0; !text.empty();) {
    const std::size_t length = sequence_length(text);
    if (length > 1 && count++ < kMaxNamed) named += " " + code_point_name(code_point(text.substr(0, length)));
    if (length > 1 && count == kMaxNamed + 1) named += " ...";
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
  return named.empty() ? shown : shown + " [not ASCII:" + named + "]";
}

}  // namespace tenon
