#include <tenon/client/control/control_stream.h>
#include <tenon/metadata/utf8.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tenon::client {
namespace {

Error network_error(const std::string& what) {
  return Error{ErrorCode::kNet, what + ": " + std::strerror(errno)};
}

// The descriptors that came with a message: the first is kept, the others are closed.
int received_file(msghdr& message) {
  int file = -1;
  for (cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr; header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < count; ++i) {
      int one = -1;
      std::memcpy(&one, CMSG_DATA(header) + i * sizeof(int), sizeof one);
      if (file < 0) {
        file = one;
      } else {
        ::close(one);
      }
    }
  }
  return file;
}

}  // namespace

Result<std::unique_ptr<ControlStream>> ControlStream::connect(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return Error{ErrorCode::kUsage, printable(path) + " is too long for the path of a socket"};
  }
  path.copy(address.sun_path, path.size());
  std::unique_ptr<ControlStream> stream = take(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), kMaxReplyBytes);
  if (stream->descriptor_ < 0) return network_error("a socket cannot be made");
  if (::connect(stream->descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    TENON_TRY(const Caller listener, stream->caller());
    if (listener.uid == 0 || listener.uid == ::geteuid()) return stream;
    return Error{ErrorCode::kPolicy, "user " + std::to_string(listener.uid) + " listens at " + printable(path) +
                                         ", and not the device's daemon"}
        .with_hint("give the control socket a folder that nobody else may write to");
  }
  if (errno == ENOENT || errno == ECONNREFUSED) return std::unique_ptr<ControlStream>();
  return Error{ErrorCode::kStorage, printable(path) + " cannot be used: " + std::strerror(errno)};
}

std::unique_ptr<ControlStream> ControlStream::take(int descriptor, std::size_t max_message_bytes) {
  if (descriptor >= 0) {
    const timeval patience{.tv_sec = kPatience.count(), .tv_usec = 0};
    ::setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  }
  return std::unique_ptr<ControlStream>(new ControlStream(descriptor, max_message_bytes));
}

ControlStream::~ControlStream() {
  if (descriptor_ >= 0) ::close(descriptor_);
  if (file_ >= 0) ::close(file_);
}

Result<std::optional<std::string>> ControlStream::receive() {
  for (;;) {
    TENON_TRY(std::optional<std::string> message, incoming_.next());
    if (message) return message;
    std::array<char, 4096> piece{};
    alignas(cmsghdr) std::array<char, CMSG_SPACE(4 * sizeof(int))> control{};
    iovec place{.iov_base = piece.data(), .iov_len = piece.size()};
    msghdr header{};
    header.msg_iov = &place;
    header.msg_iovlen = 1;
    if (takes_files_) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
    }
    const ssize_t count = ::recvmsg(descriptor_, &header, MSG_CMSG_CLOEXEC);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return network_error("the connection broke");
    if (const int file = received_file(header); file >= 0) {
      if (file_ >= 0) ::close(file_);
      file_ = file;
    }
    if (count == 0) return std::optional<std::string>();
    incoming_.feed({piece.data(), static_cast<std::size_t>(count)});
  }
}

int ControlStream::taken_file() {
  return std::exchange(file_, -1);
}

Result<void> ControlStream::send(std::string_view message, int file) {
  const std::lock_guard lock(sending_);
  if (is_broken_) return Error{ErrorCode::kNet, "the connection broke"};
  return send_all(message, file);
}

Result<void> ControlStream::send_all(std::string_view message, int file) {
  is_broken_ = true;
  while (!message.empty()) {
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> control{};
    iovec place{.iov_base = const_cast<char*>(message.data()), .iov_len = message.size()};
    msghdr header{};
    header.msg_iov = &place;
    header.msg_iovlen = 1;
    if (file >= 0) {
      header.msg_control = control.data();
      header.msg_controllen = control.size();
      cmsghdr* first = CMSG_FIRSTHDR(&header);
      first->cmsg_level = SOL_SOCKET;
      first->cmsg_type = SCM_RIGHTS;
      first->cmsg_len = CMSG_LEN(sizeof file);
      std::memcpy(CMSG_DATA(first), &file, sizeof file);
    }
    const ssize_t count = ::sendmsg(descriptor_, &header, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return network_error("nobody takes the message");
    file = -1;
    message.remove_prefix(static_cast<std::size_t>(count));
  }
  is_broken_ = false;
  return {};
}

void ControlStream::offer(std::string_view message) {
  const std::lock_guard lock(sending_);
  if (is_broken_) return;
  const ssize_t count = ::send(descriptor_, message.data(), message.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  if (count <= 0 || static_cast<std::size_t>(count) == message.size()) return;
  // A message that has begun must end, or the next one is part of it; if that fails, is_broken_ says so.
  static_cast<void>(send_all(message.substr(static_cast<std::size_t>(count)), -1));
}

void ControlStream::wait_until_closed() const {
  pollfd state{.fd = descriptor_, .events = POLLRDHUP, .revents = 0};
  while (::poll(&state, 1, -1) < 0 && errno == EINTR) {
  }
}

void ControlStream::shut() {
  ::shutdown(descriptor_, SHUT_RDWR);
}

Result<Caller> ControlStream::caller() const {
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) {
    return Error{ErrorCode::kHw, std::string("the kernel does not say who calls: ") + std::strerror(errno)};
  }
  Caller caller{.uid = peer.uid, .groups = {peer.gid}};
  std::array<gid_t, 128> groups{};
  size = sizeof groups;
  if (::getsockopt(descriptor_, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0) {
    caller.groups.insert(caller.groups.end(), groups.begin(), groups.begin() + size / sizeof(gid_t));
  }
  return caller;
}

}  // namespace tenon::client
