#include <tenon/client/updater/updater.h>

#include <algorithm>

namespace tenon::client {
namespace {

constexpr std::int64_t kClockTolerance = 3600;  // seconds: clocks differ, and nothing expires by the second

// The targets roles that this device follows: no others have floors, and no other files are stored.
std::vector<metadata::RoleName> roles_of(const Device& device) {
  return {metadata::RoleName::targets(), *metadata::RoleName::parse_delegated(policies::releases_role(device.product)),
          *metadata::RoleName::parse_delegated(policies::rollout_role(device.product))};
}

std::set<std::string> meta_keys_of(const Device& device) {
  std::set<std::string> keys;
  for (const metadata::RoleName& role : roles_of(device)) keys.insert(role.meta_key());
  return keys;
}

std::set<std::string> file_names_of(const Device& device) {
  std::set<std::string> names;
  for (const metadata::RoleName& role : roles_of(device)) names.insert(role.file_name());
  return names;
}

bool is_under_way(const Journal& journal, const Sha256& release_digest, SlotGroup target) {
  return journal.state >= UpdateState::kInvalidated && journal.release_digest == release_digest &&
         journal.target == target;
}

// Whether a channel takes back what is armed, or the release that it leads to. It says so before the way to that
// release is followed: a file that is missing there keeps no withdrawn release armed.
bool withdraws(const policies::Channel& channel, const Journal& journal) {
  if (channel.withdraws(channel.release)) return true;
  const Result<policies::Label> armed = policies::Label::parse(journal.version);
  return armed && channel.withdraws(*armed);
}

}  // namespace

Updater::Updater(Ports ports, Device device)
    : ports_(ports),
      device_(std::move(device)),
      state_(ports_.record_store, ports_.reporter),
      client_(ports_.sources, ports_.trust_store, ports_.clock, ports_.reporter, device_.attempts) {
  client_.store_only_roles(file_names_of(device_));
}

Result<Status> Updater::status() {
  TENON_TRY(Boot boot, ports_.boot.running());
  TENON_TRY(const BootRecord record, ports_.boot.read());
  TENON_TRY(Journal journal, state_.journal());
  TENON_TRY(Stamps stamps, state_.stamps());
  const Result<Floors> known_floors = this->floors();
  std::optional<Floors> floors = known_floors ? std::optional(*known_floors) : std::nullopt;
  TENON_TRY(const Deferral stored, state_.deferral());
  const Deferral deferral = stored.counted(uptime(boot));
  const metadata::UtcTime now = known_time(floors);
  return Status{std::move(boot),
                record,
                std::move(journal),
                std::move(stamps),
                std::move(floors),
                device_.running_image,
                deferral.is_over(now) ? std::nullopt : std::optional(deferral.ends_at(now)),
                window_at(now)};
}

// What is known of a confirmed group by the stamp it got when it was filled, or the first time that it was to be a fallback.
Result<std::optional<Stamp>> Updater::confirmed_stamp(SlotGroup group, const BootRecord& record) {
  TENON_TRY(const Stamps stamps, state_.stamps());
  const auto stamp = stamps.find(group);
  const bool known = stamp != stamps.end() && stamp->second.content == Stamp::Content::kValid &&
                     record.of(group).state == SlotState::kGood;
  return known ? std::optional(stamp->second) : std::nullopt;
}

// What runs, by its release file; what that does not say, by the stamp of the confirmed group.
Result<RunningImage> Updater::running_image(const Boot& boot, const BootRecord& record) {
  RunningImage running = device_.running_image;
  TENON_TRY(const std::optional<Stamp> stamp, confirmed_stamp(boot.running, record));
  if (!stamp) return running;
  if (!running.version) {
    TENON_TRY(running.version, policies::Label::parse(stamp->version));
  }
  if (!running.sequence) {
    TENON_TRY(running.sequence, policies::Sequence::create(stamp->sequence));
  }
  return running;
}

// An image on trial raises no floor: the device may yet go back to the one before it.
Result<Floors> Updater::floors() {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(const BootRecord record, ports_.boot.read());
  TENON_TRY(RunningImage running, running_image(boot, record));
  if (record.of(boot.running).state != SlotState::kGood) running.sequence.reset();
  return state_.floors(running);
}

Result<void> Updater::set_state(Journal& journal, UpdateState state) {
  journal.state = state;
  return state_.save(journal);
}

Result<void> Updater::write_boot_record(BootRecord& record) {
  ++record.generation;
  return ports_.boot.write(record);
}

// Who does not know what runs here still knows what was confirmed here: this device has crossed the bridges up to that,
// and the release behind them may be the only one that its floor accepts.
Result<policies::DeviceFacts> Updater::facts(const Floors& floors, const metadata::Rules& rules) {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(const BootRecord record, ports_.boot.read());
  TENON_TRY(const RunningImage running, running_image(boot, record));
  TENON_TRY(const std::optional<Stamp> stamp, confirmed_stamp(boot.running, record));
  TENON_TRY(const Journal journal, state_.journal());
  policies::DeviceFacts facts{.product = device_.product,
                              .hardware = device_.hardware,
                              .channel = device_.channel,
                              .running_version = running.version,
                              .running_sequence = running.sequence ? running.sequence : floors.sequence.confirmed,
                              .floor = floors.sequence,
                              .running_release = stamp ? stamp->release_digest : std::nullopt,
                              .window = device_.window,
                              .device_id = device_.device_id,
                              .group = device_.group};
  if (ports_.clock.is_synchronised()) facts.now = rules.now;
  if (ports_.link != nullptr) facts.is_metered = ports_.link->is_metered();
  TENON_TRY(facts.deferred_until, deferred_until(boot, rules.now));
  for (const Quarantined& entry : journal.quarantine) facts.quarantine.insert(entry.image);
  return facts;
}

Result<Updater::Refreshed> Updater::refresh() {
  TENON_TRY(Floors floors, this->floors());
  metadata::Rules rules{
      .now = current_time(), .limits = device_.limits, .require_snapshot_hashes = device_.require_snapshot_hashes};
  const metadata::VersionFloors earlier = floors.versions;
  Result<TrustedRepository> repository = client_.refresh(device_.embedded_root, floors.versions, rules);
  if (floors.versions.forgot(earlier)) floors.sequence.forget_serial();
  TENON_TRY_VOID(state_.save_floors(floors, meta_keys_of(device_)));
  if (floors.versions.issued) rules.now = std::max(rules.now, *floors.versions.issued);
  report_clock(rules.now);
  if (!repository) return repository.error();

  TENON_TRY(policies::DeviceFacts facts, this->facts(floors, rules));
  TENON_TRY(FoundChannel channel, find_channel(client_, *repository, facts, rules));
  return Refreshed{*std::move(repository), std::move(channel), rules, std::move(facts), std::move(floors)};
}

Result<Updater::Checked> Updater::select(Refreshed refreshed) {
  auto& [repository, channel, rules, facts, floors] = refreshed;
  TENON_TRY(const std::optional<Sha256> written, written_release());
  TENON_TRY(Selection selection, select_release(client_, repository, std::move(channel), facts, rules, written));
  floors.sequence.raise_serial(selection.channel);
  TENON_TRY_VOID(state_.save_floors(floors, meta_keys_of(device_)));
  const policies::Decision& decision = selection.decision;
  if (decision.verdict == policies::Verdict::kHold || decision.verdict == policies::Verdict::kRefuse) {
    record_decision(selection.release, decision);
  }
  return Checked{std::move(repository), std::move(selection), rules, std::move(facts)};
}

// The system's clock, but never before the running image was built.
metadata::UtcTime Updater::current_time() {
  return std::max(ports_.clock.now(), device_.running_image.build_time.value_or(metadata::UtcTime::epoch()));
}

void Updater::report_clock(metadata::UtcTime not_before) {
  const metadata::UtcTime now = ports_.clock.now();
  if (now.plus_seconds(kClockTolerance) >= not_before) return;
  ports_.reporter.warn("the clock says " + now.text() + ", but it is " + not_before.text() +
                       " or later: metadata that expired since then cannot be told; set the clock");
}

Result<Selection> Updater::check() {
  TENON_TRY(Refreshed refreshed, refresh());
  TENON_TRY(Checked checked, select(std::move(refreshed)));
  return std::move(checked.selection);
}

// The fallback of a trial is never touched.
Result<void> Updater::require_settled(const Boot& boot, const BootRecord& record) const {
  const GroupBoot& running = record.of(boot.running);
  if (running.state == SlotState::kGood || runs_as_last_resort(boot, record)) return {};
  if (running.state == SlotState::kTrial) {
    return Error{ErrorCode::kBusy, "slot group " + std::string(to_string(boot.running)) + " runs on trial"}.with_hint(
        "confirm it or roll it back first");
  }
  if (record.of(other(boot.running)).state == SlotState::kGood) {
    return Error{ErrorCode::kBusy, "slot group " + std::string(to_string(boot.running)) + " has failed"}.with_hint(
        "reboot: the other group is started");
  }
  return Error{ErrorCode::kHw, "the boot record says that the running slot group " +
                                   std::string(to_string(boot.running)) + " does not boot"}
      .with_hint("compare the boot environment with the kernel command line's tenon.slot");
}

Result<InstallOutcome> Updater::install(Wishes wishes) {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(BootRecord record, ports_.boot.read());
  TENON_TRY_VOID(require_settled(boot, record));
  TENON_TRY(Refreshed refreshed, refresh());
  TENON_TRY(Journal journal, state_.journal());
  const SlotGroup target = other(boot.running);
  if (record.of(target).state == SlotState::kTrial && withdraws(refreshed.channel.channel, journal)) {
    TENON_TRY_VOID(disarm(target, record, journal));
  }
  TENON_TRY(Checked checked, select(std::move(refreshed)));
  const Selection& selection = checked.selection;
  if (selection.wanted.verdict != policies::Verdict::kInstall) {
    if (record.of(target).state == SlotState::kTrial) TENON_TRY_VOID(disarm(target, record, journal));
    return InstallOutcome{selection.decision, false};
  }
  if (wishes == Wishes::kPassOver) pass_over_wishes(checked);
  const bool armed = is_under_way(journal, selection.release_digest, target) && journal.state == UpdateState::kArmed &&
                     record.of(target).state == SlotState::kTrial;
  const bool is_moment = selection.decision.verdict == policies::Verdict::kInstall;
  if (armed || !(is_moment || selection.may_write)) return InstallOutcome{selection.decision, armed && is_moment};
  TENON_TRY_VOID(write_release(checked, boot, record, journal));
  const policies::Decision arming = arming_decision(checked);
  if (arming.verdict != policies::Verdict::kInstall) {
    if (arming != selection.decision) record_decision(selection.release, arming);
    return InstallOutcome{arming, false};
  }
  TENON_TRY_VOID(arm(checked, boot, record, journal));
  return InstallOutcome{arming, true};
}

Result<void> Updater::write_release(const Checked& checked, const Boot& boot, BootRecord& record, Journal& journal) {
  const policies::Release& release = checked.selection.release;
  const SlotGroup target = other(boot.running);
  TENON_TRY_VOID(check_slots_are_filled(release, target));
  TENON_TRY_VOID(check_slots_fit(release, target, boot.running));
  const bool goes_on =
      is_under_way(journal, checked.selection.release_digest, target) && record.of(target).state == SlotState::kEmpty;
  if (!goes_on) TENON_TRY_VOID(invalidate(target, checked.selection, record, journal));

  TENON_TRY_VOID(set_state(journal, UpdateState::kWriting));
  TENON_TRY_VOID(write_images(checked, target, boot.running));
  TENON_TRY_VOID(run_staged_hooks(checked, target, boot.running));
  TENON_TRY_VOID(set_state(journal, UpdateState::kVerified));
  TENON_TRY_VOID(state_.save_stamp(target, {.content = Stamp::Content::kValid,
                                            .release_digest = checked.selection.release_digest,
                                            .version = release.version.text(),
                                            .sequence = release.sequence.value(),
                                            .images = journal.images}));
  ports_.reporter.note(release.version.text() + " is in slot group " + std::string(to_string(target)));
  return set_state(journal, UpdateState::kStaged);
}

// A group boots as one: a slot that a release leaves out would keep what an older one put there.
Result<void> Updater::check_slots_are_filled(const policies::Release& release, SlotGroup target) const {
  for (const std::string& slot_class : ports_.slots.classes(target)) {
    const auto fills = [&](const policies::Image& image) { return image.slot.text() == slot_class; };
    if (std::ranges::none_of(release.images, fills)) {
      return Error{ErrorCode::kPolicy, release.version.text() + " has no image for slot " + slot_class}.with_hint(
          "add the image to the release: an update fills all slots of a group");
    }
  }
  return {};
}

Result<void> Updater::check_slots_fit(const policies::Release& release, SlotGroup target, SlotGroup running) {
  for (const policies::Image& image : release.images) {
    TENON_TRY(const std::unique_ptr<Slot> slot, ports_.slots.open_for_writing(target, image.slot.text(), running));
    TENON_TRY_VOID(check_fits(image, *slot, target));
  }
  return {};
}

Result<void> Updater::check_fits(const policies::Image& image, const Slot& slot, SlotGroup group) const {
  if (slot.size() >= image.size) return {};
  return Error{ErrorCode::kPolicy, "slot " + image.slot.text() + " of group " + std::string(to_string(group)) +
                                       " has " + std::to_string(slot.size()) + " bytes, the image " +
                                       std::to_string(image.size)}
      .with_hint("build a smaller image, or enlarge the slot");
}

// What this device was made with is about to become a fallback: what its release file says of it is kept beside it.
Result<void> Updater::stamp_what_runs(SlotGroup running) {
  const RunningImage& image = device_.running_image;
  TENON_TRY(const Stamps stamps, state_.stamps());
  if (stamps.contains(running) || !image.version || !image.sequence) return {};
  return state_.save_stamp(
      running,
      {.content = Stamp::Content::kValid, .version = image.version->text(), .sequence = image.sequence->value()});
}

// From here on the target group is no fallback any more: the boot record says so before its first byte changes.
Result<void> Updater::invalidate(SlotGroup target, const Selection& selection, BootRecord& record, Journal& journal) {
  const policies::Release& release = selection.release;
  Journal planned;
  planned.state = UpdateState::kPlanned;
  planned.release_digest = selection.release_digest;
  planned.version = release.version.text();
  planned.sequence = release.sequence.value();
  planned.floor = release.floor.value();
  planned.target = target;
  for (const policies::Image& image : release.images) planned.images.push_back(image.sha256);
  planned.last_result = std::move(journal.last_result);
  planned.quarantine = std::move(journal.quarantine);
  journal = std::move(planned);
  TENON_TRY_VOID(state_.save(journal));

  if (record.of(target) != GroupBoot{SlotState::kEmpty, 0} || record.first == target) {
    record.of(target) = {SlotState::kEmpty, 0};
    record.first = other(target);
    TENON_TRY_VOID(write_boot_record(record));
  }
  // What an earlier update knew to be on the medium is about to be overwritten.
  TENON_TRY_VOID(state_.save(Checkpoint{selection.release_digest, "", 0}));
  TENON_TRY_VOID(stamp_what_runs(other(target)));
  TENON_TRY_VOID(state_.save_stamp(target, {.content = Stamp::Content::kPartial,
                                            .release_digest = selection.release_digest,
                                            .version = release.version.text(),
                                            .sequence = release.sequence.value()}));
  return set_state(journal, UpdateState::kInvalidated);
}

// The trial that is armed is not wanted any more: it was withdrawn, or the channel went on to what runs.
Result<void> Updater::disarm(SlotGroup target, BootRecord& record, Journal& journal) {
  record.of(target) = {SlotState::kEmpty, 0};
  record.first = other(target);
  TENON_TRY_VOID(write_boot_record(record));
  const std::string result = journal.version + " was taken back before it was tried";
  ports_.reporter.note(result);
  this->record(EventKind::kDisarmed, journal, "", result);
  journal.forget_update(result);
  return state_.save(journal);
}

// Expiry is judged again here, for the last time: once the record is written, the update may finish at any later time.
Result<void> Updater::arm(const Checked& checked, const Boot& boot, BootRecord& record, Journal& journal) {
  const metadata::UtcTime expires =
      std::min(checked.repository.timestamp->header.expires, checked.selection.valid_until);
  if (expires <= std::max(current_time(), checked.rules.now)) {
    return Error{ErrorCode::kExpired, "the metadata expired " + expires.text() + " while the image was written"}
        .with_hint("install again: what is written stays");
  }
  const SlotGroup target = other(boot.running);
  journal.generation = record.generation + 1;
  journal.boot_id = boot.boot_id;
  journal.reason.clear();
  TENON_TRY_VOID(set_state(journal, UpdateState::kArming));
  record.first = target;
  record.of(target) = {SlotState::kTrial, device_.tries};
  TENON_TRY_VOID(write_boot_record(record));
  const std::string result = "the next boot tries slot group " + std::string(to_string(target)) + ", " +
                             std::to_string(device_.tries) + " times at most";
  ports_.reporter.note(result);
  this->record(EventKind::kArmed, journal, "", result);
  return set_state(journal, UpdateState::kArmed);
}

}  // namespace tenon::client
