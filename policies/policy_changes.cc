#include <tenon/metadata/utf8.h>
#include <tenon/policies/policy_changes.h>

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

constexpr std::size_t kShownBytes = 1024;

std::string shown(const json::Value* value) {
  return value == nullptr ? "nothing" : spelled_out(json::to_text(*value), kShownBytes);
}

// A person comes or goes as a whole, in one line.
bool is_person(std::string_view place) {
  constexpr std::string_view kPeople = "custodians/";
  return place.starts_with(kPeople) && place.find('/', kPeople.size()) == place.npos;
}

// One change for each member that differs, however deep: a list is one member. A branch that comes or goes does so member
// by member, so that nobody has to read it out of one line.
void compare(const json::Value* before, const json::Value* after, const std::string& place,
             std::vector<Change>& changes) {
  if (before != nullptr && after != nullptr && *before == *after) return;
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
    compare(is_branch(before) ? before->object()->find(name) : nullptr,
            is_branch(after) ? after->object()->find(name) : nullptr,
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
