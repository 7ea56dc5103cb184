#include <tenon/client/daemon/program.h>
#include <tenon/metadata/utf8.h>

#include <cstdio>
#include <cstring>

#include <spawn.h>
#include <sys/wait.h>

namespace tenon::client {

int report_error(const Error& error) {
  std::fprintf(stderr, "error: %s %s\n", std::string(to_string(error.code)).c_str(),
               printable(error.message, 2000).c_str());
  if (!error.hint.empty()) std::fprintf(stderr, "  hint: %s\n", printable(error.hint, 2000).c_str());
  return static_cast<int>(exit_status(error));
}

Result<void> run_command(const std::vector<std::string>& command) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  pid_t child = 0;
  if (const int failed = posix_spawnp(&child, arguments[0], nullptr, nullptr, arguments.data(), environ)) {
    return Error{ErrorCode::kHw, command.front() + " cannot be started: " + std::strerror(failed)};
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0) {
    if (errno != EINTR) return Error{ErrorCode::kHw, command.front() + " cannot be waited for"};
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error{ErrorCode::kHw, command.front() + " failed"};
}

}  // namespace tenon::client
