// Label: a short name that is safe in a path, a role name, an environment variable's value and on a terminal: products,
// channels, release versions, hardware ids and slot classes are labels. Sequence: orders the releases of a product.
#pragma once

#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/result.h>

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::policies {

class Label {
 public:
  // parse takes 1 to 64 of A-Z a-z 0-9 . _ ~ - that do not begin with a dot, a dash or a tilde. Errors: E_PARSE.
  static Result<Label> parse(std::string_view text);
  static Result<Label> read(json::Fields& fields, std::string_view name);

  const std::string& text() const { return text_; }
  auto operator<=>(const Label&) const = default;

 private:
  explicit Label(std::string_view text) : text_(text) {}
  std::string text_;
};

// Sequence is an integer from 1; a device never goes to a lower one than it has confirmed.
class Sequence {
 public:
  // create Errors: E_PARSE below 1.
  static Result<Sequence> create(std::int64_t value);
  static Result<Sequence> read(json::Fields& fields, std::string_view name);
  static constexpr Sequence first() { return Sequence(1); }

  std::int64_t value() const { return value_; }
  auto operator<=>(const Sequence&) const = default;

 private:
  constexpr explicit Sequence(std::int64_t value) : value_(value) {}
  std::int64_t value_;
};

}  // namespace tenon::policies
