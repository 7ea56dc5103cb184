// The system calls that a process still may make, by seccomp. A filter is for good and goes on to all children.
// Thread: before there is a second one.
#pragma once

#include <tenon/client/confine/privileges.h>

namespace tenon::client {

// allow_calls_of_courier forbids everything but a list. What changes a system is refused with EPERM; what is only not
// listed is answered with ENOSYS, as by an older kernel, so that a C library takes its other way.
Complaints allow_calls_of_courier();

// forbid_calls_to_device allows everything but a list (EPERM), and sockets of AF_UNIX alone (EAFNOSUPPORT).
Complaints forbid_calls_to_device();

}  // namespace tenon::client
