#include <tenon/client/health/child_process.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace tenon::client {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::array<std::string_view, 4> kFolders = {"/usr/sbin", "/usr/bin", "/sbin", "/bin"};
constexpr const char* kEnvironmentPath = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
// How long a killed process may take to go. One that hangs inside the kernel stays, and is not waited for.
constexpr std::chrono::milliseconds kGoneAfterKill{2'000};

class Descriptor {
 public:
  explicit Descriptor(int number = -1) : number_(number) {}
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor& operator=(Descriptor&&) = delete;
  ~Descriptor() { close(); }

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }
  void close() {
    if (number_ >= 0) ::close(std::exchange(number_, -1));
  }

 private:
  int number_;
};

Error start_error(const std::string& program, int error) {
  Error result{ErrorCode::kStorage, program + " cannot be started: " + std::strerror(error),
               "check the command in the configuration"};
  if (error == EAGAIN || error == ENOMEM || error == EMFILE || error == ENFILE) {
    return Error{ErrorCode::kBusy, std::move(result.message), "the system has too many processes or files open"};
  }
  return result;
}

// SpawnSettings is what the child starts with: its own process group, no signal blocked or ignored, no input, and one
// pipe for all that it writes.
class SpawnSettings {
 public:
  explicit SpawnSettings(int output) {
    ::posix_spawnattr_init(&attributes_);
    ::posix_spawn_file_actions_init(&actions_);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::posix_spawnattr_setsigmask(&attributes_, &signals);
    ::sigfillset(&signals);
    ::posix_spawnattr_setsigdefault(&attributes_, &signals);
    ::posix_spawnattr_setpgroup(&attributes_, 0);
    ::posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO);
    ::posix_spawn_file_actions_adddup2(&actions_, output, STDERR_FILENO);
    ::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;
  ~SpawnSettings() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  const posix_spawnattr_t* attributes() const { return &attributes_; }
  const posix_spawn_file_actions_t* actions() const { return &actions_; }

 private:
  posix_spawnattr_t attributes_;
  posix_spawn_file_actions_t actions_;
};

std::vector<char*> pointers_to(const std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (const std::string& word : words) pointers.push_back(const_cast<char*>(word.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

Result<pid_t> spawn(const std::vector<std::string>& argv, const std::vector<std::string>& environment, int output) {
  const auto program = argv.empty() ? std::nullopt : find_program(argv.front());
  if (!program) return start_error(argv.empty() ? "a command without a program" : argv.front(), ENOENT);
  std::vector<std::string> variables = {kEnvironmentPath};
  variables.insert(variables.end(), environment.begin(), environment.end());

  const SpawnSettings settings(output);
  pid_t pid = 0;
  const int error = ::posix_spawn(&pid, program->c_str(), settings.actions(), settings.attributes(),
                                  pointers_to(argv).data(), pointers_to(variables).data());
  if (error != 0) return start_error(argv.front(), error);
  return pid;
}

// The header of glibc 2.36 that declares pidfd_open cannot be used from C++.
Descriptor watch(pid_t pid) {
  return Descriptor(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
}

// Tail keeps the end of a text of any length.
class Tail {
 public:
  explicit Tail(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  // read_from takes what is there and does not wait. False: nothing more will come.
  bool read_from(int pipe) {
    std::array<char, 4096> piece;
    const ssize_t count = ::read(pipe, piece.data(), piece.size());
    if (count < 0) return errno == EAGAIN || errno == EINTR;
    text_.append(piece.data(), static_cast<std::size_t>(count));
    if (text_.size() > max_bytes_) text_.erase(0, text_.size() - max_bytes_);
    return count > 0;
  }
  std::string take() { return std::move(text_); }

 private:
  std::size_t max_bytes_;
  std::string text_;
};

// Waits until one of the two has something or the deadline comes. A descriptor of -1 is left out.
void wait_for(std::array<pollfd, 2>& watched, Clock::time_point deadline) {
  const auto left = std::max(deadline - Clock::now(), Clock::duration::zero());
  const auto nanoseconds = std::chrono::duration_cast<std::chrono::nanoseconds>(left).count();
  const timespec patience = {static_cast<time_t>(nanoseconds / 1'000'000'000),
                             static_cast<long>(nanoseconds % 1'000'000'000)};
  for (pollfd& one : watched) one.revents = 0;
  static_cast<void>(::ppoll(watched.data(), watched.size(), &patience, nullptr));  // after EINTR the caller looks again
}

// True when the process has ended. Until it is reaped its number, and that of its group, belong to nobody else.
bool wait_for_end(int process, int pipe, Tail& tail, Clock::time_point deadline) {
  std::array<pollfd, 2> watched = {pollfd{process, POLLIN, 0}, pollfd{pipe, POLLIN, 0}};
  while (Clock::now() < deadline) {
    wait_for(watched, deadline);
    if (watched[1].revents != 0 && !tail.read_from(pipe)) watched[1].fd = -1;
    if (watched[0].revents != 0) return true;
  }
  return false;
}

// What the program wrote before it ended still is in the pipe. A pipe holds 64 KiB; more comes from somebody who still
// writes, and is not waited for.
void drain(int pipe, Tail& tail) {
  constexpr int kMostPieces = 16;
  pollfd one = {pipe, POLLIN, 0};
  for (int i = 0; i<kMostPieces&& ::poll(&one, 1, 0)> 0 && tail.read_from(pipe); ++i) {
  }
}

}  // namespace

// A name without '/' is looked for in fixed folders: whoever started us may have set any PATH.
std::optional<std::string> find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  for (const std::string_view folder : kFolders) {
    std::string path = std::string(folder) + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return std::nullopt;
}

Result<ChildEnd> run_child(const std::vector<std::string>& argv, std::chrono::milliseconds timeout,
                           std::size_t max_output, const std::vector<std::string>& environment) {
  const Clock::time_point deadline = Clock::now() + timeout;
  std::array<int, 2> ends = {};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return start_error("a pipe", errno);
  const Descriptor output(ends[0]);
  Descriptor input(ends[1]);
  // Only our end: the program shall find its stdout as any other is.
  if (::fcntl(output.get(), F_SETFL, O_NONBLOCK) != 0) return start_error("a pipe", errno);
  TENON_TRY(const pid_t pid, spawn(argv, environment, input.get()));
  input.close();

  Tail tail(max_output);
  ChildEnd end;
  const Descriptor process = watch(pid);
  const int watch_error = errno;
  end.timed_out = !process || !wait_for_end(process.get(), output.get(), tail, deadline);
  ::kill(-pid, SIGKILL);
  if (!process) {
    ::waitpid(pid, nullptr, 0);
    return start_error("the watch over " + argv.front(), watch_error);
  }
  if (end.timed_out) wait_for_end(process.get(), output.get(), tail, Clock::now() + kGoneAfterKill);
  const bool reaped = ::waitpid(pid, &end.wait_status, WNOHANG) == pid;
  if (!end.timed_out && !reaped) return start_error("the watch over " + argv.front(), ECHILD);
  drain(output.get(), tail);
  end.output = tail.take();
  return end;
}

}  // namespace tenon::client
