// The reader: nlohmann's tokenizer drives a builder that refuses what TUF must not contain.
#include <tenon/metadata/json.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <limits>

#include <nlohmann/json.hpp>

namespace tenon::json {
namespace {

using Sax = nlohmann::json_sax<nlohmann::json>;

class Builder final : public Sax {
 public:
  explicit Builder(const Limits& limits) : limits_(limits) {}

  bool null() override { return add(Value()); }
  bool boolean(bool value) override { return add(Value(value)); }
  bool number_integer(std::int64_t value) override {
    // Only "-0" arrives here as zero; it would not be written back as it was signed.
    return value == 0 ? fail(ErrorCode::kParse, "-0 is not an integer") : add(Value(value));
  }
  bool number_unsigned(std::uint64_t value) override {
    if (value > std::numeric_limits<std::int64_t>::max()) {
      return fail(ErrorCode::kParse, "integer " + std::to_string(value) + " is above 2^63-1");
    }
    return add(Value(static_cast<std::int64_t>(value)));
  }
  bool number_float(double, const std::string& text) override {
    return fail(ErrorCode::kParse, "number " + text.substr(0, 40) + " is not an integer below 2^63");
  }
  bool string(std::string& value) override { return text_allowed(value) && add(Value(std::move(value))); }
  bool binary(nlohmann::json::binary_t&) override { return fail(ErrorCode::kParse, "binary value"); }

  bool start_object(std::size_t) override { return open(Open{.is_object = true}); }
  bool start_array(std::size_t) override { return open(Open{.is_object = false}); }
  bool key(std::string& name) override {
    if (!text_allowed(name)) return false;
    open_.back().name = std::move(name);
    return true;
  }
  bool end_array() override {
    Array array = std::move(open_.back().elements);
    open_.pop_back();
    return place(Value(std::move(array)));
  }
  bool end_object() override {
    Result<Object> object = Object::from_members(std::move(open_.back().members));
    open_.pop_back();
    if (!object) return fail(object.error().code, object.error().message);
    return place(Value(*std::move(object)));
  }
  bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception& problem) override {
    position_ = position;
    const std::string_view what = problem.what();
    const std::size_t reason = what.find("syntax error");
    // nlohmann quotes the whole token it stopped at, which is as long as the file allows.
    return fail(ErrorCode::kParse, printable(reason == what.npos ? what : what.substr(reason)));
  }

  Value take() { return std::move(root_); }
  const std::optional<Error>& error() const { return error_; }
  std::optional<std::size_t> position() const { return position_; }

 private:
  struct Open {
    bool is_object = false;
    std::string name = {};
    std::vector<Member> members = {};
    Array elements = {};
  };

  bool open(Open container) {
    if (open_.size() >= limits_.max_depth) {
      return fail(ErrorCode::kParse, "nested deeper than " + std::to_string(limits_.max_depth) + " levels");
    }
    if (!count()) return false;
    open_.push_back(std::move(container));
    return true;
  }
  bool add(Value value) { return count() && place(std::move(value)); }
  bool place(Value value) {
    if (open_.empty()) {
      root_ = std::move(value);
    } else if (open_.back().is_object) {
      open_.back().members.push_back({std::move(open_.back().name), std::move(value)});
    } else {
      open_.back().elements.push_back(std::move(value));
    }
    return true;
  }
  bool count() {
    return ++values_ <= limits_.max_values ||
           fail(ErrorCode::kLimit, "more than " + std::to_string(limits_.max_values) + " values");
  }
  bool text_allowed(const std::string& text) {
    return text.find('\0') == text.npos || fail(ErrorCode::kParse, "a string holds U+0000");
  }
  bool fail(ErrorCode code, std::string message) {
    if (!error_) error_ = Error{code, std::move(message)};
    return false;
  }

  const Limits& limits_;
  std::vector<Open> open_;
  std::size_t values_ = 0;
  Value root_;
  std::optional<Error> error_;
  std::optional<std::size_t> position_;
};

std::string line_and_column(ByteView text, std::size_t position) {
  const ByteView before = text.first(std::min(position, text.size()));
  const auto line = std::ranges::count(before, static_cast<std::uint8_t>('\n')) + 1;
  const auto last = std::find(before.rbegin(), before.rend(), static_cast<std::uint8_t>('\n'));
  return "line " + std::to_string(line) + ", column " + std::to_string(std::max<long>(last - before.rbegin(), 1));
}

}  // namespace

Result<Value> parse(ByteView text, const Limits& limits) {
  if (text.size() > limits.max_bytes) {
    return Error{ErrorCode::kLimit, std::to_string(text.size()) + " bytes of JSON, at most " +
                                        std::to_string(limits.max_bytes) + " are read"};
  }
  // nlohmann skips a byte order mark and takes a zero byte for the end.
  if (as_text(text).starts_with("\xEF\xBB\xBF")) return Error{ErrorCode::kParse, "starts with a byte order mark"};
  if (std::ranges::find(text, 0) != text.end()) return Error{ErrorCode::kParse, "holds a zero byte"};

  Builder builder(limits);
  const std::string_view characters = as_text(text);
  const bool complete = nlohmann::json::sax_parse(characters.data(), characters.data() + characters.size(), &builder);
  if (builder.error()) {
    Error error = *builder.error();
    if (builder.position()) return std::move(error).context(line_and_column(text, *builder.position()));
    return error;
  }
  TENON_CHECK(complete);
  return builder.take();
}

}  // namespace tenon::json
