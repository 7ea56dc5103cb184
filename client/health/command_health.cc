#include <tenon/client/health/command_health.h>
#include <tenon/client/health/command_outcome.h>

#include <utility>

namespace tenon::client {

CommandHealth::CommandHealth(std::vector<HealthCommand> commands) : commands_(std::move(commands)) {}

HealthReport CommandHealth::check() {
  if (commands_.empty()) return {true, "no health checks are configured"};
  for (const HealthCommand& command : commands_) {
    if (const auto why = why_failed(command.argv, command.timeout)) {
      return {false, "health check " + command.name + ": " + *why};
    }
  }
  return {true, {}};
}

}  // namespace tenon::client
