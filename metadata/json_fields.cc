#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

namespace tenon::json {
namespace {

constexpr std::size_t kShownName = 80;  // of a member that a stranger named

}  // namespace

Result<Fields> Fields::of(const Value& value, std::string where) {
  if (const Object* object = value.object()) return Fields(*object, std::move(where));
  return Error{ErrorCode::kParse, where + " is " + std::string(value.kind()) + ", not an object"};
}

const Value* Fields::optional(std::string_view name) {
  const Member* member = object_->find_member(name);
  if (member == nullptr) return nullptr;
  const auto place = static_cast<std::size_t>(member - &*object_->begin());
  if (place < kFew) {
    asked_.set(place);
  } else {
    asked_beyond_.insert(place);
  }
  return &member->value;
}

Result<const Value*> Fields::value(std::string_view name) {
  const Value* found = optional(name);
  if (found == nullptr) return error("member \"" + std::string(name) + "\" is missing");
  return found;
}

Result<std::string> Fields::string(std::string_view name) {
  TENON_TRY(const std::string_view found, text(name));
  return std::string(found);
}

Result<std::string_view> Fields::text(std::string_view name) {
  TENON_TRY(const Value* found, value(name));
  if (const std::string* text = found->string()) return std::string_view(*text);
  return wrong_kind(name, "a string", *found);
}

Result<std::int64_t> Fields::integer(std::string_view name) {
  TENON_TRY(const Value* found, value(name));
  if (const std::int64_t* number = found->integer()) return *number;
  return wrong_kind(name, "an integer", *found);
}

Result<bool> Fields::boolean(std::string_view name) {
  TENON_TRY(const Value* found, value(name));
  if (const bool* truth = found->boolean()) return *truth;
  return wrong_kind(name, "true or false", *found);
}

Result<const Array*> Fields::array(std::string_view name) {
  TENON_TRY(const Value* found, value(name));
  if (const Array* items = found->array()) return items;
  return wrong_kind(name, "an array", *found);
}

Result<Fields> Fields::object(std::string_view name) {
  TENON_TRY(const Value* found, value(name));
  return child(name, *found);
}

Result<Fields> Fields::child(std::string_view name, const Value& value) const {
  const Object* object = value.object();
  if (object == nullptr) return wrong_kind(name, "an object", value);
  if (names_ == kNames) return Fields(*object, where() + "." + printable(name, kShownName));
  Fields fields(*object, where_);
  fields.below_ = below_;
  fields.names_ = names_ + 1;
  fields.below_[names_] = name;
  return fields;
}

std::string Fields::where() const {
  std::string text = where_;
  for (std::size_t i = 0; i < names_; ++i) text += "." + printable(below_[i], kShownName);
  return text;
}

bool Fields::was_asked(const Member& member) const {
  const auto place = static_cast<std::size_t>(&member - &*object_->begin());
  return place < kFew ? asked_.test(place) : asked_beyond_.contains(place);
}

Object Fields::rest() const {
  std::vector<Member> members;
  for (const Member& member : *object_) {
    if (!was_asked(member)) members.push_back(member);
  }
  return *Object::from_members(std::move(members));
}

Result<void> Fields::finish() const {
  for (const Member& member : *object_) {
    if (!was_asked(member)) return error("member \"" + printable(member.name) + "\" is not known");
  }
  return {};
}

Error Fields::error(std::string_view message) const {
  return Error{ErrorCode::kParse, where() + ": " + std::string(message)};
}

Error Fields::wrong_kind(std::string_view name, std::string_view wanted, const Value& got) const {
  return error("\"" + printable(name, kShownName) + "\" is " + std::string(got.kind()) + ", not " +
               std::string(wanted));
}

}  // namespace tenon::json
