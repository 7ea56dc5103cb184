// KeyId: an opaque string that names a key inside one file (TAP 12). It is compared byte for byte, it need not be the
// hash of the key, and it never becomes a path.
#pragma once

#include <tenon/metadata/result.h>

#include <compare>
#include <string>
#include <string_view>

namespace tenon::metadata {

class KeyId {
 public:
  // parse Errors: E_PARSE when empty, above 128 bytes, or with control characters.
  static Result<KeyId> parse(std::string_view text);

  const std::string& text() const { return text_; }
  // brief is enough of it for people: the first 8 characters.
  std::string brief() const { return text_.substr(0, 8); }
  auto operator<=>(const KeyId&) const = default;

 private:
  explicit KeyId(std::string_view text) : text_(text) {}
  std::string text_;
};

}  // namespace tenon::metadata
