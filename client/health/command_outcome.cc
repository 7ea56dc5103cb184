#include <tenon/client/health/child_process.h>
#include <tenon/client/health/command_outcome.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <utility>

#include <sys/wait.h>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxOutputBytes = 400;                 // what a report carries of it
constexpr std::size_t kMaxShownBytes = 4 * kMaxOutputBytes;  // one escaped byte is four characters

std::string how_it_ended(const ChildEnd& end, std::chrono::milliseconds timeout) {
  if (end.timed_out) return "did not end within " + std::to_string(timeout.count()) + " ms";
  if (WIFSIGNALED(end.wait_status)) {
    const int number = WTERMSIG(end.wait_status);
    return "was killed by signal " + std::to_string(number) + " (" + ::strsignal(number) + ")";
  }
  return "exit status " + std::to_string(WEXITSTATUS(end.wait_status));
}

bool passed(const ChildEnd& end) {
  return !end.timed_out && WIFEXITED(end.wait_status) && WEXITSTATUS(end.wait_status) == 0;
}

// On one line, and safe for a terminal: the output is of a program that just proved to be broken.
std::string shown_output(std::string output) {
  while (output.ends_with('\n')) output.pop_back();
  std::ranges::replace(output, '\n', ' ');
  return output.empty() ? "no output" : printable(output, kMaxShownBytes);
}

}  // namespace

std::optional<std::string> why_failed(const std::vector<std::string>& argv, std::chrono::milliseconds timeout,
                                      const std::vector<std::string>& environment) {
  auto end = run_child(argv, timeout, kMaxOutputBytes, environment);
  if (!end) return printable(end.error().message, kMaxShownBytes);
  if (passed(*end)) return std::nullopt;
  return how_it_ended(*end, timeout) + ": " + shown_output(std::move(end->output));
}

}  // namespace tenon::client
