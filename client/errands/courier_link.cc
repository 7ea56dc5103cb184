#include <tenon/client/errands/courier_link.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <unistd.h>

namespace tenon::client {
namespace {

Error start_error(const std::string& program, int error) {
  return Error{ErrorCode::kNet, program + " cannot be started: " + std::strerror(error),
               "install tenon-courier beside this program, or name a socket in [courier] of the configuration"};
}

// The courier gets its channel, what we write errors to, and nothing else that is open here.
int spawn(const std::string& program, const std::string& config_path, int channel) {
  std::array<std::string, 4> words = {program, "--config", config_path, "--channel"};
  std::array<char*, words.size() + 1> arguments{};
  for (std::size_t i = 0; i < words.size(); ++i) arguments[i] = words[i].data();
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_adddup2(&actions, channel, kCourierChannel);
  ::posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  ::posix_spawn_file_actions_addclosefrom_np(&actions, kCourierChannel + 1);
  pid_t child = 0;
  const int error = ::posix_spawn(&child, program.c_str(), &actions, nullptr, arguments.data(), environ);
  ::posix_spawn_file_actions_destroy(&actions);
  return error;
}

}  // namespace

CourierLink CourierLink::nowhere(Error why) {
  CourierLink link;
  link.nowhere_ = std::move(why);
  return link;
}

CourierLink CourierLink::to_socket(std::string path) {
  CourierLink link;
  link.path_ = std::move(path);
  return link;
}

CourierLink CourierLink::start(const std::string& program, const std::string& config_path) {
  Result<std::pair<ErrandSocket, ErrandSocket>> ends = ErrandSocket::pair();
  if (!ends) return nowhere(std::move(ends).error());
  if (const int error = spawn(program, config_path, ends->second.descriptor()); error != 0) {
    return nowhere(start_error(program, error));
  }
  CourierLink link;
  link.channel_ = std::move(ends->first);
  return link;
}

Result<ErrandSocket> CourierLink::connect(Deadline deadline) {
  if (nowhere_) return *nowhere_;
  if (!channel_) return ErrandSocket::connect_to(path_, deadline);
  TENON_TRY(auto ends, ErrandSocket::pair());
  TENON_TRY_VOID(channel_->pass(ends.second));
  return std::move(ends.first);
}

bool CourierLink::is_lost() const {
  if (!channel_) return false;
  pollfd one{channel_->descriptor(), 0, 0};
  return ::poll(&one, 1, 0) > 0 && (one.revents & POLLHUP) != 0;
}

Result<std::string> courier_beside_us() {
  std::string path(4096, '\0');  // PATH_MAX
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) return start_error("tenon-courier", errno);
  path.resize(static_cast<std::size_t>(length));
  return path.substr(0, path.rfind('/') + 1) + "tenon-courier";
}

}  // namespace tenon::client
