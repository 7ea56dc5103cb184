#include <tenon/hsm/harden.h>

#include <array>
#include <fstream>

#include <openssl/crypto.h>
#include <sodium.h>
#include <sys/prctl.h>
#include <sys/resource.h>

namespace tenon::hsm {
namespace {

constexpr std::size_t kSecureHeapBytes = 64 * 1024;  // a P-256 scalar and its copies need a few hundred
constexpr std::size_t kSecureHeapBlockBytes = 32;

bool no_core_dumps() {
  const rlimit none{0, 0};
  return ::setrlimit(RLIMIT_CORE, &none) == 0 && ::prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) == 0;
}

// sodium_malloc() does not fail when its mlock() does, so one page is tried here.
bool can_lock_memory() {
  std::array<unsigned char, 4096> page{};
  const bool locked = sodium_mlock(page.data(), page.size()) == 0;
  sodium_munlock(page.data(), page.size());
  return locked;
}

// /proc/swaps holds a heading, and a line for each swap in use.
bool swap_is_on() {
  std::ifstream swaps("/proc/swaps");
  std::string line;
  std::getline(swaps, line);
  return static_cast<bool>(std::getline(swaps, line));
}

}  // namespace

std::vector<std::string> harden_process() {
  std::vector<std::string> warnings;
  if (!no_core_dumps()) warnings.push_back("core dumps cannot be switched off; one could hold a key");
  const bool heap_locked = CRYPTO_secure_malloc_init(kSecureHeapBytes, kSecureHeapBlockBytes) == 1;
  if (!heap_locked || !can_lock_memory()) {
    warnings.push_back("memory cannot be locked (ulimit -l); keys could reach swap");
  }
  if (swap_is_on()) warnings.push_back("swap is on; sign on a machine without it (swapoff -a)");
  return warnings;
}

}  // namespace tenon::hsm
