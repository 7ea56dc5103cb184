#include <tenon/client/transport/retry_after.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <system_error>

namespace tenon::client {
namespace {

constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

std::optional<unsigned> number_of(std::string_view digits) {
  if (!std::ranges::all_of(digits, is_digit)) return std::nullopt;
  unsigned number = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  return number;
}

// "Sun, 06 Nov 1994 08:49:37 GMT", the one form that servers may still write; the name of the day says nothing.
std::optional<std::chrono::sys_seconds> moment_of(std::string_view text) {
  constexpr std::string_view kForm = "???, ?? ??? ???? ??:??:?? GMT";
  if (text.size() != kForm.size()) return std::nullopt;
  for (std::size_t i = 0; i < kForm.size(); ++i) {
    if (kForm[i] != '?' && kForm[i] != text[i]) return std::nullopt;
  }
  const auto day = number_of(text.substr(5, 2));
  const auto month = std::ranges::find(kMonths, text.substr(8, 3));
  const auto year = number_of(text.substr(12, 4));
  const auto hour = number_of(text.substr(17, 2));
  const auto minute = number_of(text.substr(20, 2));
  const auto second = number_of(text.substr(23, 2));
  if (!day || month == kMonths.end() || !year || !hour || !minute || !second) return std::nullopt;
  if (*hour > 23 || *minute > 59 || *second > 60) return std::nullopt;  // 60: a leap second
  const std::chrono::year_month_day date{std::chrono::year(static_cast<int>(*year)),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
                                         std::chrono::day(*day)};
  if (!date.ok()) return std::nullopt;
  return std::chrono::sys_days(date) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) +
         std::chrono::seconds(*second);
}

}  // namespace

std::chrono::seconds pause_asked_for(std::string_view retry_after, std::string_view date) {
  if (!retry_after.empty() && std::ranges::all_of(retry_after, is_digit)) {
    const auto seconds = number_of(retry_after);  // nothing when it is beyond the type
    return std::min(std::chrono::seconds(seconds.value_or(kLongestPause.count())), kLongestPause);
  }
  const auto until = moment_of(retry_after);
  const auto from = moment_of(date);
  if (!until || !from) return std::chrono::seconds::zero();
  return std::clamp(std::chrono::seconds(*until - *from), std::chrono::seconds::zero(), kLongestPause);
}

}  // namespace tenon::client
