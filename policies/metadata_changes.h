// What changes between two versions of a role, in plain words: the same function for people, for the policy (every change
// has a reason) and for scripts. Two roles that differ anywhere give at least one change.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/metadata/root.h>
#include <tenon/metadata/targets.h>
#include <tenon/policies/change.h>

#include <functional>
#include <string>

namespace tenon::policies {

// NameOfKey gives what people call a key, "alice (1234abcd)", safe for a terminal.
using NameOfKey = std::function<std::string(const metadata::KeyId&, const metadata::PublicKey*)>;

// root_changes before is null for the first root: all of it is a change then.
std::vector<Change> root_changes(const metadata::Root* before, const metadata::Root& after, const NameOfKey& name_of);

// targets_changes before is null for the first version of the role.
std::vector<Change> targets_changes(const metadata::Targets* before, const metadata::Targets& after,
                                    const NameOfKey& name_of);

}  // namespace tenon::policies
