#include <tenon/client/daemon/terminal_reporter.h>
#include <tenon/metadata/utf8.h>

#include <cstdio>

#include <unistd.h>

namespace tenon::client {
namespace {

constexpr double kMiB = 1024.0 * 1024.0;
constexpr std::size_t kMaxLineBytes = 1000;  // of ours; what others wrote in it was cut before
constexpr auto kRedraw = std::chrono::milliseconds(100);

}  // namespace

TerminalReporter::TerminalReporter(bool quiet) : quiet_(quiet), is_terminal_(isatty(STDERR_FILENO) == 1) {}

TerminalReporter::~TerminalReporter() {
  end_line();
}

void TerminalReporter::end_line() {
  if (line_is_open_) std::fputc('\n', stderr);
  line_is_open_ = false;
}

void TerminalReporter::note(std::string_view text) {
  if (quiet_) return;
  end_line();
  std::fprintf(stderr, "%s\n", printable(text, kMaxLineBytes).c_str());
}

void TerminalReporter::warn(std::string_view text) {
  end_line();
  std::fprintf(stderr, "warning: %s\n", printable(text, kMaxLineBytes).c_str());
}

void TerminalReporter::progress(std::string_view step, std::uint64_t done, std::uint64_t total) {
  if (quiet_ || total == 0) return;
  const auto now = SteadyClock::now();
  if (step != step_) {
    end_line();
    step_ = step;
    step_began_ = now;
    shown_ = {};
    first_done_ = done;
    tenth_ = done * 10 / total;
  }
  const bool is_last = done >= total;
  const bool due = is_terminal_ ? is_last || now - shown_ >= kRedraw : done * 10 / total > tenth_;
  if (!due) return;
  shown_ = now;
  tenth_ = done * 10 / total;

  const double seconds = std::chrono::duration<double>(now - step_began_).count();
  const double rate = seconds > 0 ? static_cast<double>(done - first_done_) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(total - done) / rate : 0;
  std::fprintf(stderr, "%s%-7s %3d %%  %.0f of %.0f MiB  %.0f MiB/s  %.0f s left%s", is_terminal_ ? "\r\033[K" : "",
               step_.c_str(), static_cast<int>(done * 100 / total), static_cast<double>(done) / kMiB,
               static_cast<double>(total) / kMiB, rate / kMiB, left, is_terminal_ ? "" : "\n");
  line_is_open_ = is_terminal_;
  if (is_last) end_line();
}

}  // namespace tenon::client
