#include <tenon/metadata/json.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <charconv>
#include <iterator>
#include <system_error>

namespace tenon::json {
namespace {

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

// What a string holds as it stands. Bytes beyond ASCII are looked at when the string is whole.
bool is_plain(char c) {
  return c != '"' && c != '\\' && static_cast<unsigned char>(c) >= 0x20;
}

bool is_high_surrogate(std::uint32_t unit) {
  return unit >= 0xD800 && unit <= 0xDBFF;
}

bool is_low_surrogate(std::uint32_t unit) {
  return unit >= 0xDC00 && unit <= 0xDFFF;
}

void append_utf8(std::uint32_t code_point, std::string& out) {
  const auto put = [&](std::uint32_t byte) { out.push_back(static_cast<char>(byte)); };
  const auto put_low_bits = [&](unsigned shift) { put(0x80 | (code_point >> shift & 0x3F)); };
  if (code_point < 0x80) return put(code_point);
  if (code_point < 0x800) {
    put(0xC0 | code_point >> 6);
  } else if (code_point < 0x10000) {
    put(0xE0 | code_point >> 12);
    put_low_bits(6);
  } else {
    put(0xF0 | code_point >> 18);
    put_low_bits(12);
    put_low_bits(6);
  }
  put_low_bits(0);
}

// Reader keeps the open objects and arrays itself, so that no text decides how deep the stack goes. What reads something
// gives false when it is not there, and then error_ says why. Origin: RFC 8259; the letters of its grammar are the names.
class Reader {
 public:
  Reader(std::string_view text, const Limits& limits)
      : limits_(limits), begin_(text.data()), at_(text.data()), end_(text.data() + text.size()) {}

  Result<Value> read() {
    bool good = value();
    while (good && !open_.empty()) good = item_or_end();
    if (good) {
      skip_space();
      if (at_ != end_) good = unexpected("the end");
    }
    if (!good) return *std::move(error_);
    return std::move(root_);
  }

 private:
  struct Open {
    bool is_object = false;
    bool has_items = false;
    std::size_t first = 0;  // of its members in members_, or of its elements in elements_
    std::string name = {};  // of the member whose value comes
  };

  bool item_or_end() {
    Open& inner = open_.back();
    const char closing = inner.is_object ? '}' : ']';
    skip_space();
    if (take(closing)) return close();
    if (inner.has_items && !take(',')) return unexpected(inner.is_object ? "',' or '}'" : "',' or ']'");
    inner.has_items = true;
    return (!inner.is_object || name(inner.name)) && value();
  }

  bool name(std::string& out) {
    skip_space();
    if (at_ == end_ || *at_ != '"') return unexpected("a name in quotes");
    out.clear();
    if (!string(out)) return false;
    skip_space();
    return take(':') || unexpected("':'");
  }

  bool value() {
    skip_space();
    if (at_ == end_) return unexpected("a value");
    switch (*at_) {
      case '{':
      case '[': return open();
      case '"': {
        std::string text;
        return string(text) && add(Value(std::move(text)));
      }
      case 't': return literal("true", Value(true));
      case 'f': return literal("false", Value(false));
      case 'n': return literal("null", Value());
      default: return *at_ == '-' || is_digit(*at_) ? number() : unexpected("a value");
    }
  }

  bool literal(std::string_view word, Value meaning) {
    if (!std::string_view(at_, end_).starts_with(word)) return unexpected("a value");
    at_ += word.size();
    return add(std::move(meaning));
  }

  bool number() {
    const char* const stop = std::find_if(
        at_, end_, [](char c) { return !is_digit(c) && std::string_view("+-.eE").find(c) == std::string_view::npos; });
    const std::string_view token(at_, stop);
    const std::string_view digits = token.substr(token.starts_with('-') ? 1 : 0);
    if (digits.size() > 1 && digits[0] == '0' && is_digit(digits[1])) return bad_number(token, "begins with a zero");
    std::int64_t value = 0;
    const auto [read, problem] = std::from_chars(at_, stop, value);
    if (read != stop) return bad_number(token, "is not an integer");
    if (problem != std::errc()) return bad_number(token, "is not an integer from -2^63 to 2^63-1");
    // It would not be written back as it was signed.
    if (value == 0 && token != "0") return bad_number(token, "is not an integer");
    at_ = stop;
    return add(Value(value));
  }

  // string reads from one quote to the other.
  bool string(std::string& out) {
    ++at_;
    for (;;) {
      const char* const run = at_;
      at_ = std::find_if_not(at_, end_, is_plain);
      out.append(run, at_);
      if (at_ == end_) return fail(ErrorCode::kParse, "the text ends within a string");
      if (take('"')) return is_utf8(out) || fail(ErrorCode::kParse, "a string is not UTF-8");
      if (!take('\\')) return fail(ErrorCode::kParse, "a control character stands in a string as it is");
      if (!escape(out)) return false;
    }
  }

  // escape reads what follows a backslash.
  bool escape(std::string& out) {
    constexpr std::string_view kLetters = "\"\\/bfnrt";
    constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
    if (take('u')) return escaped_code_point(out);
    const std::size_t which = at_ == end_ ? kLetters.npos : kLetters.find(*at_);
    if (which == kLetters.npos) return unexpected("one of \"\\/bfnrtu");
    out.push_back(kMeanings[which]);
    ++at_;
    return true;
  }

  bool escaped_code_point(std::string& out) {
    std::uint32_t unit = 0;
    if (!four_digits(unit)) return false;
    if (is_high_surrogate(unit)) {
      std::uint32_t low = 0;
      if (!take('\\') || !take('u')) return unexpected("the second half of a surrogate pair");
      if (!four_digits(low)) return false;
      if (!is_low_surrogate(low)) return fail(ErrorCode::kParse, "a surrogate stands alone");
      unit = 0x10000 + ((unit - 0xD800) << 10) + (low - 0xDC00);
    } else if (is_low_surrogate(unit)) {
      return fail(ErrorCode::kParse, "a surrogate stands alone");
    }
    if (unit == 0) return fail(ErrorCode::kParse, "a string holds U+0000");
    append_utf8(unit, out);
    return true;
  }

  bool four_digits(std::uint32_t& unit) {
    const char* const stop = at_ + std::min<std::ptrdiff_t>(4, end_ - at_);
    const auto [read, problem] = std::from_chars(at_, stop, unit, 16);
    if (read - at_ != 4) return unexpected("four hexadecimal digits");
    at_ = read;
    return true;
  }

  bool open() {
    if (open_.size() >= limits_.max_depth) {
      return fail(ErrorCode::kParse, "nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    }
    if (!count()) return false;
    const bool is_object = *at_ == '{';
    open_.push_back({.is_object = is_object, .first = is_object ? members_.size() : elements_.size()});
    ++at_;
    return true;
  }

  bool close() {
    const bool is_object = open_.back().is_object;
    const std::size_t first = open_.back().first;
    open_.pop_back();
    if (!is_object) return place(Value(taken_from(elements_, first)));
    Result<Object> object = Object::from_members(taken_from(members_, first));
    if (!object) return fail(object.error().code, object.error().message);
    return place(Value(*std::move(object)));
  }

  // taken_from moves out what stands from first on, into a vector without room to spare.
  template <class Item>
  static std::vector<Item> taken_from(std::vector<Item>& items, std::size_t first) {
    const auto begin = items.begin() + static_cast<std::ptrdiff_t>(first);
    std::vector<Item> taken(std::make_move_iterator(begin), std::make_move_iterator(items.end()));
    items.erase(begin, items.end());
    return taken;
  }

  bool add(Value value) { return count() && place(std::move(value)); }

  bool place(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object) {
      members_.push_back({std::move(open_.back().name), std::move(value)});
    } else {
      elements_.push_back(std::move(value));
    }
    return true;
  }

  bool count() {
    return ++values_ <= limits_.max_values ||
           fail(ErrorCode::kLimit, "more than " + std::to_string(limits_.max_values) + " values");
  }

  void skip_space() {
    at_ = std::find_if_not(at_, end_, [](char c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; });
  }

  bool take(char wanted) {
    if (at_ == end_ || *at_ != wanted) return false;
    ++at_;
    return true;
  }

  bool unexpected(std::string_view wanted) {
    const std::string found = at_ == end_ ? "the end" : "'" + printable({at_, 1}) + "'";
    return fail(ErrorCode::kParse, found + " stands where " + std::string(wanted) + " is expected");
  }

  bool bad_number(std::string_view token, std::string_view problem) {
    return fail(ErrorCode::kParse, "number " + printable(token, 40) + " " + std::string(problem));
  }

  bool fail(ErrorCode code, std::string message) {
    const std::string_view before(begin_, at_);
    const std::size_t line_start = before.rfind('\n') + 1;  // 0 on the first line
    error_ = Error{code, "line " + std::to_string(std::ranges::count(before, '\n') + 1) + ", column " +
                             std::to_string(before.size() - line_start + 1) + ": " + std::move(message)};
    return false;
  }

  const Limits& limits_;
  const char* begin_;
  const char* at_;
  const char* end_;
  std::vector<Open> open_;
  std::vector<Member> members_;  // of all open objects, the innermost last
  Array elements_;               // of all open arrays
  std::size_t values_ = 0;
  Value root_;
  std::optional<Error> error_;
};

}  // namespace

Result<Value> parse(ByteView text, const Limits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error{ErrorCode::kLimit, std::to_string(text.size()) + " bytes of JSON, at most " +
                                        std::to_string(limits.max_bytes) + " are read"};
  }
  if (as_text(text).starts_with("\xEF\xBB\xBF")) return Error{ErrorCode::kParse, "starts with a byte order mark"};
  return Reader(as_text(text), limits).read();
}

}  // namespace tenon::json
