// The part of the updater that begins with a boot: what happened, confirm, roll back.
#include <tenon/client/updater/updater.h>

#include <algorithm>

namespace tenon::client {
namespace {

bool is_past_arming(UpdateState state) {
  return state == UpdateState::kArming || state == UpdateState::kArmed || state == UpdateState::kTrial ||
         state == UpdateState::kCommitting;
}

std::string outcome_of(const Journal& journal, std::string_view what) {
  return (journal.version.empty() ? std::string("an update") : journal.version) + " " + std::string(what);
}

}  // namespace

// What the journal is about to forget is recorded first: after a cut between the two it is recorded again, as the same.
void Updater::record(EventKind kind, const Journal& journal, std::string_view code, std::string text) {
  ports_.history.record({.kind = kind,
                         .version = journal.version,
                         .sequence = journal.sequence,
                         .reason = std::string(code),
                         .text = std::move(text)});
}

// Before the journal forgets what they are told of: after a cut they are run again. What is decided is not undone by one that fails.
void Updater::run_hooks(HookMoment moment, const Journal& journal, SlotGroup group, std::string_view reason) {
  if (ports_.hooks == nullptr) return;
  const Result<bool> ran = ports_.hooks->run(
      moment,
      {.version = journal.version, .sequence = journal.sequence, .group = group, .reason = std::string(reason)});
  if (ran) return;
  ports_.reporter.warn(ran.error().message);
  record(EventKind::kFailure, journal, "inst.hook", ran.error().message);
}

// Truth order: the group that runs, the boot record, the journal. The journal explains; it never decides what boots.
Result<StartOutcome> Updater::start() {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(Journal journal, state_.journal());
  TENON_TRY(BootRecord record, read_or_restore(boot, journal));
  const SlotGroup running = boot.running;
  const SlotGroup resting = other(running);

  if (record.of(running).state == SlotState::kTrial) return start_on_trial(boot, journal);
  const bool is_last_resort = runs_as_last_resort(boot, record);
  if (record.of(running).state == SlotState::kBad && record.of(resting).state == SlotState::kGood && !is_last_resort) {
    return StartOutcome::kWaitsForReboot;
  }
  if (const Result<void> settled = require_settled(boot, record); !settled) return settled.error();
  if (journal.state == UpdateState::kLeaving) {
    if (journal.target == running && !is_last_resort) return finish_leaving(record, journal);
    return roll_back(journal.target, record, journal, "user.bad", journal.reason);
  }
  if (!is_past_arming(journal.state)) {
    // A trial without a journal: the data folder was lost while it was armed.
    if (record.of(resting).state == SlotState::kTrial && journal.state == UpdateState::kIdle) {
      return roll_back(resting, record, journal, "dev.journal", "the journal was lost while the trial was armed");
    }
    return StartOutcome::kSettled;
  }
  if (journal.target == running && is_last_resort) {
    return roll_back(running, record, journal, "boot.health", journal.reason);
  }
  if (journal.target == running) return finish_commit(journal);

  const GroupBoot& trial = record.of(resting);
  if (journal.state == UpdateState::kArming && record.generation < journal.generation) {
    TENON_TRY_VOID(set_state(journal, UpdateState::kStaged));
    return StartOutcome::kSettled;
  }
  // Taken back before it was tried, or the boot record was lost: the group still holds what was staged.
  if (trial.state == SlotState::kEmpty && journal.state != UpdateState::kTrial) {
    TENON_TRY_VOID(set_state(journal, UpdateState::kStaged));
    return StartOutcome::kSettled;
  }
  if (trial.state == SlotState::kTrial && journal.boot_id == boot.boot_id && journal.state != UpdateState::kTrial) {
    TENON_TRY_VOID(set_state(journal, UpdateState::kArmed));
    return StartOutcome::kWaitsForReboot;
  }
  if (!journal.reason.empty()) return roll_back(resting, record, journal, "boot.health", journal.reason);
  if (trial.tries_left == 0) {
    return roll_back(resting, record, journal, "boot.attempts",
                     "no boot of it was confirmed (power cut, crash or hang)");
  }
  return roll_back(resting, record, journal, "boot.no_boot", "the bootloader could not start it");
}

// What runs without a boot record, which a bootloader may have started although it had failed, or was never tried.
SlotState Updater::state_of_what_runs(const Boot& boot, const Journal& journal) {
  const RunningImage& image = device_.running_image;
  const bool is_target = journal.state >= UpdateState::kInvalidated && journal.target == boot.running;
  const bool has_failed = image.version && std::ranges::any_of(journal.quarantine, [&](const Quarantined& entry) {
                            return entry.version == image.version->text();
                          });
  if (has_failed || (is_target && !is_past_arming(journal.state))) return SlotState::kBad;
  const Result<Floors> floors = state_.floors({});
  const bool is_newer =
      floors && floors->sequence.confirmed && image.sequence && *floors->sequence.confirmed < *image.sequence;
  return is_target || is_newer ? SlotState::kTrial : SlotState::kGood;
}

// A bootloader without a record starts what it is told to start then. What runs is the one thing that is known: it is GOOD,
// unless journal or floors say that it was never confirmed; then it has this boot to be healthy, or none if it has failed before,
// and its fallback, which nobody has touched since, is GOOD. Else the other group holds nothing that anybody vouches for any
// more. A trial that was armed and not tried is armed again.
Result<BootRecord> Updater::read_or_restore(const Boot& boot, Journal& journal) {
  Result<BootRecord> record = ports_.boot.read();
  if (record) return record;
  const SlotState state = state_of_what_runs(boot, journal);
  const SlotGroup resting = other(boot.running);
  BootRecord restored{.generation = journal.generation + 1, .first = state == SlotState::kBad ? resting : boot.running};
  restored.of(boot.running) = {state, 0};
  restored.of(resting) = {state == SlotState::kGood ? SlotState::kEmpty : SlotState::kGood, 0};
  if (Result<void> done = ports_.boot.restore(restored); !done) return std::move(record).error();
  const std::string result = "the boot record was lost and is made anew: slot group " +
                             std::string(to_string(boot.running)) + " runs (" + record.error().message + ")";
  ports_.reporter.warn(result);
  this->record(EventKind::kFailure, journal, "boot.record", result);
  journal.last_result = result;
  TENON_TRY_VOID(state_.save(journal));
  return restored;
}

Result<StartOutcome> Updater::start_on_trial(const Boot& boot, Journal& journal) {
  if (!is_past_arming(journal.state) || journal.target != boot.running) {
    ports_.reporter.warn("this boot is a trial that the journal does not know");
    return StartOutcome::kTrial;
  }
  if (journal.state != UpdateState::kTrial || journal.boot_id != boot.boot_id) {
    journal.boot_id = boot.boot_id;
    record(EventKind::kTrial, journal, "", outcome_of(journal, "runs on trial"));
    TENON_TRY_VOID(set_state(journal, UpdateState::kTrial));
  }
  return StartOutcome::kTrial;
}

// The boot record already says GOOD: that was the commit. Floors and journal follow, also after a cut between them.
Result<StartOutcome> Updater::finish_commit(Journal& journal) {
  TENON_TRY(Floors floors, this->floors());
  TENON_TRY(const policies::Sequence sequence, policies::Sequence::create(journal.sequence));
  TENON_TRY(const policies::Sequence floor, policies::Sequence::create(journal.floor));
  floors.sequence.raise(sequence, floor);
  TENON_TRY_VOID(state_.save_floors(floors, {}));
  const std::string result = outcome_of(journal, "confirmed");
  ports_.reporter.note(result);
  record(EventKind::kConfirmed, journal, "", result);
  run_hooks(HookMoment::kConfirmed, journal, journal.target, "");
  journal.forget_update(result);
  TENON_TRY_VOID(state_.save(journal));
  return StartOutcome::kConfirmedLate;
}

Result<StartOutcome> Updater::roll_back(SlotGroup failed, BootRecord& record, Journal& journal, std::string_view code,
                                        std::string reason) {
  if (record.of(failed).state != SlotState::kBad || record.first == failed) {
    record.of(failed) = {SlotState::kBad, 0};
    record.first = other(failed);
    TENON_TRY_VOID(write_boot_record(record));
  }
  journal.add_to_quarantine(reason);
  const std::string result = outcome_of(journal, "rolled back: " + reason);
  ports_.reporter.warn(result);
  this->record(EventKind::kRolledBack, journal, code, result);
  run_hooks(HookMoment::kRolledBack, journal, failed, reason);
  journal.forget_update(result);
  TENON_TRY_VOID(state_.save(journal));
  return StartOutcome::kRolledBack;
}

// The release file inside the image must say what release.json said: it is what counts when all records are lost.
bool Updater::is_what_was_installed(const Journal& journal) const {
  const RunningImage& image = device_.running_image;
  return journal.state != UpdateState::kTrial || ((!image.version || image.version->text() == journal.version) &&
                                                  (!image.sequence || image.sequence->value() == journal.sequence));
}

HealthReport Updater::other_image(const Journal& journal) const {
  const RunningImage& image = device_.running_image;
  return {.healthy = false,
          .reason = "its release file says " + (image.version ? image.version->text() : std::string("no version")) +
                    ", sequence " + std::to_string(image.sequence ? image.sequence->value() : 0) + ", not " +
                    journal.version + ", sequence " + std::to_string(journal.sequence)};
}

Result<ConfirmOutcome> Updater::confirm() {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(BootRecord record, ports_.boot.read());
  if (record.of(boot.running).state != SlotState::kTrial) {
    return Error{ErrorCode::kPolicy, "slot group " + std::string(to_string(boot.running)) + " is not on trial"}
        .with_hint("there is nothing to confirm; see: tenon status");
  }
  TENON_TRY(Journal journal, state_.journal());
  TENON_TRY([[maybe_unused]] const StartOutcome started, start_on_trial(boot, journal));

  const HealthReport report = trial_health(boot, record, journal);
  if (!report.healthy) {
    journal.reason = report.reason;
    this->record(EventKind::kUnhealthy, journal, "boot.health", report.reason);
    TENON_TRY_VOID(state_.save(journal));
    if (record.of(boot.running).tries_left == 0) {
      record.of(boot.running) = {SlotState::kBad, 0};
      record.first = other(boot.running);
      TENON_TRY_VOID(write_boot_record(record));
    }
    return ConfirmOutcome{.confirmed = false, .reboot_wanted = true, .reason = report.reason};
  }
  if (!report.reason.empty()) ports_.reporter.warn(report.reason);
  if (journal.state == UpdateState::kTrial) TENON_TRY_VOID(set_state(journal, UpdateState::kCommitting));
  record.of(boot.running) = {SlotState::kGood, 0};
  record.first = boot.running;
  TENON_TRY_VOID(write_boot_record(record));
  if (journal.state == UpdateState::kCommitting) {
    TENON_TRY([[maybe_unused]] const StartOutcome finished, finish_commit(journal));
  } else {  // the journal was lost: the release file of the image is what there is to raise the floors by
    TENON_TRY(Floors raised, floors());
    TENON_TRY(const std::optional<Stamp> stamp, confirmed_stamp(boot.running, record));
    std::optional<policies::Sequence> sequence = device_.running_image.sequence;
    if (stamp) {
      TENON_TRY(sequence, policies::Sequence::create(stamp->sequence));
    }
    if (sequence) raised.sequence.raise(*sequence, policies::Sequence::first());
    TENON_TRY_VOID(state_.save_floors(raised, {}));
  }
  return ConfirmOutcome{.confirmed = true};
}

Result<void> Updater::rollback(std::string_view reason) {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(BootRecord record, ports_.boot.read());
  TENON_TRY(Journal journal, state_.journal());
  const SlotGroup resting = other(boot.running);
  if (record.of(boot.running).state == SlotState::kTrial) {
    journal.reason = reason;
    TENON_TRY_VOID(state_.save(journal));
    record.of(boot.running) = {SlotState::kBad, 0};
    record.first = resting;
    return write_boot_record(record);
  }
  if (record.of(resting).state == SlotState::kTrial) {
    TENON_TRY([[maybe_unused]] const StartOutcome ended,
              roll_back(resting, record, journal, "user.rollback", std::string(reason)));
    return {};
  }
  return Error{ErrorCode::kPolicy, "there is no trial to roll back"}.with_hint(
      "if the confirmed release is bad: tenon mark-bad, or publish one with a higher sequence");
}

}  // namespace tenon::client
