#include <tenon/client/local_socket/listen_at.h>
#include <tenon/metadata/utf8.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

namespace tenon::client {
namespace {

Error errno_error(const std::string& path, const std::string& what) {
  return Error{ErrorCode::kStorage, printable(path) + " " + what + ": " + std::strerror(errno)};
}

// Where others may write, another process could put its socket in the place of ours.
Result<void> check_folder(const std::string& path) {
  const std::string folder = std::filesystem::path(path).parent_path();
  struct stat status = {};
  if (::stat(folder.c_str(), &status) != 0) return errno_error(folder, "cannot be examined");
  const bool is_ours = status.st_uid == 0 || status.st_uid == ::geteuid();
  if (is_ours && (status.st_mode & (S_IWGRP | S_IWOTH)) == 0) return {};
  return Error{ErrorCode::kUsage, "others may write to " + printable(folder) + ", where the socket shall be",
               "name a path in a folder of its own, such as systemd makes with RuntimeDirectory=tenon"};
}

Result<void> remove_left(const std::string& path) {
  struct stat status = {};
  if (::lstat(path.c_str(), &status) != 0) {
    return errno == ENOENT ? Result<void>() : errno_error(path, "cannot be examined");
  }
  if (!S_ISSOCK(status.st_mode)) {
    return Error{ErrorCode::kStorage, printable(path) + " is there and is no socket", "name another place for it"};
  }
  if (::unlink(path.c_str()) != 0) return errno_error(path, "cannot be removed");
  return {};
}

}  // namespace

Result<int> listen_at(const std::string& path, mode_t mode) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::kUsage, printable(path) + " is too long for a socket", "107 bytes at the most"};
  }
  path.copy(address.sun_path, path.size());
  TENON_TRY_VOID(check_folder(path));
  TENON_TRY_VOID(remove_left(path));
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (descriptor < 0) return errno_error(path, "cannot be made");
  const mode_t before = ::umask(~mode & (S_IRWXU | S_IRWXG | S_IRWXO));
  const bool is_bound = ::bind(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  ::umask(before);
  if (is_bound && ::listen(descriptor, SOMAXCONN) == 0) return descriptor;
  Error error = errno_error(path, "cannot be listened at");
  ::close(descriptor);
  return error;
}

}  // namespace tenon::client
