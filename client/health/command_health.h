// CommandHealth: the system is fit to stay when every configured command says so by exit status 0, in its time.
// A command is run without a shell, in a process group of its own, with no environment but PATH, with /dev/null for
// input. Its group is killed when its time is over, and also when it ends: nothing of a check goes on behind it.
// Thread: one call at a time.
#pragma once

#include <tenon/client/ports/health.h>

#include <chrono>
#include <string>
#include <vector>

namespace tenon::client {

struct HealthCommand {
  std::string name;               // for people: "network"
  std::vector<std::string> argv;  // the program first; without '/' it is looked for in the system's own folders
  std::chrono::milliseconds timeout{60'000};
};

class CommandHealth final : public Health {
 public:
  explicit CommandHealth(std::vector<HealthCommand> commands);

  // check runs the commands in their order and stops at the first that fails; the reason then holds its name, how it
  // ended and the last 400 bytes of what it wrote. Without any command the system is healthy: that it runs us is then
  // all that is asked, and the reason says so.
  HealthReport check() override;

 private:
  std::vector<HealthCommand> commands_;
};

}  // namespace tenon::client
