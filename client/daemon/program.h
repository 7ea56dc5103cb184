// What tenond and tenon do alike: how an error is told, and how another program is started.
#pragma once

#include <tenon/metadata/error.h>
#include <tenon/metadata/result.h>

#include <string>
#include <vector>

namespace tenon::client {

// report_error writes what happened and what to do next to standard error, and gives the status to exit with.
int report_error(const Error& error);

// run_command starts a program without a shell and waits for it. Errors: E_HW when it cannot be started or fails.
Result<void> run_command(const std::vector<std::string>& command);

}  // namespace tenon::client
