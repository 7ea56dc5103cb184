// why_failed: one command, run to its end, and in words that are safe to show what became of it.
// Thread: any; as run_child().
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace tenon::client {

// why_failed Returns: nothing when it ended with exit status 0 in its time; else how it ended and the last 400 bytes of what it wrote, on
// one line. The environment ("NAME=value" each) has PATH beside what is given, and nothing else.
std::optional<std::string> why_failed(const std::vector<std::string>& argv, std::chrono::milliseconds timeout,
                                      const std::vector<std::string>& environment = {});

}  // namespace tenon::client
