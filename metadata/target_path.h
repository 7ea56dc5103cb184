// TargetPath: the name of a target, a relative URL path with '/' between its segments.
#pragma once

#include <tenon/metadata/digest.h>
#include <tenon/metadata/result.h>

#include <compare>
#include <string>
#include <string_view>

namespace tenon::metadata {

class TargetPath {
 public:
  // parse refuses what could leave a folder or confuse a store: absolute, "." or "..", an empty segment, a trailing
  // '/', a backslash, control characters, no UTF-8, above 4096 bytes.
  // Spec: 4.5
  // Errors: E_PARSE
  static Result<TargetPath> parse(std::string_view text);

  const std::string& text() const { return text_; }
  // hash_prefixed is the path in a repository with consistent snapshots: the digest in front of the last segment.
  // Spec: 6.2.1
  std::string hash_prefixed(std::string_view digest_hex) const;

  auto operator<=>(const TargetPath&) const = default;

 private:
  explicit TargetPath(std::string_view text) : text_(text) {}
  std::string text_;
};

// url_path percent-encodes a path for a URL, segment by segment; '/' stays.
std::string url_path(std::string_view path);

}  // namespace tenon::metadata
