// Result<T>: a value or an Error, with the names of std::expected so that moving to it later is an alias.
// Looking at the side that is not there aborts; it is never undefined behaviour. Dropping one is a warning.
//
//   Result<Version> next = version.next();
//   if (!next) return next.error();
//   TENON_TRY(Version after, next->next());   // the same, in one line
#pragma once

#include <tenon/metadata/check.h>
#include <tenon/metadata/error.h>

#include <optional>
#include <type_traits>
#include <utility>
#include <variant>

namespace tenon {

template <class T>
class [[nodiscard]] Result {
 public:
  using value_type = T;

  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT: implicit on purpose
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(value()); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  T& value() & {
    TENON_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const& {
    TENON_CHECK(has_value());
    return *std::get_if<0>(&state_);
  }
  T&& value() && { return std::move(value()); }

  const Error& error() const& {
    TENON_CHECK(!has_value());
    return *std::get_if<1>(&state_);
  }
  Error&& error() && {
    TENON_CHECK(!has_value());
    return std::move(*std::get_if<1>(&state_));
  }

  T value_or(T fallback) && { return has_value() ? std::move(value()) : std::move(fallback); }

  // with_context adds the place to an error and leaves a value as it is.
  Result with_context(std::string_view where) && {
    if (has_value()) return std::move(*this);
    return std::move(*this).error().context(where);
  }

 private:
  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  using value_type = void;

  Result() = default;
  Result(Error error) : error_(std::move(error)) {}  // NOLINT: implicit on purpose

  bool has_value() const { return !error_.has_value(); }
  explicit operator bool() const { return has_value(); }

  const Error& error() const& {
    TENON_CHECK(!has_value());
    return *error_;
  }
  Error&& error() && {
    TENON_CHECK(!has_value());
    return std::move(*error_);
  }

  Result with_context(std::string_view where) && {
    if (has_value()) return {};
    return std::move(*error_).context(where);
  }

 private:
  std::optional<Error> error_;
};

}  // namespace tenon

#define TENON_CONCAT_INNER(a, b) a##b
#define TENON_CONCAT(a, b) TENON_CONCAT_INNER(a, b)

// TENON_TRY(declaration, expression) returns the error of a Result, or moves its value into the declaration.
// The expression may hold commas; the declaration may not.
#define TENON_TRY(declaration, ...)                               \
  auto TENON_CONCAT(tenon_try_, __LINE__) = (__VA_ARGS__);        \
  if (!TENON_CONCAT(tenon_try_, __LINE__)) [[unlikely]]           \
    return std::move(TENON_CONCAT(tenon_try_, __LINE__)).error(); \
  declaration = *std::move(TENON_CONCAT(tenon_try_, __LINE__))

// TENON_TRY_VOID(expression) returns the error of a Result whose value is not wanted.
#define TENON_TRY_VOID(...)                                                    \
  do {                                                                         \
    if (auto tenon_try_result = (__VA_ARGS__); !tenon_try_result) [[unlikely]] \
      return std::move(tenon_try_result).error();                              \
  } while (false)
