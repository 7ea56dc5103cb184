// run_child: one program, run to its end or to the end of its time.
// Thread: any. Caller must: leave SIGCHLD as it is; a process that ignores it never learns how its children ended.
#pragma once

#include <tenon/metadata/result.h>

#include <chrono>
#include <optional>
#include <string>
#include <vector>

namespace tenon::client {

struct ChildEnd {
  bool timed_out = false;
  int wait_status = 0;      // as waitpid(2) has it; without meaning after a time-out
  std::string output = {};  // the end of what it wrote to stdout and stderr, raw
};

// find_program is where run_child looks for a program by its name, and what it makes of a path: itself.
std::optional<std::string> find_program(const std::string& name);

// run_child starts a program in a process group of its own and kills that group when the program ends or its time is
// over. It keeps the last max_output bytes of output. The environment is PATH and what is given ("NAME=value" each).
// Errors: E_STORAGE when the program cannot be started; E_BUSY when the system has no room for one more process.
Result<ChildEnd> run_child(const std::vector<std::string>& argv, std::chrono::milliseconds timeout,
                           std::size_t max_output, const std::vector<std::string>& environment = {});

}  // namespace tenon::client
