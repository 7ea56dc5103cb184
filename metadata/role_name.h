// RoleName: the name of a role that signs targets: "targets", or whatever a delegation calls it.
#pragma once

#include <tenon/metadata/result.h>
#include <tenon/metadata/version.h>

#include <compare>
#include <string>
#include <string_view>

namespace tenon::metadata {

class RoleName {
 public:
  // parse_delegated reads the name in a delegation. Names of the top-level roles, "mirrors" and "N.root" are refused,
  // since their files would be confused with others.
  // Errors: E_PARSE when empty, above 255 bytes, with control characters, or reserved.
  static Result<RoleName> parse_delegated(std::string_view text);
  static RoleName targets() { return RoleName("targets"); }

  const std::string& text() const { return text_; }

  // meta_key is how snapshot lists the role: NAME.json, never normalised.
  // Spec: 4.4
  std::string meta_key() const { return text_ + ".json"; }
  // file_name is the role's file, one percent-encoded path component: letters, digits, '_', '-', '~' and '.' stand as
  // they are, but for a dot at its front. With a version: VERSION.NAME.json, which is its URL too.
  // Spec: 3.1.2
  std::string file_name() const;
  std::string file_name(Version version) const;
  // url_name is the file without a version in a URL, where a dot at its front stands as well.
  std::string url_name() const;

  auto operator<=>(const RoleName&) const = default;

 private:
  explicit RoleName(std::string_view text) : text_(text) {}
  std::string text_;
};

}  // namespace tenon::metadata
