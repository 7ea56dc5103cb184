#include <tenon/client/courier/door.h>
#include <tenon/client/errands/courier_link.h>
#include <tenon/client/local_socket/listen_at.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr int kFirstOfSystemd = 3;  // SD_LISTEN_FDS_START

Result<bool> has_socket_of_systemd(const Environment& environment) {
  if (environment.listen_pid != std::to_string(::getpid())) return false;
  int is_listening = 0;
  socklen_t size = sizeof(is_listening);
  const bool answered = ::getsockopt(kFirstOfSystemd, SOL_SOCKET, SO_ACCEPTCONN, &is_listening, &size) == 0;
  if (environment.listen_fds == "1" && answered && is_listening != 0) return true;
  return Error{ErrorCode::kUsage, "what systemd hands over is not one socket that listens",
               "integration/systemd/tenon-courier.socket shows how it should"};
}

}  // namespace

Door Door::at_channel() {
  ::fcntl(kCourierChannel, F_SETFD, FD_CLOEXEC);
  return Door(ErrandSocket(kCourierChannel), true);
}

Result<Door> Door::open(const DeviceConfig& config, const Environment& environment) {
  TENON_TRY(const bool is_systemd, has_socket_of_systemd(environment));
  if (is_systemd) return Door(ErrandSocket(kFirstOfSystemd), false);
  if (config.courier_socket.empty()) {
    return Error{ErrorCode::kUsage, "the configuration names no socket for a courier",
                 "write [courier] socket = \"/run/tenon/courier.sock\"; without one tenond starts its courier itself"};
  }
  constexpr mode_t kForItsOwner = S_IRUSR | S_IWUSR;
  TENON_TRY(const int socket, listen_at(config.courier_socket, kForItsOwner));
  return Door(ErrandSocket(socket), false);
}

Result<std::optional<ErrandSocket>> Door::next() {
  if (is_channel_) return socket_.take_passed();
  for (;;) {
    pollfd one{socket_.descriptor(), POLLIN, 0};  // systemd's socket does not wait by itself
    ::poll(&one, 1, -1);
    const int descriptor = ::accept4(socket_.descriptor(), nullptr, nullptr, SOCK_CLOEXEC);
    if (descriptor >= 0) return std::optional(ErrandSocket(descriptor));
    if (errno != EINTR && errno != EAGAIN && errno != ECONNABORTED) {
      return Error{ErrorCode::kNet, std::string("no connection can be taken: ") + std::strerror(errno)};
    }
  }
}

}  // namespace tenon::client
