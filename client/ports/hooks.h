// Hooks: what the maker of a device has done beside an update, at moments that Tenon names. The device's own configuration names the
// commands; nothing that was downloaded does.
#pragma once

#include <tenon/client/ports/slots.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::client {

enum class HookMoment {
  kStaged,      // the release is in its slots; what fails now keeps it from being armed
  kConfirmed,   // it stays
  kRolledBack,  // it does not
};
constexpr std::string_view to_string(HookMoment moment) {
  switch (moment) {
    case HookMoment::kStaged: return "staged";
    case HookMoment::kConfirmed: return "confirmed";
    case HookMoment::kRolledBack: return "rolled_back";
  }
  return "";
}

// HookFacts are the same when a hook is run again after a cut.
struct HookFacts {
  std::string version = {};  // of the release that it is about; empty and 0: not known any more
  std::int64_t sequence = 0;
  SlotGroup group = SlotGroup::kA;  // where that release is, or was
  std::string reason = {};          // why it was rolled back
  bool operator==(const HookFacts&) const = default;
};

class Hooks {
 public:
  virtual ~Hooks() = default;

  // run returns whether there was anything to run. It takes as long as its commands may take and no longer.
  // Errors: E_POLICY for the first command that failed; those after it were not run.
  virtual Result<bool> run(HookMoment moment, const HookFacts& facts) = 0;
};

}  // namespace tenon::client
