// Hardening of a process that will hold private keys. First thing in main(), after init_crypto().
#pragma once

#include <string>
#include <vector>

namespace tenon::hsm {

// harden_process switches off core dumps and ptrace by the same user, and sets up OpenSSL's secure heap.
// Returns: warnings for the person, one for each thing this system does not give: memory that cannot be locked, swap.
// Thread: once, before any other thread.
std::vector<std::string> harden_process();

}  // namespace tenon::hsm
