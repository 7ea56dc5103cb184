#include <tenon/metadata/utf8.h>
#include <tenon/policies/label.h>

#include <algorithm>

namespace tenon::policies {
namespace {

constexpr std::size_t kMaxBytes = 64;

bool is_alphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}
bool is_allowed(char c) {
  return is_alphanumeric(c) || c == '.' || c == '_' || c == '~' || c == '-';
}

}  // namespace

Result<Label> Label::parse(std::string_view text) {
  const bool allowed = !text.empty() && text.size() <= kMaxBytes && std::ranges::all_of(text, is_allowed) &&
                       (is_alphanumeric(text.front()) || text.front() == '_');
  if (!allowed) {
    return Error{ErrorCode::kParse, "\"" + printable(text, 80) + "\" is not 1 to 64 of A-Z a-z 0-9 . _ ~ -"};
  }
  return Label(text);
}

Result<Label> Label::read(json::Fields& fields, std::string_view name) {
  TENON_TRY(const std::string text, fields.string(name));
  return parse(text).with_context(fields.where() + "." + std::string(name));
}

Result<Sequence> Sequence::create(std::int64_t value) {
  if (value < 1) return Error{ErrorCode::kParse, "sequence " + std::to_string(value) + " is below 1"};
  return Sequence(value);
}

Result<Sequence> Sequence::read(json::Fields& fields, std::string_view name) {
  TENON_TRY(const std::int64_t value, fields.integer(name));
  return create(value).with_context(fields.where() + "." + std::string(name));
}

}  // namespace tenon::policies
