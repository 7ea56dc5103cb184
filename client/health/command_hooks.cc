#include <tenon/client/health/command_hooks.h>
#include <tenon/client/health/command_outcome.h>
#include <tenon/metadata/utf8.h>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxFactBytes = 1000;

std::string fact(std::string_view name, std::string_view value) {
  return std::string(name) + "=" + printable(value, kMaxFactBytes);
}

}  // namespace

Result<bool> CommandHooks::run(HookMoment moment, const HookFacts& facts) {
  bool ran = false;
  for (const HookCommand& command : commands_) {
    if (command.when != moment) continue;
    ran = true;
    const auto why = why_failed(command.argv, command.timeout,
                                {fact("TENON_HOOK", to_string(moment)), fact("TENON_VERSION", facts.version),
                                 fact("TENON_SEQUENCE", std::to_string(facts.sequence)),
                                 fact("TENON_SLOT_GROUP", to_string(facts.group)), fact("TENON_REASON", facts.reason)});
    if (why) {
      return Error{ErrorCode::kPolicy,
                   "the hook \"" + std::string(to_string(moment)) + "\", " + command.argv.front() + ": " + *why,
                   "see to what the command says; it is run again"};
    }
  }
  return ran;
}

}  // namespace tenon::client
