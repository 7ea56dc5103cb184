// The part of the updater for a release that was confirmed and is bad after all.
#include <tenon/client/updater/updater.h>

namespace tenon::client {
namespace {

constexpr std::string_view kBad = "user.bad";

Error nothing_to_go_back_to(std::string message) {
  return Error{ErrorCode::kPolicy, std::move(message) + ": there is nothing to go back to"}.with_hint(
      "publish a release with a higher sequence: it is written to the other slot group, and replaces what runs");
}

}  // namespace

Result<void> Updater::mark_bad(std::string_view reason) {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(BootRecord record, ports_.boot.read());
  if (record.of(boot.running).state == SlotState::kTrial) return rollback(reason);
  TENON_TRY_VOID(require_settled(boot, record));
  if (runs_as_last_resort(boot, record)) {
    return nothing_to_go_back_to("slot group " + std::string(to_string(boot.running)) + " runs as the last resort");
  }
  TENON_TRY_VOID(check_fallback(other(boot.running), record));
  TENON_TRY(Journal journal, leaving(boot, record));
  journal.reason = reason;
  this->record(EventKind::kUnhealthy, journal, kBad, journal.reason);
  TENON_TRY_VOID(state_.save(journal));
  return leave(record, journal);
}

// A group that boots again is one that was confirmed, that nobody has touched since, and that no signed floor forbids. The
// release of one that this device was made with may be unknown: then it is the first.
Result<void> Updater::check_fallback(SlotGroup fallback, const BootRecord& record) {
  const std::string group = "slot group " + std::string(to_string(fallback));
  const SlotState state = record.of(fallback).state;
  if (state == SlotState::kTrial) {
    return Error{ErrorCode::kPolicy, group + " is armed, and what runs is the fallback of its trial"}.with_hint(
        "reboot to try it, or take it back first: tenon rollback");
  }
  if (state != SlotState::kGood) return nothing_to_go_back_to(group + " is " + std::string(to_string(state)));
  TENON_TRY(const Stamps stamps, state_.stamps());
  const auto stamp = stamps.find(fallback);
  if (stamp != stamps.end() && stamp->second.content != Stamp::Content::kValid) {
    return nothing_to_go_back_to(group + " was not written to its end");
  }
  TENON_TRY(const Floors floors, this->floors());
  const std::optional<policies::Sequence>& floor = floors.sequence.signed_floor;
  if (!floor) return nothing_to_go_back_to("the floor of the release that runs is not known");
  const std::int64_t sequence = stamp == stamps.end() ? 1 : stamp->second.sequence;
  if (sequence >= floor->value()) return {};
  const std::string version = stamp == stamps.end() ? "its release" : stamp->second.version;
  return nothing_to_go_back_to(version + " in " + group + " has sequence " + std::to_string(sequence) +
                               ", below the signed floor " + std::to_string(floor->value()));
}

// What runs, as the update that it once was. Without its stamp nothing is known of its images.
Result<Journal> Updater::leaving(const Boot& boot, const BootRecord& record) {
  TENON_TRY(Journal journal, state_.journal());
  TENON_TRY(const RunningImage running, running_image(boot, record));
  TENON_TRY(const std::optional<Stamp> stamp, confirmed_stamp(boot.running, record));
  journal.forget_update(std::move(journal.last_result));
  journal.state = UpdateState::kLeaving;
  journal.target = boot.running;
  journal.generation = record.generation + 1;
  journal.boot_id = boot.boot_id;
  if (running.version) journal.version = running.version->text();
  if (running.sequence) journal.sequence = running.sequence->value();
  if (stamp && stamp->version == journal.version) {
    journal.release_digest = stamp->release_digest;
    journal.images = stamp->images;
  }
  if (journal.images.empty()) {
    ports_.reporter.warn("which images run is not known, so they are not kept away: withdraw " +
                         (journal.version.empty() ? "the release" : journal.version) + " from its channel");
  }
  return journal;
}

// One write: this is where the device leaves what runs. The next start() of the other group does the rest.
Result<void> Updater::leave(BootRecord& record, const Journal& journal) {
  record.of(journal.target) = {SlotState::kBad, 0};
  record.first = other(journal.target);
  TENON_TRY_VOID(write_boot_record(record));
  ports_.reporter.note("the next boot starts slot group " + std::string(to_string(record.first)));
  return {};
}

// After a cut or a failure before that write. What the journal says is done.
Result<StartOutcome> Updater::finish_leaving(BootRecord& record, Journal& journal) {
  if (record.of(other(journal.target)).state == SlotState::kGood) {
    TENON_TRY_VOID(leave(record, journal));
    return StartOutcome::kWaitsForReboot;
  }
  journal.forget_update("what runs stays, bad as it is: there is nothing to go back to any more");
  TENON_TRY_VOID(state_.save(journal));
  return StartOutcome::kSettled;
}

}  // namespace tenon::client
