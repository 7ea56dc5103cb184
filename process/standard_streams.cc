#include <tenon/metadata/error.h>
#include <tenon/process/standard_streams.h>

#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <unistd.h>

namespace tenon {

void keep_standard_streams() {
  for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (::fcntl(stream, F_GETFD) >= 0) continue;
    // The lowest number that is free is this one.
    if (::open("/dev/null", O_RDWR) != stream) std::_Exit(static_cast<int>(ExitStatus::kDevice));
  }
}

void outlive_readers() {
  struct sigaction nothing {};
  nothing.sa_handler = [](int) {};  // not SIG_IGN, which programs that are started would keep
  nothing.sa_flags = SA_RESTART;
  ::sigaction(SIGPIPE, &nothing, nullptr);
}

}  // namespace tenon
