// Version and Threshold: the two positive integers that TUF counts with. Neither can hold zero.
#pragma once

#include <tenon/metadata/json.h>
#include <tenon/metadata/result.h>

#include <compare>
#include <cstdint>

namespace tenon::metadata {

// Version orders the files of one role: 1 to 2^63-1.
// Spec: 4.3
class Version {
 public:
  // create Errors: E_PARSE below 1.
  static Result<Version> create(std::int64_t value);
  static constexpr Version first() { return Version(1); }

  std::int64_t value() const { return value_; }
  // next Errors: E_LIMIT at 2^63-1.
  Result<Version> next() const;

  auto operator<=>(const Version&) const = default;

 private:
  constexpr explicit Version(std::int64_t value) : value_(value) {}
  std::int64_t value_;
};

// Threshold is how many distinct keys must sign.
// Spec: 4.3
class Threshold {
 public:
  // create Errors: E_PARSE below 1.
  static Result<Threshold> create(std::int64_t value);

  std::uint64_t value() const { return value_; }
  auto operator<=>(const Threshold&) const = default;

 private:
  explicit Threshold(std::uint64_t value) : value_(value) {}
  std::uint64_t value_;
};

}  // namespace tenon::metadata
