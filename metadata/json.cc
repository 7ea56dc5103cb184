#include <tenon/metadata/json.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <functional>
#include <utility>

namespace tenon::json {
namespace {

struct ByName {
  bool operator()(const Member& a, std::string_view b) const { return a.name < b; }
};

// Most strings have nothing to escape: they are appended in runs.
template <class IsSpecial, class Escape>
void write_quoted(std::string_view text, std::string& out, IsSpecial is_special, Escape escape) {
  out.push_back('"');
  for (auto run = text.begin(); run != text.end();) {
    const auto end = std::find_if(run, text.end(), is_special);
    out.append(run, end);
    run = end;
    if (end != text.end()) escape(*run++);
  }
  out.push_back('"');
}

void write_canonical_string(std::string_view text, std::string& out) {
  write_quoted(
      text, out, [](char c) { return c == '"' || c == '\\'; },
      [&](char c) {
        out.push_back('\\');
        out.push_back(c);
      });
}

void write_text_string(std::string_view text, std::string& out) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (!is_utf8(text)) return write_text_string(printable(text, text.size() * 4), out);
  write_quoted(
      text, out, [](char c) { return c == '"' || c == '\\' || static_cast<unsigned char>(c) < 0x20; },
      [&](char c) {
        switch (c) {
          case '"': out += "\\\""; break;
          case '\\': out += "\\\\"; break;
          case '\n': out += "\\n"; break;
          case '\t': out += "\\t"; break;
          case '\r': out += "\\r"; break;
          default:
            out += "\\u00";
            out.push_back(kDigits[static_cast<std::size_t>(c) >> 4]);
            out.push_back(kDigits[static_cast<std::size_t>(c) & 15]);
        }
      });
}

// Writer recurses once for each level of the value; values that were read are at most Limits::max_depth deep.
class Writer {
 public:
  Writer(bool canonical, std::size_t indent) : canonical_(canonical), indent_(indent) {}

  void write(const Value& value, std::size_t level = 0) {
    if (value.is_null()) {
      out += "null";
    } else if (const bool* boolean = value.boolean()) {
      out += *boolean ? "true" : "false";
    } else if (const std::int64_t* integer = value.integer()) {
      out += std::to_string(*integer);
    } else if (const std::string* string = value.string()) {
      write_string(*string);
    } else if (const Array* array = value.array()) {
      write_items('[', ']', *array, level, [&](const Value& item) { write(item, level + 1); });
    } else {
      write_items('{', '}', *value.object(), level, [&](const Member& member) {
        write_string(member.name);
        out += indent_ > 0 ? ": " : ":";
        write(member.value, level + 1);
      });
    }
  }

  std::string out;

 private:
  void write_string(const std::string& text) {
    canonical_ ? write_canonical_string(text, out) : write_text_string(text, out);
  }

  template <class Items, class WriteItem>
  void write_items(char open, char close, const Items& items, std::size_t level, WriteItem write_item) {
    out.push_back(open);
    bool first = true;
    for (const auto& item : items) {
      if (!first) out.push_back(',');
      first = false;
      new_line(level + 1);
      write_item(item);
    }
    if (!first) new_line(level);
    out.push_back(close);
  }

  void new_line(std::size_t level) {
    if (indent_ == 0) return;
    out.push_back('\n');
    out.append(level * indent_, ' ');
  }

  bool canonical_;
  std::size_t indent_;
};

}  // namespace

Object::Object() = default;
Object::Object(const Object&) = default;
Object::Object(Object&&) noexcept = default;
Object& Object::operator=(const Object&) = default;
Object& Object::operator=(Object&&) noexcept = default;
Object::~Object() = default;

const Member* Object::find_member(std::string_view name) const {
  const auto at = std::lower_bound(members_.begin(), members_.end(), name, ByName());
  return at != members_.end() && at->name == name ? &*at : nullptr;
}

const Value* Object::find(std::string_view name) const {
  const Member* member = find_member(name);
  return member == nullptr ? nullptr : &member->value;
}

void Object::set(std::string name, Value value) {
  const auto at = std::lower_bound(members_.begin(), members_.end(), std::string_view(name), ByName());
  if (at != members_.end() && at->name == name) {
    at->value = std::move(value);
  } else {
    members_.insert(at, Member{std::move(name), std::move(value)});
  }
}

Value Object::take(std::string_view name) {
  const auto at = std::lower_bound(members_.begin(), members_.end(), name, ByName());
  TENON_CHECK(at != members_.end() && at->name == name);
  return std::exchange(at->value, Value());
}

void Object::erase(std::string_view name) {
  std::erase_if(members_, [&](const Member& member) { return member.name == name; });
}

std::vector<Member>::const_iterator Object::begin() const {
  return members_.begin();
}
std::vector<Member>::const_iterator Object::end() const {
  return members_.end();
}
std::size_t Object::size() const {
  return members_.size();
}

Result<Object> Object::from_members(std::vector<Member> members) {
  // Most writers write them in this order.
  if (std::ranges::adjacent_find(members, std::greater_equal<>(), &Member::name) != members.end()) {
    std::ranges::sort(members, {}, &Member::name);
  }
  const auto twin = std::ranges::adjacent_find(members, {}, &Member::name);
  if (twin != members.end()) {
    return Error{ErrorCode::kParse, "member \"" + printable(twin->name) + "\" stands twice in one object"};
  }
  Object object;
  object.members_ = std::move(members);
  return object;
}

bool operator==(const Object& a, const Object& b) {
  return a.members_ == b.members_;
}
bool operator==(const Value& a, const Value& b) {
  return a.data_ == b.data_;
}

Value Value::take(std::string_view name) && {
  Object* object = std::get_if<Object>(&data_);
  TENON_CHECK(object != nullptr);
  return object->take(name);
}

std::string_view Value::kind() const {
  constexpr std::string_view kKinds[] = {"null", "a boolean", "an integer", "a string", "an array", "an object"};
  return kKinds[data_.index()];
}

std::string canonical(const Value& value) {
  Writer writer(true, 0);
  writer.write(value);
  return std::move(writer.out);
}

std::string to_text(const Value& value, std::size_t indent) {
  Writer writer(false, indent);
  writer.write(value);
  return std::move(writer.out);
}

}  // namespace tenon::json
