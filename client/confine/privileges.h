// What a process of a device can give up for good: its user, its capabilities, and the way to get more by exec. What
// the system refuses is said, for people, and the process goes on: a device must stay updatable.
// Thread: before there is a second one.
#pragma once

#include <string>
#include <vector>

namespace tenon::client {

using Complaints = std::vector<std::string>;

// Rights is a set of capabilities, by their numbers.
using Rights = std::vector<int>;

// bound_capabilities sees to it that no program gains a capability but those kept. It takes root, and goes before
// become_user(); to who has no capability it makes no difference.
void bound_capabilities(const Rights& kept);

// become_user changes from root to that user, of the number 65534 when nobody has that name, with its group and no
// other. Who is not root stays who it is.
Complaints become_user(const std::string& name);

// keep_capabilities gives up all that this process has but those kept, and with no_new_privs the way to more by exec.
Complaints keep_capabilities(const Rights& kept);

// forbid_inspection keeps processes of the same user from looking into this one, and the kernel from writing its core.
Complaints forbid_inspection();

}  // namespace tenon::client
