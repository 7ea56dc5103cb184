// Door: where tenond comes to the courier: a socket that systemd opened, one that the configuration names, or the
// channel of a process that started this one.
// Thread: one.
#pragma once

#include <tenon/client/config/device_config.h>
#include <tenon/client/errands/errand_socket.h>

#include <optional>
#include <string>

namespace tenon::client {

// Environment is what systemd says of the sockets it hands over, sd_listen_fds(3).
struct Environment {
  std::string listen_pid = {};
  std::string listen_fds = {};
};

class Door {
 public:
  // at_channel is the one at kCourierChannel.
  static Door at_channel();
  // open takes systemd's socket, or else makes the one of the configuration, for nobody but its owner. A socket that a
  // courier left behind makes way. Errors: E_USAGE when there is neither, or when others may write to the folder;
  // E_STORAGE
  static Result<Door> open(const DeviceConfig& config, const Environment& environment);

  // next waits for a connection. Nothing: who started this process has ended. Errors: E_NET
  Result<std::optional<ErrandSocket>> next();

 private:
  Door(ErrandSocket socket, bool is_channel) : socket_(std::move(socket)), is_channel_(is_channel) {}

  ErrandSocket socket_;
  bool is_channel_;
};

}  // namespace tenon::client
