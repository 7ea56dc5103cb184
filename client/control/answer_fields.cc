#include <tenon/client/control/answer_fields.h>

namespace tenon::client {

std::string string_in(const json::Object& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr || value->string() == nullptr ? std::string() : *value->string();
}

bool true_in(const json::Object& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value != nullptr && value->boolean() != nullptr && *value->boolean();
}

std::int64_t number_in(const json::Object& object, std::string_view name) {
  const json::Value* value = object.find(name);
  return value == nullptr || value->integer() == nullptr ? 0 : *value->integer();
}

const json::Object& object_in(const json::Object& object, std::string_view name) {
  static const json::Object kNone;
  const json::Value* value = object.find(name);
  return value == nullptr || value->object() == nullptr ? kNone : *value->object();
}

std::vector<const json::Object*> objects_in(const json::Object& object, std::string_view name) {
  std::vector<const json::Object*> objects;
  const json::Value* value = object.find(name);
  if (value == nullptr || value->array() == nullptr) return objects;
  for (const json::Value& one : *value->array()) {
    if (one.object() != nullptr) objects.push_back(one.object());
  }
  return objects;
}

}  // namespace tenon::client
