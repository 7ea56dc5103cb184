// History: what a device keeps of its own life, for people and for those who watch a fleet. It never fails for its caller and never
// decides.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::client {

enum class EventKind {
  kDecision,    // a release is offered and not installed now
  kArmed,       // written; the next boot tries it
  kDisarmed,    // taken back before it was tried
  kTrial,       // a boot of it
  kMigrated,    // it has an edition of the application's data
  kUnhealthy,   // that boot is not kept
  kConfirmed,   // it stays
  kRolledBack,  // it does not, and is not taken again
  kFailure,     // something went wrong; it is tried again
  kAsked,       // a person at the device decided when an update may happen
};
constexpr std::string_view to_string(EventKind kind) {
  switch (kind) {
    case EventKind::kDecision: return "decision";
    case EventKind::kArmed: return "armed";
    case EventKind::kDisarmed: return "disarmed";
    case EventKind::kTrial: return "trial";
    case EventKind::kMigrated: return "migrated";
    case EventKind::kUnhealthy: return "unhealthy";
    case EventKind::kConfirmed: return "confirmed";
    case EventKind::kRolledBack: return "rolled_back";
    case EventKind::kFailure: return "failure";
    case EventKind::kAsked: return "asked";
  }
  return "";
}

struct Event {
  EventKind kind;
  std::string version = {};  // of the release that it is about; empty: of none
  std::int64_t sequence = 0;
  std::string reason = {};  // stable for programs: "boot.health"
  std::string text = {};    // for people
};

class History {
 public:
  virtual ~History() = default;

  // record keeps the event durably, as well as it can be done. One that says what the last one said is the same one: a step
  // that is done again after a cut is told once, and so is a decision or a failure that comes again before anything else happens.
  virtual void record(const Event& event) = 0;
};

}  // namespace tenon::client
