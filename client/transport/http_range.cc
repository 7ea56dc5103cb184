#include <tenon/client/transport/http_range.h>
#include <tenon/client/transport/letter_case.h>
#include <tenon/metadata/utf8.h>

#include <charconv>
#include <limits>

namespace tenon::client {
namespace {

constexpr std::string_view kUnit = "bytes ";

// Takes the decimal number at the front of text. from_chars knows neither sign, blank nor overflow for this type.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return number;
}

bool take(std::string_view& text, char expected) {
  if (!text.starts_with(expected)) return false;
  text.remove_prefix(1);
  return true;
}

// Takes "/200" or "/*", which end the value.
bool take_total(std::string_view text, std::optional<std::uint64_t>& total) {
  if (text == "/*") return true;
  if (!take(text, '/')) return false;
  total = take_number(text);
  return total.has_value() && text.empty();
}

Error refusal(std::string_view value) {
  return Error{ErrorCode::kParse, "no range of bytes: \"" + printable(value, 64) + "\""};
}

}  // namespace

Result<ContentRange> ContentRange::parse(std::string_view value) {
  std::string_view rest = value;
  if (!same_letters(rest.substr(0, kUnit.size()), kUnit)) return refusal(value);
  rest.remove_prefix(kUnit.size());

  const auto first = take_number(rest);
  if (!first || !take(rest, '-')) return refusal(value);
  const auto last = take_number(rest);
  ContentRange range;
  if (!last || !take_total(rest, range.total)) return refusal(value);
  // length() must not wrap, and one past the last byte must be a number.
  if (*last < *first || *last == std::numeric_limits<std::uint64_t>::max()) return refusal(value);
  if (range.total && *range.total <= *last) return refusal(value);
  range.first = *first;
  range.last = *last;
  return range;
}

}  // namespace tenon::client
