#include <tenon/hsm/terminal.h>

#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <unistd.h>

namespace tenon::hsm {
namespace {

constexpr std::size_t kMaxLineBytes = 4096;  // what Linux keeps of one line in canonical mode

// Holds back the signals that would end or stop us while the echo is off. They are not consumed: when the mask is put
// back, after the terminal, they do what they would have done.
class HeldSignals {
 public:
  HeldSignals() {
    sigset_t held;
    sigemptyset(&held);
    for (int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGTSTP, SIGALRM}) sigaddset(&held, signal);
    pthread_sigmask(SIG_BLOCK, &held, &before_);
    arrived_ = FileDescriptor(::signalfd(-1, &held, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  ~HeldSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  HeldSignals(const HeldSignals&) = delete;
  HeldSignals& operator=(const HeldSignals&) = delete;

  // Readable as soon as one of them is pending.
  int arrived() const { return arrived_.get(); }

 private:
  sigset_t before_{};
  FileDescriptor arrived_{-1};
};

class EchoSetting {
 public:
  EchoSetting(int fd, bool echo) : fd_(fd) {
    if (::tcgetattr(fd, &before_) != 0) return;
    termios wanted = before_;
    if (!echo) wanted.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHOE | ECHOK | ECHONL);
    wanted.c_lflag |= static_cast<tcflag_t>(ICANON | ISIG);
    set_ = ::tcsetattr(fd, TCSAFLUSH, &wanted) == 0;
  }
  ~EchoSetting() {
    if (set_) ::tcsetattr(fd_, TCSANOW, &before_);
  }
  EchoSetting(const EchoSetting&) = delete;
  EchoSetting& operator=(const EchoSetting&) = delete;
  bool set() const { return set_; }

 private:
  int fd_;
  bool set_ = false;
  termios before_{};
};

// True when a line can be read, false when a signal came first.
bool wait_for_line(int fd, int signals) {
  pollfd ready[] = {{fd, POLLIN, 0}, {signals, POLLIN, 0}};
  while (::poll(ready, 2, -1) < 0) {
    if (errno != EINTR) return false;
  }
  return ready[1].revents == 0;
}

}  // namespace

Result<Terminal> Terminal::open() {
  FileDescriptor fd(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!fd) return Error{ErrorCode::kAuth, "there is no terminal to ask on"};
  return Terminal(std::move(fd));
}

Result<void> Terminal::show(std::string_view text) {
  while (!text.empty()) {
    const ssize_t put = ::write(fd_.get(), text.data(), text.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return Error{ErrorCode::kStorage, "cannot write to the terminal"};
    text.remove_prefix(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> Terminal::show_secret(const SecretBytes& secret) {
  return show(secret.text(RevealSecret()));
}

Result<std::string> Terminal::ask(std::string_view question) {
  TENON_TRY(const SecretBytes line, read_line(question, true));
  return std::string(line.text(RevealSecret()));
}

Result<SecretBytes> Terminal::ask_secret(std::string_view question) {
  return read_line(question, false);
}

Result<SecretBytes> Terminal::read_line(std::string_view question, bool echo) {
  const HeldSignals signals;
  const EchoSetting setting(fd_.get(), echo);
  if (!setting.set()) return Error{ErrorCode::kAuth, "cannot set up the terminal"};
  TENON_TRY_VOID(show(question));
  SecretBytes line(kMaxLineBytes);
  ssize_t got = 0;
  if (wait_for_line(fd_.get(), signals.arrived())) {
    got = ::read(fd_.get(), line.writable(RevealSecret()).data(), line.size());
  }
  if (got <= 0 || !echo) TENON_TRY_VOID(show("\n"));
  if (got <= 0) return Error{ErrorCode::kAuth, "no answer was given"};
  line.shrink(static_cast<std::size_t>(got));
  if (line.text(RevealSecret()).ends_with('\n')) line.shrink(line.size() - 1);
  return line;
}

}  // namespace tenon::hsm
