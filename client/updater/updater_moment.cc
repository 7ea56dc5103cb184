// The part of the updater that knows the moment: the maintenance window, the link, and a person who wants to wait.
#include <tenon/client/updater/updater.h>

#include <algorithm>

namespace tenon::client {

// The system's clock, but never before what is known of the time.
metadata::UtcTime Updater::known_time(const std::optional<Floors>& floors) {
  const metadata::UtcTime now = current_time();
  return floors && floors->versions.issued ? std::max(now, *floors->versions.issued) : now;
}

Uptime Updater::uptime(const Boot& boot) {
  return {boot.boot_id, std::max(ports_.clock.since_boot(), std::chrono::seconds::zero())};
}

// What has passed of a deferral is made durable whenever somebody acts: else a clock that stands still, and a power cut
// each day, would make it last for ever.
Result<std::optional<metadata::UtcTime>> Updater::deferred_until(const Boot& boot, metadata::UtcTime now) {
  TENON_TRY(const Deferral stored, state_.deferral());
  if (stored.is_over(now)) return std::optional<metadata::UtcTime>();
  const Deferral deferral = stored.counted(uptime(boot));
  if (deferral != stored) TENON_TRY_VOID(state_.save(deferral));
  return deferral.is_over(now) ? std::nullopt : std::optional(deferral.ends_at(now));
}

std::optional<WindowStatus> Updater::window_at(metadata::UtcTime now) {
  if (!device_.window) return std::nullopt;
  if (!ports_.clock.is_synchronised()) return WindowStatus{*device_.window, false, std::nullopt};
  return WindowStatus{*device_.window, device_.window->is_open(now), device_.window->next_opening(now)};
}

// The release that lies whole in the other group, as its stamp and the journal say: armed already, or staged, also when it is
// being looked at once more.
Result<std::optional<Sha256>> Updater::written_release() {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(const BootRecord record, ports_.boot.read());
  TENON_TRY(const Journal journal, state_.journal());
  TENON_TRY(const Stamps stamps, state_.stamps());
  const SlotGroup target = other(boot.running);
  const auto stamp = stamps.find(target);
  const bool is_whole = stamp != stamps.end() && stamp->second.content == Stamp::Content::kValid &&
                        stamp->second.release_digest == journal.release_digest;
  const SlotState state = record.of(target).state;
  const bool is_staged = journal.state == UpdateState::kWriting || journal.state == UpdateState::kVerified ||
                         journal.state == UpdateState::kStaged;
  const bool rests =
      (is_staged && state == SlotState::kEmpty) || (journal.state == UpdateState::kArmed && state == SlotState::kTrial);
  return is_whole && rests && journal.target == target ? journal.release_digest : std::nullopt;
}

// Writing takes hours: the window may have closed meanwhile, or opened.
policies::Decision Updater::arming_decision(const Checked& checked) {
  policies::DeviceFacts facts = for_arming(checked.facts);
  if (facts.now) facts.now = std::max(current_time(), checked.rules.now);
  if (!ports_.clock.is_synchronised()) facts.now.reset();
  return policies::decide(checked.selection.channel, checked.selection.trip, facts);
}

void Updater::record_decision(const policies::Release& release, const policies::Decision& decision) {
  ports_.history.record({.kind = EventKind::kDecision,
                         .version = release.version.text(),
                         .sequence = release.sequence.value(),
                         .reason = reason_code(decision.reason),
                         .text = decision.text});
}

// Pre: the release is wanted.
void Updater::pass_over_wishes(Checked& checked) {
  Selection& selection = checked.selection;
  checked.facts = without_wishes(std::move(checked.facts));
  if (selection.decision.verdict == policies::Verdict::kInstall) return;
  ports_.history.record({.kind = EventKind::kAsked,
                         .version = selection.release.version.text(),
                         .sequence = selection.release.sequence.value(),
                         .reason = "user.now",
                         .text = "a person wants it now, although " + selection.decision.text});
  selection.decision = selection.wanted;
}

Result<std::optional<metadata::UtcTime>> Updater::defer(std::chrono::seconds length) {
  TENON_TRY(const Boot boot, ports_.boot.running());
  const Result<Floors> floors = this->floors();
  const metadata::UtcTime now = known_time(floors ? std::optional(*floors) : std::nullopt);
  std::optional<metadata::UtcTime> until;
  Deferral deferral = Deferral::ended();
  if (length != std::chrono::seconds::zero()) {
    TENON_TRY(deferral, Deferral::create(length, now, uptime(boot)));
    until = deferral.ends_at(now);
  }
  TENON_TRY_VOID(state_.save(deferral));
  const std::string text = until ? "updates wait until " + until->text() : "updates wait for nobody any more";
  ports_.history.record({.kind = EventKind::kAsked,
                         .reason = until ? "user.deferred" : "user.resumed",
                         .text = text + ", as a person asked"});
  return until;
}

Result<bool> Updater::may_reboot() {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(const BootRecord record, ports_.boot.read());
  if (record.of(boot.running).state != SlotState::kGood) return true;
  const Result<Floors> floors = this->floors();
  const metadata::UtcTime now = known_time(floors ? std::optional(*floors) : std::nullopt);
  TENON_TRY(const std::optional<metadata::UtcTime> deferred, deferred_until(boot, now));
  const std::optional<WindowStatus> window = window_at(now);
  return !deferred && (!window || window->is_open);
}

}  // namespace tenon::client
