// TerminalReporter: tells a person on a terminal, or a log, what the updater does. On a terminal a long step is one
// line that moves, with rate and time left; elsewhere one line for every tenth. Everything goes to standard error.
// Thread: one.
#pragma once

#include <tenon/client/ports/reporter.h>

#include <chrono>
#include <string>

namespace tenon::client {

class TerminalReporter final : public Reporter {
 public:
  // quiet leaves out everything but warnings.
  explicit TerminalReporter(bool quiet);
  ~TerminalReporter() override;

  void note(std::string_view text) override;
  void warn(std::string_view text) override;
  void progress(std::string_view step, std::uint64_t done, std::uint64_t total) override;

 private:
  using SteadyClock = std::chrono::steady_clock;
  void end_line();

  bool quiet_;
  bool is_terminal_;
  bool line_is_open_ = false;
  std::string step_;
  SteadyClock::time_point step_began_;
  SteadyClock::time_point shown_;
  std::uint64_t first_done_ = 0;
  std::uint64_t tenth_ = 0;
};

}  // namespace tenon::client
