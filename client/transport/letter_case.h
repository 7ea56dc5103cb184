// Comparison without regard to the case of ASCII letters, as HTTP has it for header names, schemes and range units.
#pragma once

#include <algorithm>
#include <string_view>

namespace tenon::client {

inline bool same_letters(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

}  // namespace tenon::client
