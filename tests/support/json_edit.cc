#include <functional>
#include <optional>

#include <tests/support/json_edit.h>

namespace tenon::tests {

using json::Array;
using json::Member;
using json::Object;
using json::Value;

namespace {

// The value at the path, its last step left to `change`, which gets the parent.
Value changed(const Value& value, const JsonPath& path, std::size_t depth,
              const std::function<Value(const Value&)>& change) {
  if (depth + 1 == path.size()) return change(value);
  const std::string& step = path[depth];
  if (const Array* array = value.array()) {
    Array copy = *array;
    Value& element = copy.at(std::stoul(step));
    element = changed(element, path, depth + 1, change);
    return copy;
  }
  Object copy = *value.object();
  const Value* member = copy.find(step);
  TENON_CHECK(member != nullptr);
  copy.set(step, changed(*member, path, depth + 1, change));
  return copy;
}

}  // namespace

Value with(const Value& value, const JsonPath& path, Value replacement) {
  return changed(value, path, 0, [&](const Value& parent) -> Value {
    if (const Array* array = parent.array()) {
      Array copy = *array;
      copy.at(std::stoul(path.back())) = replacement;
      return copy;
    }
    Object copy = *parent.object();
    copy.set(path.back(), replacement);
    return copy;
  });
}

Value without(const Value& value, const JsonPath& path) {
  return changed(value, path, 0, [&](const Value& parent) -> Value {
    Object copy = *parent.object();
    copy.erase(path.back());
    return copy;
  });
}

const Value& at(const Value& value, const JsonPath& path) {
  const Value* here = &value;
  for (const std::string& step : path) {
    here = here->array() != nullptr ? &here->array()->at(std::stoul(step)) : here->object()->find(step);
    TENON_CHECK(here != nullptr);
  }
  return *here;
}

std::vector<JsonPath> paths_of(const Value& value) {
  std::vector<JsonPath> paths;
  const std::function<void(const Value&, const JsonPath&)> walk = [&](const Value& here, const JsonPath& prefix) {
    const auto step = [&](const std::string& name, const Value& child) {
      JsonPath path = prefix;
      path.push_back(name);
      paths.push_back(path);
      walk(child, path);
    };
    if (const Array* array = here.array()) {
      for (std::size_t i = 0; i < array->size(); ++i) step(std::to_string(i), (*array)[i]);
    } else if (const Object* object = here.object()) {
      for (const Member& member : *object) step(member.name, member.value);
    }
  };
  walk(value, {});
  return paths;
}

std::string text_of(const JsonPath& path) {
  std::string text;
  for (const std::string& step : path) text += (text.empty() ? "" : "/") + step;
  return text;
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  std::size_t position = text.find(from);
  TENON_CHECK(position != text.npos);
  for (; position != text.npos; position = text.find(from, position + to.size())) {
    text.replace(position, from.size(), to);
  }
  return text;
}

}  // namespace tenon::tests
