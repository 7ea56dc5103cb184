#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <fuzz/naive_glob.h>

namespace tenon::fuzz {
namespace {

std::u32string decoded(std::string_view utf8) {
  std::u32string points;
  for (std::size_t i = 0; i < utf8.size();) {
    const auto at = [&](std::size_t k) { return static_cast<char32_t>(static_cast<unsigned char>(utf8[i + k])); };
    if (at(0) < 0x80) {
      points.push_back(at(0));
      i += 1;
    } else if (at(0) < 0xE0) {
      points.push_back((at(0) - 0xC0) * 64 + (at(1) - 0x80));
      i += 2;
    } else if (at(0) < 0xF0) {
      points.push_back((at(0) - 0xE0) * 4096 + (at(1) - 0x80) * 64 + (at(2) - 0x80));
      i += 3;
    } else {
      points.push_back((at(0) - 0xF0) * 262144 + (at(1) - 0x80) * 4096 + (at(2) - 0x80) * 64 + (at(3) - 0x80));
      i += 4;
    }
  }
  return points;
}

// Rule 2: both are split at '/'.
std::vector<std::u32string> split(const std::u32string& text) {
  std::vector<std::u32string> segments(1);
  for (const char32_t point : text) {
    if (point == U'/') {
      segments.emplace_back();
    } else {
      segments.back().push_back(point);
    }
  }
  return segments;
}

// Rule 4: what stands between '[' and the first ']'.
bool set_is_defined(const std::u32string& inside) {
  const auto may_be_member = [](char32_t point) {
    return std::u32string(U"[]\\!^-/").find(point) == std::u32string::npos;
  };
  if (inside.empty()) return false;
  for (std::size_t i = 0; i < inside.size();) {
    if (!may_be_member(inside[i])) return false;
    const bool is_range = i + 1 < inside.size() && inside[i + 1] == U'-';
    if (is_range && (i + 2 >= inside.size() || !may_be_member(inside[i + 2]) || inside[i + 2] < inside[i]))
      return false;
    i += is_range ? 3 : 1;
  }
  return true;
}

bool set_holds(const std::u32string& inside, char32_t point) {
  for (std::size_t i = 0; i < inside.size();) {
    const bool is_range = i + 1 < inside.size() && inside[i + 1] == U'-';
    if (is_range ? inside[i] <= point && point <= inside[i + 2] : inside[i] == point) return true;
    i += is_range ? 3 : 1;
  }
  return false;
}

// Rule 6.
bool segment_is_defined(const std::u32string& pattern) {
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    if (pattern[i] == U'\\') return false;
    if (pattern[i] != U'[') continue;
    const std::size_t end = pattern.find(U']', i);
    if (end == pattern.npos || !set_is_defined(pattern.substr(i + 1, end - i - 1))) return false;
    i = end;
  }
  return true;
}

class SegmentMatch {
 public:
  SegmentMatch(const std::u32string& pattern, const std::u32string& text)
      : pattern_(pattern), text_(text), known_((pattern.size() + 1) * (text.size() + 1), kUnknown) {}

  // Rules 3 to 5: does the pattern from p on match the text from t on?
  bool from(std::size_t p, std::size_t t) {
    std::int8_t& known = known_[p * (text_.size() + 1) + t];
    if (known == kUnknown) known = static_cast<std::int8_t>(decide(p, t));
    return known != 0;
  }

 private:
  static constexpr std::int8_t kUnknown = -1;

  bool decide(std::size_t p, std::size_t t) {
    if (p == pattern_.size()) return t == text_.size();
    if (pattern_[p] == U'*') return from(p + 1, t) || (t < text_.size() && from(p, t + 1));
    if (t == text_.size()) return false;
    if (pattern_[p] == U'?') return from(p + 1, t + 1);
    if (pattern_[p] == U'[') {
      const std::size_t end = pattern_.find(U']', p);
      return set_holds(pattern_.substr(p + 1, end - p - 1), text_[t]) && from(end + 1, t + 1);
    }
    return pattern_[p] == text_[t] && from(p + 1, t + 1);
  }

  const std::u32string& pattern_;
  const std::u32string& text_;
  std::vector<std::int8_t> known_;
};

}  // namespace

Glob naive_glob(std::string_view pattern, std::string_view path) {
  const std::vector<std::u32string> patterns = split(decoded(pattern));
  const std::vector<std::u32string> segments = split(decoded(path));
  for (const std::u32string& one : patterns) {
    if (!segment_is_defined(one)) return Glob::kUndefined;
  }
  if (patterns.size() != segments.size()) return Glob::kDiffers;
  for (std::size_t i = 0; i < patterns.size(); ++i) {
    if (!SegmentMatch(patterns[i], segments[i]).from(0, 0)) return Glob::kDiffers;
  }
  return Glob::kMatches;
}

}  // namespace tenon::fuzz
