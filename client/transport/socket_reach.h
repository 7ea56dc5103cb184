// How far an address of a connection reaches: a server must not send a device's requests to the device itself, or to what
// is beside it on the wire (a cloud's metadata service, for example). Pure.
// Thread: any.
#pragma once

#include <sys/socket.h>

namespace tenon::client {

enum class Reach {
  kThisMachine,  // loopback, and the address of no machine, which Linux takes for it
  kThisLink,     // link-local
  kFurther,
};

// reach_of Pre: the address is as long as its family says.
Reach reach_of(const sockaddr& address);

// may_lead_to tells whether a server that is reached by an address of reach `from` may redirect to one of reach `to`: from
// afar not to what is near; a repository on this machine or link may name others there.
bool may_lead_to(Reach from, Reach to);

}  // namespace tenon::client
