#include <tenon/client/courier/door.h>
#include <tenon/client/errands/courier_link.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr int kFirstOfSystemd = 3;  // SD_LISTEN_FDS_START
constexpr int kQueue = 16;

Error errno_error(const std::string& path, const std::string& what) {
  return Error{ErrorCode::kStorage, path + " " + what + ": " + std::strerror(errno)};
}

// Where others may write, another process could put its socket in the place of ours.
Result<void> check_folder(const std::string& path) {
  const std::string folder = path.substr(0, std::max<std::size_t>(path.rfind('/'), 1));
  struct stat status = {};
  if (::stat(folder.c_str(), &status) != 0) return errno_error(folder, "cannot be examined");
  const bool is_ours = status.st_uid == 0 || status.st_uid == ::geteuid();
  if (is_ours && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return Error{ErrorCode::kUsage, "others may write to " + folder + ", where the courier's socket shall be",
               "name a path in a folder of its own, such as /run/tenon/courier.sock"};
}

Result<ErrandSocket> listen_at(const std::string& path) {
  TENON_TRY_VOID(check_folder(path));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof(address.sun_path)) {
    return Error{ErrorCode::kUsage, path + " is too long for a socket", "107 bytes at the most"};
  }
  std::ranges::copy(path, std::begin(address.sun_path));
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno_error(path, "cannot be made");
  ErrandSocket socket(descriptor);
  struct stat status = {};
  if (::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode)) ::unlink(path.c_str());
  const mode_t before = ::umask(S_IXUSR | S_IRWXG | S_IRWXO);
  const bool is_bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  ::umask(before);
  if (!is_bound || ::listen(descriptor, kQueue) != 0) return errno_error(path, "cannot be made");
  return socket;
}

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
  TENON_TRY(ErrandSocket socket, listen_at(config.courier_socket));
  return Door(std::move(socket), false);
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
