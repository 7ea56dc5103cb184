// JSON: the one door through which any JSON enters or leaves Tenon.
// Strict on the way in: no duplicate members, no floats, no integer outside int64, no invalid UTF-8, no U+0000, no byte
// order mark, nothing after the value, and limits on size, depth and count.
// Thread: values are plain data.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace tenon::json {

class Value;
struct Member;
using Array = std::vector<Value>;

// Object holds members with unique names, sorted by code point (which for UTF-8 is the order of the bytes).
class Object {
 public:
  // Out of line, since Member is not complete yet.
  Object();
  Object(const Object&);
  Object(Object&&) noexcept;
  Object& operator=(const Object&);
  Object& operator=(Object&&) noexcept;
  ~Object();

  const Value* find(std::string_view name) const;
  const Member* find_member(std::string_view name) const;
  // set adds a member or replaces the one of that name.
  void set(std::string name, Value value);
  void erase(std::string_view name);
  // take moves a member's value out and leaves null in its place. Pre: it is there.
  Value take(std::string_view name);

  std::vector<Member>::const_iterator begin() const;
  std::vector<Member>::const_iterator end() const;
  std::size_t size() const;
  bool empty() const { return size() == 0; }

  // from_members takes members in any order; gives the name of a duplicate as the error.
  static Result<Object> from_members(std::vector<Member> members);

  friend bool operator==(const Object&, const Object&);

 private:
  std::vector<Member> members_;
};

// Value is null, a boolean, an integer, a string, an array or an object. There are no fractions.
class Value {
 public:
  Value() = default;
  Value(std::nullptr_t) {}                                       // NOLINT: implicit on purpose, all of these
  Value(bool value) : data_(value) {}                            // NOLINT
  Value(int value) : data_(static_cast<std::int64_t>(value)) {}  // NOLINT
  Value(std::int64_t value) : data_(value) {}                    // NOLINT
  Value(std::uint64_t) = delete;                                 // may not fit: convert knowingly
  Value(const char* value) : data_(std::string(value)) {}        // NOLINT
  Value(std::string value) : data_(std::move(value)) {}          // NOLINT
  Value(Array value) : data_(std::move(value)) {}                // NOLINT
  Value(Object value) : data_(std::move(value)) {}               // NOLINT

  bool is_null() const { return std::holds_alternative<std::nullptr_t>(data_); }
  // Each gives null when the value is of another kind: there are no conversions.
  const bool* boolean() const { return std::get_if<bool>(&data_); }
  const std::int64_t* integer() const { return std::get_if<std::int64_t>(&data_); }
  const std::string* string() const { return std::get_if<std::string>(&data_); }
  const Array* array() const { return std::get_if<Array>(&data_); }
  const Object* object() const { return std::get_if<Object>(&data_); }
  // take moves a member out. Pre: the value is an object that has it.
  Value take(std::string_view name) &&;
  // kind names what the value is, for error messages: "a string", ...
  std::string_view kind() const;

  friend bool operator==(const Value&, const Value&);

 private:
  std::variant<std::nullptr_t, bool, std::int64_t, std::string, Array, Object> data_ = nullptr;
};

struct Member {
  std::string name;
  Value value;
  friend bool operator==(const Member&, const Member&) = default;
};

struct Limits {
  std::size_t max_bytes = 16u << 20;   // tuf.md 5.4: the largest metadata file we accept
  std::size_t max_depth = 32;          // stack safety; TUF needs 8
  std::size_t max_values = 4'000'000;  // members and elements: a 16 MiB file of "0," has twice as many
};

// parse reads one JSON text. Errors: E_PARSE with line and column; E_LIMIT beyond a limit.
// Source: RFC 8259
Result<Value> parse(ByteView text, const Limits& limits = {});

// canonical writes OLPC canonical JSON, the bytes that TUF signs: members sorted, no space, only " and \ escaped,
// control characters raw. It is not always valid JSON (PEM strings hold raw newlines) and never stored.
// Spec: 4.2.1
std::string canonical(const Value& value);

// to_text writes JSON that any parser reads; with indent, for people. Strings that are no UTF-8 are made so.
std::string to_text(const Value& value, std::size_t indent = 0);

}  // namespace tenon::json
