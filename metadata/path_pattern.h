// PathPattern: the shell glob of a delegation's paths, with rules of its own so that client and tools cannot differ.
// Pattern and path are compared whole, case-sensitive, segment by segment between '/': nothing but '/' matches '/'.
//   *      zero or more code points of one segment       ?      exactly one
//   [a-z]  one code point of a set of members and ranges; anything else stands for itself
// A backslash, a negated, empty or open set, or a range that falls make the pattern undefined: a search that reaches it
// ends, since to skip it would hand its paths to a role that is trusted less.
// Spec: 4.5
// Deviates: the specification leaves the details open; these are docs/POUF.md's.
#pragma once

#include <tenon/metadata/result.h>

#include <string>
#include <string_view>

namespace tenon::metadata {

class PathPattern {
 public:
  // parse Errors: E_PARSE above 1024 bytes, or no UTF-8.
  static Result<PathPattern> parse(std::string_view text);

  // matches Errors: E_POLICY when the pattern is undefined. Takes at most pattern times path steps.
  Result<bool> matches(std::string_view path) const;

  // overlaps is true when some path could match both, never false when one does. Errors: E_POLICY when either is
  // undefined. Takes at most pattern times pattern steps.
  Result<bool> overlaps(const PathPattern& other) const;

  const std::string& text() const { return text_; }
  bool operator==(const PathPattern&) const = default;

 private:
  explicit PathPattern(std::string_view text) : text_(text) {}
  std::string text_;
};

}  // namespace tenon::metadata
