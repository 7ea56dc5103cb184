// CommandHooks: hooks that are commands, run as health checks are (command_outcome.h). What they are told stands in the environment:
//   TENON_HOOK        staged, confirmed or rolled_back
//   TENON_VERSION     of the release that it is about
//   TENON_SEQUENCE
//   TENON_SLOT_GROUP  A or B: where that release is, or was
//   TENON_REASON      why it was rolled back
// No value has a control character in it.
// Thread: one call at a time.
#pragma once

#include <tenon/client/ports/hooks.h>

#include <chrono>
#include <string>
#include <vector>

namespace tenon::client {

struct HookCommand {
  HookMoment when = HookMoment::kStaged;
  std::vector<std::string> argv = {};
  std::chrono::milliseconds timeout{60'000};
};

class CommandHooks final : public Hooks {
 public:
  explicit CommandHooks(std::vector<HookCommand> commands) : commands_(std::move(commands)) {}

  Result<bool> run(HookMoment moment, const HookFacts& facts) override;

 private:
  std::vector<HookCommand> commands_;
};

}  // namespace tenon::client
