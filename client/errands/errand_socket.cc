#include <tenon/client/errands/errand_socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <limits>

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr std::string_view kWhyGone = "what it wrote last says why it ended";

Error errno_error(const std::string& what, std::string_view hint = "") {
  return Error{ErrorCode::kNet, what + ": " + std::strerror(errno), std::string(hint)};
}

// wait_for waits until the socket is ready for `events`. False when the deadline comes first.
bool wait_for(int descriptor, short events, Deadline deadline) {
  for (;;) {
    int patience = -1;
    if (deadline != kNoDeadline) {
      const auto left = std::chrono::ceil<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now());
      patience = static_cast<int>(
          std::clamp<std::chrono::milliseconds::rep>(left.count(), 0, std::numeric_limits<int>::max()));
    }
    pollfd one{descriptor, events, 0};
    const int ready = ::poll(&one, 1, patience);
    if (ready > 0) return true;
    if (ready == 0 && (deadline == kNoDeadline || std::chrono::steady_clock::now() >= deadline)) return false;
    if (ready < 0 && errno != EINTR) return false;
  }
}

// Control holds one descriptor beside the bytes of a message.
union Control {
  cmsghdr alignment;
  std::array<char, CMSG_SPACE(sizeof(int))> bytes;
};

}  // namespace

ErrandSocket::~ErrandSocket() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<ErrandSocket> ErrandSocket::connect_to(const std::string& path, Deadline deadline) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    return Error{ErrorCode::kNet, "\"" + path + "\" is no path of a socket"};
  }
  std::ranges::copy(path, std::begin(address.sun_path));
  const int descriptor = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (descriptor < 0) return errno_error("no socket for the courier");
  ErrandSocket socket(descriptor);
  // A courier with a full queue says EAGAIN, and is not waited for by poll: it is tried again a few times a second.
  while (::connect(descriptor, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    if (errno == EINTR) continue;
    if (errno == EAGAIN && std::chrono::steady_clock::now() < deadline) {
      ::poll(nullptr, 0, 250);
      continue;
    }
    return errno_error("the courier at " + path + " cannot be reached", "check that tenon-courier runs");
  }
  return socket;
}

Result<std::pair<ErrandSocket, ErrandSocket>> ErrandSocket::pair() {
  std::array<int, 2> ends{};
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
    return errno_error("no socket for the courier");
  }
  return std::pair(ErrandSocket(ends[0]), ErrandSocket(ends[1]));
}

Result<void> ErrandSocket::send(ByteView head, ByteView body, Deadline deadline) const {
  while (!head.empty() || !body.empty()) {
    std::array<iovec, 2> parts = {iovec{const_cast<std::uint8_t*>(head.data()), head.size()},
                                  iovec{const_cast<std::uint8_t*>(body.data()), body.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    const ssize_t count = ::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno != EAGAIN) return errno_error("the courier has gone", kWhyGone);
    if (count < 0) {
      if (!wait_for(descriptor_, POLLOUT, deadline)) return Error{ErrorCode::kNet, "the courier takes no errand"};
      continue;
    }
    const auto sent = static_cast<std::size_t>(count);
    const std::size_t of_head = std::min(sent, head.size());
    head = head.subspan(of_head);
    body = body.subspan(sent - of_head);
  }
  return {};
}

Result<std::size_t> ErrandSocket::receive(std::span<std::uint8_t> into, Deadline deadline) const {
  for (;;) {
    const ssize_t count = ::recv(descriptor_, into.data(), into.size(), MSG_DONTWAIT);
    if (count >= 0) return static_cast<std::size_t>(count);
    if (errno == EINTR) continue;
    if (errno == ECONNRESET) return std::size_t{0};
    if (errno != EAGAIN) return errno_error("the courier's connection broke");
    if (!wait_for(descriptor_, POLLIN, deadline)) return Error{ErrorCode::kNet, "the courier says nothing"};
  }
}

Result<void> ErrandSocket::pass(const ErrandSocket& connection) const {
  char byte = 'C';
  iovec part{&byte, 1};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  std::memcpy(CMSG_DATA(header), &connection.descriptor_, sizeof(int));
  while (::sendmsg(descriptor_, &message, MSG_NOSIGNAL | MSG_DONTWAIT) < 0) {
    if (errno != EINTR) return errno_error("the courier has gone", kWhyGone);
  }
  return {};
}

Result<std::optional<ErrandSocket>> ErrandSocket::take_passed() const {
  char byte = 0;
  iovec part{&byte, 1};
  Control control{};
  msghdr message{};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = control.bytes.size();
  ssize_t count = 0;
  while ((count = ::recvmsg(descriptor_, &message, MSG_CMSG_CLOEXEC)) < 0 && errno == EINTR) continue;
  if (count == 0 || (count < 0 && errno == ECONNRESET)) return std::optional<ErrandSocket>();
  if (count < 0) return errno_error("no connection came");
  const cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (header == nullptr || header->cmsg_type != SCM_RIGHTS || header->cmsg_len != CMSG_LEN(sizeof(int))) {
    return Error{ErrorCode::kNet, "what came is no connection"};
  }
  int descriptor = -1;
  std::memcpy(&descriptor, CMSG_DATA(header), sizeof(int));
  return std::optional(ErrandSocket(descriptor));
}

}  // namespace tenon::client
