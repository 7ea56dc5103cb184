#include <tenon/metadata/utf8.h>
#include <tenon/policies/policy_changes.h>

#include <algorithm>
#include <set>
#include <string>

namespace tenon::policies {
namespace {

bool is_routine(std::string_view place) {
  return place == "version" || place == "expires";
}

// Where to reach a person decides nothing.
bool is_only_shown(std::string_view place) {
  return place.starts_with("custodians/") && place.ends_with("/contact");
}

Weight weight_of(std::string_view place) {
  if (is_routine(place)) return Weight::kRoutine;
  return is_only_shown(place) ? Weight::kContent : Weight::kPower;
}

bool is_branch(const json::Value* value) {
  return value != nullptr && value->object() != nullptr;
}

constexpr std::size_t kLongListBytes = 512;

// Never cut: the rule of a waiver stands behind its reason.
std::string shown(const json::Value* value) {
  return value == nullptr ? "nothing" : spelled_out(json::to_text(*value), SigningPolicy::kMaxBytes);
}

const json::Array& items_of(const json::Value* value) {
  static const json::Array kNone;
  return value != nullptr && value->array() != nullptr ? *value->array() : kNone;
}

// A list that nobody would read twice to find what differs is told item by item.
bool is_long_list(const json::Value* before, const json::Value* after) {
  const bool is_list =
      (before == nullptr || before->array() != nullptr) && (after == nullptr || after->array() != nullptr);
  return is_list && shown(before).size() + shown(after).size() > kLongListBytes;
}

// Returns: whether any item was told; none is when only their order differs.
bool compare_items(const json::Value* before, const json::Value* after, const std::string& place,
                   std::vector<Change>& changes) {
  const std::size_t told = changes.size();
  const auto tell = [&](const json::Array& items, const json::Array& others, const std::string& what) {
    for (const json::Value& item : items) {
      if (std::ranges::count(items, item) <= std::ranges::count(others, item)) continue;
      changes.push_back({weight_of(place), place, place + what + shown(&item)});
    }
  };
  tell(items_of(after), items_of(before), ": now with ");
  tell(items_of(before), items_of(after), ": no more with ");
  return changes.size() > told;
}

// A person comes or goes as a whole, in one line.
bool is_person(std::string_view place) {
  constexpr std::string_view kPeople = "custodians/";
  return place.starts_with(kPeople) && place.find('/', kPeople.size()) == place.npos;
}

const json::Value* member_of(const json::Value* value, const std::string& name) {
  const json::Object* object = value == nullptr ? nullptr : value->object();
  return object == nullptr ? nullptr : object->find(name);
}

// One change for each member that differs, however deep: a list is one member. A branch that comes or goes does so member
// by member, so that nobody has to read it out of one line.
void compare(const json::Value* before, const json::Value* after, const std::string& place,
             std::vector<Change>& changes) {
  if (before != nullptr && after != nullptr && *before == *after) return;
  if (is_long_list(before, after) && compare_items(before, after, place, changes)) return;
  const bool comes_or_goes = is_person(place) && (before == nullptr || after == nullptr);
  if (comes_or_goes || (!is_branch(before) && !is_branch(after))) {
    changes.push_back({weight_of(place), place, place + ": " + shown(before) + " -> " + shown(after)});
    return;
  }
  std::set<std::string> names;
  for (const json::Value* side : {before, after}) {
    if (!is_branch(side)) continue;
    for (const json::Member& member : *side->object()) names.insert(member.name);
  }
  for (const std::string& name : names) {
    compare(member_of(before, name), member_of(after, name),
            place.empty() ? printable(name) : place + "/" + printable(name), changes);
  }
}

}  // namespace

std::vector<Change> policy_changes(const std::optional<SigningPolicy>& before, const SigningPolicy& after) {
  std::vector<Change> changes;
  const json::Value new_json = after.to_json();
  if (before) {
    const json::Value old_json = before->to_json();
    compare(&old_json, &new_json, "", changes);
  } else {
    compare(nullptr, &new_json, "", changes);
  }
  return changes;
}

}  // namespace tenon::policies
