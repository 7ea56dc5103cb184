// The process that runs a PKCS#11 module: our own program, started anew with one argument, so that the module finds no
// other key, passphrase or open file in its memory, and takes nothing down with it (docs/adr/0008).
// It speaks token_wire.h over descriptors 3 (requests) and 4 (replies), and ends when its requests end.
#pragma once

#include <optional>

namespace tenon::hsm {

inline constexpr const char* kTokenAgentArgument = "token-agent";
inline constexpr int kTokenAgentIn = 3;
inline constexpr int kTokenAgentOut = 4;

// run_token_agent_if_asked serves and gives the exit status if the program was started as the agent; else it gives
// nothing at once. Every main() that may open a token calls it after init_crypto() and before anything else.
std::optional<int> run_token_agent_if_asked(int argc, char** argv);

}  // namespace tenon::hsm
