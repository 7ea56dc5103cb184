#include <tenon/metadata/json_fields.h>
#include <tenon/metadata/utf8.h>

namespace tenon::json {

Result<Fields> Fields::of(const Value& value, std::string where) {
  if (const Object* object = value.object()) return Fields(*object, std::move(where));
  return Error{ErrorCode::kParse, where + " is " + std::string(value.kind()) + ", not an object"};
}

const Value* Fields::optional(std::string_view name) {
  const Member* member = object_->find_member(name);
  if (member == nullptr) return nullptr;
  asked_.resize(object_->size());
  asked_[static_cast<std::size_t>(member - &*object_->begin())] = true;
  return &member->value;
}

Result<const Value*> Fields::value(std::string_view name) {
  const Value* found = optional(name);
  if (found == nullptr) return error("member \"" + std::string(name) + "\" is missing");
  return found;
}

Result<std::string> Fields::string(std::string_view name) {
  TENON_TRY(const Value* found, value(name));
  if (const std::string* text = found->string()) return *text;
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
  return Fields::of(*found, where_ + "." + std::string(name));
}

bool Fields::was_asked(const Member& member) const {
  const auto place = static_cast<std::size_t>(&member - &*object_->begin());
  return place < asked_.size() && asked_[place];
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
  return Error{ErrorCode::kParse, where_ + ": " + std::string(message)};
}

Error Fields::wrong_kind(std::string_view name, std::string_view wanted, const Value& got) const {
  return error("\"" + std::string(name) + "\" is " + std::string(got.kind()) + ", not " + std::string(wanted));
}

}  // namespace tenon::json
