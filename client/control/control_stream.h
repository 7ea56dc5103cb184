// ControlStream: one end of a connection over a Unix socket. Messages go both ways; a file may be handed over with one.
// Thread: sending from any number; receiving one at a time.
#pragma once

#include <tenon/client/control/varlink.h>

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

namespace tenon::client {

// Caller is who the kernel says is at the other end.
struct Caller {
  uid_t uid = 0;
  std::vector<gid_t> groups = {};  // all of them
};

class ControlStream {
 public:
  // connect gives nothing when nobody listens there. Errors: E_STORAGE for a socket that may not be used, E_POLICY when
  // neither root nor this user listens.
  static Result<std::unique_ptr<ControlStream>> connect(const std::string& path);
  // take owns the descriptor of a connected socket. max_message_bytes: of what is received.
  static std::unique_ptr<ControlStream> take(int descriptor, std::size_t max_message_bytes);
  // refuse_files leaves to the kernel what the other end hands over.
  void refuse_files() { takes_files_ = false; }
  ControlStream(const ControlStream&) = delete;
  ControlStream& operator=(const ControlStream&) = delete;
  ~ControlStream();

  // receive waits for a message; nothing when the other end has closed. Errors: E_NET, E_LIMIT.
  Result<std::optional<std::string>> receive();
  // taken_file gives the file that came last with a message, once; -1: none. The caller owns it.
  int taken_file();

  // send waits until the other end takes the message, and no longer than kPatience. file: handed over with it; -1: none.
  // Errors: E_NET; then nothing else can be sent.
  Result<void> send(std::string_view message, int file = -1);
  // offer leaves the message out when the other end does not take it at once.
  void offer(std::string_view message);
  // wait_until_closed comes back when the other end has gone, or after shut(). What it sends meanwhile is not read.
  void wait_until_closed() const;
  // shut ends both directions: a receive() that waits comes back.
  void shut();

  // caller Errors: E_HW
  Result<Caller> caller() const;

  static constexpr std::chrono::seconds kPatience{5};

 private:
  ControlStream(int descriptor, std::size_t max_message_bytes)
      : descriptor_(descriptor), incoming_(max_message_bytes) {}
  Result<void> send_all(std::string_view message, int file);

  int descriptor_;  // owned
  MessageSplitter incoming_;
  bool takes_files_ = true;
  int file_ = -1;  // owned
  std::mutex sending_;
  bool is_broken_ = false;  // a message went out in part
};

}  // namespace tenon::client
