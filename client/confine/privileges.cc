#include <tenon/client/confine/privileges.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr unsigned kNobody = 65'534;  // the number of "nobody" in Debian, BusyBox and Linux itself

std::string complaint(const std::string& what) {
  return what + ": " + std::strerror(errno);
}

// The three sets that a program hands on, each of 64 bits in two words.
bool set_capabilities(std::uint64_t kept) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3> sets{};
  if (::syscall(SYS_capget, &header, sets.data()) != 0) return false;
  bool is_change = false;  // who has none is often not even allowed to ask
  for (std::size_t word = 0; word < sets.size(); ++word) {
    const __user_cap_data_struct before = sets[word];
    sets[word].permitted &= static_cast<std::uint32_t>(kept >> (32 * word));
    sets[word].effective = sets[word].permitted;
    sets[word].inheritable = 0;
    is_change |= sets[word].permitted != before.permitted || before.inheritable != 0;
  }
  return !is_change || ::syscall(SYS_capset, &header, sets.data()) == 0;
}

}  // namespace

void bound_capabilities(const Rights& kept) {
  for (int capability = 0; ::prctl(PR_CAPBSET_READ, capability, 0, 0, 0) >= 0; ++capability) {
    if (std::ranges::count(kept, capability) == 0) ::prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
  }
  ::prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

Complaints become_user(const std::string& name) {
  if (::geteuid() != 0) return {};
  const passwd* entry = ::getpwnam(name.c_str());
  const uid_t user = entry != nullptr ? entry->pw_uid : kNobody;
  const gid_t group = entry != nullptr ? entry->pw_gid : kNobody;
  if (::setgroups(0, nullptr) == 0 && ::setresgid(group, group, group) == 0 && ::setresuid(user, user, user) == 0) {
    return {};
  }
  return {complaint("root's rights stay, since the user \"" + name + "\" cannot be taken on")};
}

Complaints keep_capabilities(const Rights& kept) {
  Complaints complaints;
  std::uint64_t mask = 0;
  for (const int capability : kept) mask |= std::uint64_t{1} << capability;
  if (!set_capabilities(mask)) complaints.push_back(complaint("capabilities stay"));
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    complaints.push_back(complaint("programs that are started may gain privileges"));
  }
  return complaints;
}

Complaints forbid_inspection() {
  const rlimit none{0, 0};
  if (::setrlimit(RLIMIT_CORE, &none) == 0 && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0) return {};
  return {complaint("others may look into this process")};
}

}  // namespace tenon::client
