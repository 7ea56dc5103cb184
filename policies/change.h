// Change: one difference between what was trusted and what is to be signed. All changes together are the whole
// difference: what is not a change is the same.
// Thread: values.
#pragma once

#include <string>
#include <string_view>

namespace tenon::policies {

// Weight says how a change is shown, and which reasons it needs.
enum class Weight {
  kPower,    // who may do what: keys, thresholds, delegations, rules
  kContent,  // what is offered: targets, texts
  kRoutine,  // what every new version changes: version, expiry
};
std::string_view to_string(Weight weight);

struct Change {
  Weight weight;
  // A stable id, its parts between slashes: "roles/root/threshold", "roles/root/keys/+4f5c6a7b" (the first 8 characters of
  // the keyid; '-' for one that goes), "delegations/releases.demo/paths", "targets/demo/releases/1.2/release.json".
  std::string place;
  std::string text;  // for people; may hold names from a file: printed through printable()
  bool operator==(const Change&) const = default;
};

}  // namespace tenon::policies
