// The two confinements of a device (docs/adr/0019): who has the network cannot write, who can write has no network. A
// process enters one for good, with all that it starts later. Each gives what the system refused, for people: a kernel
// without seccomp confines less, and the device stays updatable.
// Thread: before there is a second one.
#pragma once

#include <tenon/client/confine/privileges.h>

#include <string>

namespace tenon::client {

// confine_courier is for the process with the network. It is `user` when it was root, has no capability, opens nothing
// for writing, changes no name, starts no program, and makes no system call but those that fetching takes.
// Caller must: have open what it will write to, and the socket at which it listens.
Complaints confine_courier(const std::string& user);

// confine_device is for the process that writes slots and holds what is trusted. It, and every health check and reboot
// command that it starts, has no socket but of AF_UNIX, mounts nothing, loads no module or kernel, looks into no other
// process, and keeps of root's capabilities only those to overrule file permissions and to reboot.
//
// With Ownership::kGiven it may also give files to others, which copying them takes.
enum class Ownership { kKept, kGiven };
Complaints confine_device(Ownership ownership = Ownership::kKept);

}  // namespace tenon::client
