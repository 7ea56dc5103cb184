#include <tenon/hsm/frame_pipe.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>

#include <fcntl.h>
#include <poll.h>
#include <sys/timerfd.h>

namespace tenon::hsm {
namespace {

Error gone() {
  return Error{ErrorCode::kHw, "the process that runs the PKCS#11 module ended"};
}

Error failed(const char* what) {
  return Error{ErrorCode::kHw, std::string(what) + ": " + std::strerror(errno)};
}

// Writing to a pipe that nobody reads gives EPIPE, and not the signal that would end us.
class NoSigpipe {
 public:
  NoSigpipe() {
    sigemptyset(&sigpipe_);
    sigaddset(&sigpipe_, SIGPIPE);
    ::pthread_sigmask(SIG_BLOCK, &sigpipe_, &before_);
  }
  ~NoSigpipe() {
    const timespec at_once{};
    if (sigismember(&before_, SIGPIPE) == 0) {
      while (::sigtimedwait(&sigpipe_, nullptr, &at_once) > 0) continue;
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }
  NoSigpipe(const NoSigpipe&) = delete;
  NoSigpipe& operator=(const NoSigpipe&) = delete;

 private:
  sigset_t sigpipe_{};
  sigset_t before_{};
};

// A timer that becomes readable when the patience has run out; without one, nothing ever does.
class Deadline {
 public:
  static Result<Deadline> after(FramePipe::Patience patience) {
    FileDescriptor timer(::timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC));
    itimerspec when{};
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(patience);
    when.it_value.tv_sec = static_cast<time_t>(seconds.count());
    when.it_value.tv_nsec = static_cast<long>(std::chrono::nanoseconds(patience - seconds).count());
    if (patience <= FramePipe::Patience::zero()) when.it_value.tv_nsec = 1;
    if (!timer || ::timerfd_settime(timer.get(), 0, &when, nullptr) != 0) return failed("timerfd");
    return Deadline(std::move(timer));
  }

  // wait until fd is ready. Errors: E_BUSY if time ran out before.
  Result<void> wait(int fd, short events) const {
    std::array<pollfd, 2> watched = {pollfd{fd, events, 0}, pollfd{timer_.get(), POLLIN, 0}};
    for (;;) {
      const int ready = ::poll(watched.data(), watched.size(), -1);
      if (ready < 0 && errno == EINTR) continue;
      if (ready < 0) return failed("poll");
      if (watched[0].revents != 0) return {};
      if (watched[1].revents != 0) return Error{ErrorCode::kBusy, "no answer in time"};
    }
  }

 private:
  explicit Deadline(FileDescriptor timer) : timer_(std::move(timer)) {}
  FileDescriptor timer_;
};

Result<void> write_all(int fd, ByteView bytes, const Deadline* deadline) {
  const NoSigpipe no_sigpipe;
  while (!bytes.empty()) {
    if (deadline != nullptr) TENON_TRY_VOID(deadline->wait(fd, POLLOUT));
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (written < 0 && errno == EPIPE) return gone();
    if (written < 0) return failed("write");
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  return {};
}

// Gives false if the pipe ended before the first byte.
Result<bool> read_all(int fd, std::span<std::uint8_t> bytes, const Deadline* deadline) {
  for (std::size_t size = 0; size < bytes.size();) {
    if (deadline != nullptr) TENON_TRY_VOID(deadline->wait(fd, POLLIN));
    const ssize_t got = ::read(fd, &bytes[size], bytes.size() - size);
    if (got < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (got < 0) return failed("read");
    if (got == 0 && size == 0) return false;
    if (got == 0) return gone();
    size += static_cast<std::size_t>(got);
  }
  return true;
}

Result<std::optional<wire::FrameHeader>> read_head(int fd, const Deadline* deadline) {
  std::array<std::uint8_t, wire::FrameHeader::kBytes> bytes{};
  TENON_TRY(const bool there, read_all(fd, bytes, deadline));
  if (!there) return std::optional<wire::FrameHeader>();
  return std::optional(wire::FrameHeader::read(bytes));
}

Result<void> write_frame(int fd, std::uint8_t kind, ByteView body, const Deadline* deadline) {
  const wire::FrameHeader head{kind, static_cast<std::uint32_t>(body.size())};
  TENON_TRY_VOID(write_all(fd, head.bytes(), deadline));
  return write_all(fd, body, deadline);
}

}  // namespace

Result<FramePipe::Reply> FramePipe::exchange(std::uint8_t kind, ByteView body, Patience patience) {
  if (body.size() > wire::kMaxRequestBytes) {
    return Error{ErrorCode::kLimit, "more than " + std::to_string(wire::kMaxRequestBytes) + " bytes to sign"};
  }
  for (int fd : {in_.get(), out_.get()}) {
    if (::fcntl(fd, F_SETFL, O_NONBLOCK) != 0) return failed("fcntl");
  }
  TENON_TRY(const Deadline deadline, Deadline::after(patience));
  TENON_TRY_VOID(write_frame(out_.get(), kind, body, &deadline));
  TENON_TRY(const std::optional<wire::FrameHeader> head, read_head(in_.get(), &deadline));
  if (!head) return gone();
  if (head->size > wire::kMaxReplyBytes) {
    return Error{ErrorCode::kLimit, "the PKCS#11 module's process answers with " + std::to_string(head->size) +
                                        " bytes, at most " + std::to_string(wire::kMaxReplyBytes)};
  }
  Reply reply{head->kind, Bytes(head->size)};
  TENON_TRY(const bool there, read_all(in_.get(), reply.body, &deadline));
  if (!there) return gone();
  return reply;
}

Result<std::optional<wire::FrameHeader>> FramePipe::receive_head() {
  return read_head(in_.get(), nullptr);
}

Result<void> FramePipe::receive_body(std::span<std::uint8_t> body) {
  TENON_TRY(const bool there, read_all(in_.get(), body, nullptr));
  if (!there) return gone();
  return {};
}

Result<void> FramePipe::send(std::uint8_t kind, ByteView body) {
  return write_frame(out_.get(), kind, body, nullptr);
}

}  // namespace tenon::hsm
