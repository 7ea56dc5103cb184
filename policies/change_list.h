// ChangeList: the parts that lists of changes of every role are made from.
// Thread: one.
#pragma once

#include <tenon/metadata/role_header.h>
#include <tenon/policies/metadata_changes.h>

#include <string>
#include <utility>

namespace tenon::policies {

// HeldBy is who may sign a role. Both outlive it.
struct HeldBy {
  const metadata::KeyMap& keys;
  const metadata::RoleKeys& role;
};

class ChangeList {
 public:
  explicit ChangeList(const NameOfKey& name_of) : name_of_(name_of) {}

  // add Pre: place and text are safe for a terminal.
  void add(Weight weight, std::string place, std::string text) {
    changes_.push_back({weight, std::move(place), std::move(text)});
  }
  // add_header compares version, expiry and spec_version.
  void add_header(const metadata::RoleHeader* before, const metadata::RoleHeader& after);
  // add_holders compares who may sign a role. what names the role: "root", "role releases.demo".
  void add_holders(const std::string& place, const std::string& what, const HeldBy* before, const HeldBy& after);
  // add_keys compares the key objects that a file holds, whoever may sign with them.
  void add_keys(const std::string& place, const metadata::KeyMap* before, const metadata::KeyMap& after);
  // add_members compares members that we do not know. before may be null.
  void add_members(const std::string& place, const json::Object* before, const json::Object& after);

  bool empty() const { return changes_.empty(); }
  // take gives all changes, the weightiest first, each place in the order of adding.
  std::vector<Change> take() &&;

 private:
  const NameOfKey& name_of_;
  std::vector<Change> changes_;
};

}  // namespace tenon::policies
