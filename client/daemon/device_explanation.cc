#include <tenon/client/daemon/device_explanation.h>
#include <tenon/policies/device_rules.h>

#include <algorithm>

namespace tenon::client {
namespace {

std::string group_name(SlotGroup group) {
  return "slot group " + std::string(to_string(group));
}

std::string state_text(const Status& status) {
  const SlotGroup running = status.boot.running;
  const SlotGroup resting = other(running);
  const Journal& journal = status.journal;
  const std::string version = journal.version.empty() ? "an update" : journal.version;
  switch (status.record.of(running).state) {
    case SlotState::kTrial:
      return group_name(running) + " runs on trial: it stays when its health checks pass, else " + group_name(resting) +
             " comes back";
    case SlotState::kBad:
      if (status.boot.is_last_resort) {
        return group_name(running) +
               " has failed and runs as the last resort, since nothing else could be started: the next " +
               "release goes to " + group_name(resting);
      }
      return group_name(running) + " runs and has failed: the next boot leaves it";
    case SlotState::kEmpty: return group_name(running) + " runs, but the boot record holds nothing of it";
    case SlotState::kGood: break;
  }
  if (status.record.of(resting).state == SlotState::kTrial) {
    return version + " is armed in " + group_name(resting) + ": the next boot tries it, " +
           std::to_string(status.record.of(resting).tries_left) + " times at most";
  }
  switch (journal.state) {
    case UpdateState::kIdle: return group_name(running) + " runs and is confirmed; nothing is under way";
    case UpdateState::kPlanned: return version + " was chosen; nothing of it is written yet";
    case UpdateState::kInvalidated:
    case UpdateState::kWriting: return version + " is being written to " + group_name(resting);
    case UpdateState::kVerified:
    case UpdateState::kStaged: return version + " is written to " + group_name(resting) + " and not armed yet";
    case UpdateState::kArming:
    case UpdateState::kArmed:
    case UpdateState::kTrial:
    case UpdateState::kCommitting:
    case UpdateState::kLeaving: return version + " is settled by the next start of the daemon";
  }
  return "";
}

// What it waits for beside that.
std::string wishes_text(const Status& status) {
  std::string text;
  if (status.deferred_until) text += "; a person wants updates to wait until " + status.deferred_until->text();
  const UpdateState state = status.journal.state;
  const bool waits = state == UpdateState::kStaged || state == UpdateState::kArmed;
  if (!waits || !status.window || status.window->is_open) return text;
  const std::optional<metadata::UtcTime> opens = status.window->opens;
  return text + "; the maintenance window " +
         (opens ? "opens " + opens->text() : "is closed while the clock is not to be trusted");
}

const StoredEvent* newest(const std::vector<StoredEvent>& events, std::initializer_list<EventKind> kinds) {
  const auto found = std::find_if(events.rbegin(), events.rend(), [&](const StoredEvent& event) {
    return std::ranges::any_of(kinds, [&](EventKind kind) { return event.kind == to_string(kind); });
  });
  return found == events.rend() ? nullptr : &*found;
}

// What a rule says of itself stands beside the decision that it took.
json::Value with_rule(const StoredEvent* event) {
  if (event == nullptr) return nullptr;
  json::Object object = event_json(*event);
  for (const auto& rule : policies::device_rules()) {
    if (event->reason != reason_code(rule.id)) continue;
    object.set("rule", std::string(rule.title));
    object.set("explanation", std::string(rule.explanation));
    object.set("advice", std::string(rule.advice));
  }
  return object;
}

}  // namespace

json::Object explanation_json(const Status& status, const std::vector<StoredEvent>& events) {
  const StoredEvent* went_on = newest(events, {EventKind::kArmed, EventKind::kConfirmed});
  const auto since_then = [&](const StoredEvent* event) {
    return event == nullptr || (went_on != nullptr && event->number < went_on->number) ? nullptr : event;
  };
  json::Object object;
  object.set("schema", 1);
  object.set("text", state_text(status) + wishes_text(status));
  object.set("decision", with_rule(since_then(newest(events, {EventKind::kDecision}))));
  object.set("failure", with_rule(since_then(newest(events, {EventKind::kFailure}))));
  object.set("result",
             with_rule(newest(events, {EventKind::kConfirmed, EventKind::kRolledBack, EventKind::kDisarmed})));
  return object;
}

}  // namespace tenon::client
