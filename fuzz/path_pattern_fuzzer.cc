// The glob of delegations: the same verdict as a second matcher written from the rules, a path overlaps the patterns that
// match it, and no pattern is slow.
// The input is the pattern, a line feed, the path.
#include <tenon/metadata/check.h>
#include <tenon/metadata/path_pattern.h>
#include <tenon/metadata/utf8.h>

#include <cstdint>
#include <ctime>
#include <string>

#include <fuzz/naive_glob.h>

using tenon::fuzz::Glob;
using tenon::metadata::PathPattern;

namespace {

constexpr std::size_t kMaxPathBytes = 4096;         // as TargetPath
constexpr std::size_t kMaxPatternBytes = 1024;      // as PathPattern promises
constexpr std::clock_t kMaxTime = CLOCKS_PER_SEC;   // the longest pattern on the longest path takes 1/50 of it
constexpr std::size_t kMaxStepsOfNaive = 1u << 20;  // the second matcher is slow, and deep

Glob verdict(const PathPattern& pattern, std::string_view path) {
  const std::clock_t start = std::clock();
  const tenon::Result<bool> matched = pattern.matches(path);
  TENON_CHECK(std::clock() - start < kMaxTime);
  if (matched) return *matched ? Glob::kMatches : Glob::kDiffers;
  TENON_CHECK(matched.error().code == tenon::ErrorCode::kPolicy);
  return Glob::kUndefined;
}

// A path without special characters is a pattern that matches itself alone.
void check_overlap(const PathPattern& pattern, std::string_view path, Glob matched) {
  if (path.size() > kMaxPatternBytes || path.find_first_of("*?[\\") != path.npos) return;
  const PathPattern literal = *PathPattern::parse(path);
  for (const tenon::Result<bool>& overlap : {pattern.overlaps(literal), literal.overlaps(pattern)}) {
    TENON_CHECK(overlap ? matched == (*overlap ? Glob::kMatches : Glob::kDiffers) : matched == Glob::kUndefined);
  }
}

// The same text many times over, up to the limit: what is quadratic or worse shows.
std::string repeated(std::string_view text, std::size_t max_bytes) {
  std::string all;
  while (!text.empty() && all.size() + text.size() <= max_bytes) all += text;
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = tenon::as_text({data, size});
  const std::size_t line_feed = input.find('\n');
  const std::string_view pattern_text = input.substr(0, line_feed);
  const std::string_view path = line_feed == input.npos ? "" : input.substr(line_feed + 1);

  const tenon::Result<PathPattern> pattern = PathPattern::parse(pattern_text);
  TENON_CHECK(pattern.has_value() == (pattern_text.size() <= kMaxPatternBytes && tenon::is_utf8(pattern_text)));
  if (!pattern || !tenon::is_utf8(path) || path.size() > kMaxPathBytes) return 0;
  TENON_CHECK(pattern->text() == pattern_text);
  const Glob matched = verdict(*pattern, path);
  check_overlap(*pattern, path, matched);
  if (pattern_text.size() * path.size() <= kMaxStepsOfNaive) {
    TENON_CHECK(matched == tenon::fuzz::naive_glob(pattern_text, path));
  }
  verdict(*PathPattern::parse(repeated(pattern_text, kMaxPatternBytes)), repeated(path, kMaxPathBytes));
  return 0;
}
