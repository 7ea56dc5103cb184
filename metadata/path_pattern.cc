#include <tenon/metadata/path_pattern.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

namespace tenon::metadata {
namespace {

constexpr std::size_t kMaxPatternBytes = 1024;  // tuf.md 5.4

using CodePoints = std::u32string;

// The text is UTF-8: PathPattern::parse and TargetPath::parse saw to it.
CodePoints code_points(std::string_view text) {
  CodePoints points;
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((byte & 0xC0) == 0x80 && !points.empty()) {
      points.back() = points.back() << 6 | (byte & 0x3Fu);
    } else {
      points.push_back(byte < 0x80 ? byte : byte < 0xE0 ? byte & 0x1Fu : byte < 0xF0 ? byte & 0x0Fu : byte & 0x07u);
    }
  }
  return points;
}

// Token is what one place of a pattern matches: one code point out of ranges, or any number of them.
struct Token {
  bool many = false;
  std::vector<std::pair<char32_t, char32_t>> ranges = {};

  bool matches(char32_t point) const {
    return std::ranges::any_of(ranges, [&](auto range) { return point >= range.first && point <= range.second; });
  }
  bool meets(const Token& other) const {
    return std::ranges::any_of(ranges, [&](auto a) {
      return std::ranges::any_of(other.ranges, [&](auto b) { return a.first <= b.second && b.first <= a.second; });
    });
  }
};

constexpr std::pair<char32_t, char32_t> kAny = {0, 0x10FFFF};

// Reads "[...]" at `at` and moves past it. Nothing if the set is undefined.
std::optional<Token> read_set(const CodePoints& segment, std::size_t& at) {
  constexpr std::u32string_view kNeverMembers = U"[]\\!^-";
  Token set;
  std::size_t i = at + 1;
  const auto here = [&] { return i < segment.size() ? segment[i] : U']'; };  // the end closes a set, too
  const auto member = [&]() -> std::optional<char32_t> {
    if (kNeverMembers.find(here()) != kNeverMembers.npos) return {};
    return segment[i++];
  };
  while (here() != U']') {
    const std::optional<char32_t> low = member();
    if (!low) return std::nullopt;
    std::optional<char32_t> high = low;
    if (here() == U'-') {
      ++i;
      high = member();
      if (!high || *high < *low) return std::nullopt;
    }
    set.ranges.emplace_back(*low, *high);
  }
  if (i >= segment.size() || set.ranges.empty()) return std::nullopt;
  at = i + 1;
  return set;
}

std::optional<std::vector<Token>> read_tokens(const CodePoints& segment) {
  std::vector<Token> tokens;
  for (std::size_t i = 0; i < segment.size();) {
    const char32_t point = segment[i];
    if (point == U'\\') return std::nullopt;
    if (point == U'[') {
      std::optional<Token> set = read_set(segment, i);
      if (!set) return std::nullopt;
      tokens.push_back(*std::move(set));
      continue;
    }
    ++i;
    if (point == U'*') {
      if (tokens.empty() || !tokens.back().many) tokens.push_back({.many = true});
    } else {
      tokens.push_back({.ranges = {point == U'?' ? kAny : std::pair(point, point)}});
    }
  }
  return tokens;
}

// One backtrack point: after a mismatch the last '*' takes one code point more.
bool segment_matches(const std::vector<Token>& tokens, const CodePoints& segment) {
  std::size_t t = 0;
  std::size_t s = 0;
  std::optional<std::pair<std::size_t, std::size_t>> retry;
  while (s < segment.size()) {
    if (t < tokens.size() && tokens[t].many) {
      retry = {++t, s};
    } else if (t < tokens.size() && tokens[t].matches(segment[s])) {
      ++t;
      ++s;
    } else if (retry) {
      t = retry->first;
      s = ++retry->second;
    } else {
      return false;
    }
  }
  while (t < tokens.size() && tokens[t].many) ++t;
  return t == tokens.size();
}

// Whether some text matches both, from the ends of the patterns to their fronts: rest[j] is that of a[i..] and b[j..].
bool segments_overlap(const std::vector<Token>& a, const std::vector<Token>& b) {
  std::vector<char> below;
  for (std::size_t i = a.size() + 1; i-- > 0;) {
    std::vector<char> rest(b.size() + 1, 0);
    for (std::size_t j = b.size() + 1; j-- > 0;) {
      const bool a_ends = i == a.size();
      const bool b_ends = j == b.size();
      if (a_ends && b_ends) {
        rest[j] = 1;
      } else if (!a_ends && a[i].many) {
        rest[j] = below[j] != 0 || (!b_ends && rest[j + 1] != 0);
      } else if (!b_ends && b[j].many) {
        rest[j] = rest[j + 1] != 0 || (!a_ends && below[j] != 0);
      } else {
        rest[j] = !a_ends && !b_ends && a[i].meets(b[j]) && below[j + 1] != 0;
      }
    }
    below = std::move(rest);
  }
  return below[0] != 0;
}

std::vector<std::string_view> segments_of(std::string_view text) {
  std::vector<std::string_view> segments;
  for (;;) {
    const std::size_t slash = text.find('/');
    segments.push_back(text.substr(0, slash));
    if (slash == text.npos) return segments;
    text.remove_prefix(slash + 1);
  }
}

Result<std::vector<std::vector<Token>>> read_pattern(const std::string& text) {
  std::vector<std::vector<Token>> pattern;
  for (std::string_view segment : segments_of(text)) {
    std::optional<std::vector<Token>> tokens = read_tokens(code_points(segment));
    if (!tokens) return Error{ErrorCode::kPolicy, "pattern \"" + printable(text, 80) + "\" is not defined"};
    pattern.push_back(*std::move(tokens));
  }
  return pattern;
}

}  // namespace

Result<PathPattern> PathPattern::parse(std::string_view text) {
  if (text.size() > kMaxPatternBytes) return Error{ErrorCode::kParse, "path pattern is longer than 1024 bytes"};
  if (!is_utf8(text)) return Error{ErrorCode::kParse, "path pattern is no UTF-8"};
  return PathPattern(text);
}

Result<bool> PathPattern::matches(std::string_view path) const {
  TENON_TRY(const std::vector<std::vector<Token>> pattern, read_pattern(text_));
  const std::vector<std::string_view> segments = segments_of(path);
  if (segments.size() != pattern.size()) return false;
  for (std::size_t i = 0; i < segments.size(); ++i) {
    if (!segment_matches(pattern[i], code_points(segments[i]))) return false;
  }
  return true;
}

Result<bool> PathPattern::overlaps(const PathPattern& other) const {
  TENON_TRY(const std::vector<std::vector<Token>> ours, read_pattern(text_));
  TENON_TRY(const std::vector<std::vector<Token>> theirs, read_pattern(other.text_));
  if (ours.size() != theirs.size()) return false;
  for (std::size_t i = 0; i < ours.size(); ++i) {
    if (!segments_overlap(ours[i], theirs[i])) return false;
  }
  return true;
}

}  // namespace tenon::metadata
