#include <tenon/client/transport/socket_reach.h>

#include <cstdint>
#include <cstring>

#include <netinet/in.h>

namespace tenon::client {
namespace {

Reach reach_of_v4(std::uint32_t address) {
  const std::uint32_t first = address >> 24;
  if (first == 127 || first == 0) return Reach::kThisMachine;
  return address >> 16 == 0xA9FE ? Reach::kThisLink : Reach::kFurther;
}

}  // namespace

Reach reach_of(const sockaddr& address) {
  if (address.sa_family == AF_INET) {
    sockaddr_in v4{};
    std::memcpy(&v4, &address, sizeof(v4));
    return reach_of_v4(ntohl(v4.sin_addr.s_addr));
  }
  if (address.sa_family != AF_INET6) return Reach::kThisMachine;  // a Unix socket
  sockaddr_in6 v6{};
  std::memcpy(&v6, &address, sizeof(v6));
  const in6_addr& ip = v6.sin6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&ip)) {
    std::uint32_t v4 = 0;
    std::memcpy(&v4, ip.s6_addr + 12, sizeof(v4));
    return reach_of_v4(ntohl(v4));
  }
  if (IN6_IS_ADDR_LOOPBACK(&ip) || IN6_IS_ADDR_UNSPECIFIED(&ip)) return Reach::kThisMachine;
  return IN6_IS_ADDR_LINKLOCAL(&ip) ? Reach::kThisLink : Reach::kFurther;
}

bool may_lead_to(Reach from, Reach to) {
  return to == Reach::kFurther || to == from;
}

}  // namespace tenon::client
