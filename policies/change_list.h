// ChangeList: the parts that lists of changes of every role are made from.
// Thread: one.
#pragma once

#include <tenon/metadata/role_header.h>
#include <tenon/policies/metadata_changes.h>

#include <set>
#include <string>
#include <utility>

namespace tenon::policies {

// HeldBy is who may sign a role. Both outlive it.
struct HeldBy {
  const metadata::KeyMap& keys;
  const metadata::RoleKeys& role;
};

// shown_name is a name from a file for people, non-ASCII spelled out, and shown_place the same as part of a place. What is
// cut off a long one is stood for by its digest, so that two names never look alike.
std::string shown_name(const std::string& name);
std::string shown_place(const std::string& name);

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
  // add_keys compares the key objects that a file holds; used are those that may sign something.
  void add_keys(const std::string& place, const metadata::KeyMap* before, const metadata::KeyMap& after,
                const std::set<metadata::KeyId>& used);
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
