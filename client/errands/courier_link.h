// CourierLink: the way to the courier. It is a socket at which one listens, or a process that was started for us, which
// gets each connection through a channel that nobody else can name.
// Thread: one calls connect(); is_lost() is for any. Caller must: start a courier before the process is confined, since a child has no more rights than its
// parent.
#pragma once

#include <tenon/client/errands/errand_socket.h>
#include <tenon/metadata/error.h>

#include <optional>
#include <string>

namespace tenon::client {

// What a courier that was started finds its channel at.
inline constexpr int kCourierChannel = 3;

class CourierLink {
 public:
  // nowhere is for who will ask nothing, and for when no courier could be started: connect() gives the error.
  static CourierLink nowhere(Error why);
  // to_socket leads to the courier that listens there.
  static CourierLink to_socket(std::string path);
  // start starts a program with the arguments "--config", config_path and "--channel". It ends when the link does, at
  // the latest when this process does. Errors end in connect().
  static CourierLink start(const std::string& program, const std::string& config_path);

  // connect Errors: E_NET
  Result<ErrandSocket> connect(Deadline deadline);

  // is_lost tells that the courier that was started has ended, so that only a new process of ours can start another.
  bool is_lost() const;

 private:
  CourierLink() = default;

  std::optional<Error> nowhere_ = {};
  std::string path_ = {};
  std::optional<ErrandSocket> channel_ = {};
};

// courier_beside_us is the program tenon-courier in the folder of the running program. Errors: E_NET
Result<std::string> courier_beside_us();

}  // namespace tenon::client
