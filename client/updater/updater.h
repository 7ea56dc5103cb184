// Updater: the life of an update on a device, over ports. Each step is durable before the next begins, so that a cut at
// any instant leaves a system that boots and can update again; every function may be called again after one.
//
//   start()     after every boot, before everything else: what happened; the boot record is believed before the journal
//   settle_data()  then, before the device's own programs start: their data belong to the release that runs
//   check()     refresh, and what the signed metadata would have this device do
//   plan()      check, and what an install would fetch and write
//   install()   check, write the other group, arm the trial boot when this is a moment for it
//   confirm()   on a trial boot: health, then the group is GOOD and the floors rise
//   rollback()  ends a trial, or takes back one that is armed
//   mark_bad()  leaves a confirmed release for the one before it
//   defer()     nothing is armed for a while
//
// The order of the writes is docs/LIFE-OF-AN-UPDATE.md's.
// Thread: one; one process holds the store.
#pragma once

#include <tenon/client/ports/app_data.h>
#include <tenon/client/ports/boot_control.h>
#include <tenon/client/ports/clock.h>
#include <tenon/client/ports/health.h>
#include <tenon/client/ports/history.h>
#include <tenon/client/ports/hooks.h>
#include <tenon/client/ports/link.h>
#include <tenon/client/updater/device_state.h>
#include <tenon/client/updater/image_plan.h>
#include <tenon/client/updater/release_selection.h>

#include <optional>
#include <string>

namespace tenon::client {

class ImageInstaller;
class SegmentList;

struct Ports {
  std::vector<Fetcher*> sources;  // in the order in which they are tried; none: status() is all that is of use
  TrustStore& trust_store;
  RecordStore& record_store;
  Slots& slots;
  BootControl& boot;
  Clock& clock;
  Health& health;
  Reporter& reporter;
  History& history;
  Link* link = nullptr;         // to the sources; none: it is not metered
  AppData* app_data = nullptr;  // none: no image's data are kept apart
  Hooks* hooks = nullptr;       // none: the maker has nothing done
};

// Device is who this device is, and what it was made with.
struct Device {
  policies::Label product;
  policies::Label hardware;
  policies::Label channel;
  Bytes embedded_root;
  std::string device_id = {};  // draws its place in rollouts
  std::optional<policies::Label> group = {};
  std::optional<policies::MaintenanceWindow> window = {};  // when it may be armed and rebooted; none: at any time
  RunningImage running_image = {};
  std::uint32_t tries = 3;                   // boots that a trial gets
  std::uint32_t attempts = 1;                // how often the sources are asked in turn before a step gives up
  std::uint64_t payload_memory = 32u << 20;  // bytes that a delta or a local payload may take
  bool require_snapshot_hashes = true;
  metadata::Limits limits = {};
};

// WindowStatus is the maintenance window, seen from now.
struct WindowStatus {
  policies::MaintenanceWindow window;
  bool is_open;
  std::optional<metadata::UtcTime> opens;  // the next time, now if it is open; nothing without a clock to be trusted
};

// Status is what is known without asking anybody.
struct Status {
  Boot boot;
  BootRecord record;
  Journal journal;
  Stamps stamps;
  std::optional<Floors> floors;  // nothing when they cannot be read
  RunningImage running_image;
  std::optional<metadata::UtcTime> deferred_until = {};
  std::optional<WindowStatus> window = {};
};

// InstallOutcome is the decision, and whether a reboot is wanted: an update is armed, and this is a moment to boot it.
struct InstallOutcome {
  policies::Decision decision;
  bool reboot_wanted = false;
};

// InstallPlan is what install() would do now.
struct PlannedImage {
  policies::Label slot;
  std::uint64_t size = 0;     // bytes
  std::uint64_t missing = 0;  // bytes, from the first that the slot does not hold to the end
  ImagePlan plan = {};        // without payloads when nothing is missing
};
struct InstallPlan {
  Selection selection;
  SlotGroup target;
  std::vector<PlannedImage> images = {};  // none unless it may be written now
};

enum class StartOutcome {
  kSettled,         // a confirmed system, no trial
  kTrial,           // this boot is a trial: confirm() is due
  kWaitsForReboot,  // armed and not booted yet, or failed and not left yet
  kRolledBack,      // the trial ended; this is the release from before
  kConfirmedLate,   // a commit that was cut was completed
};

// DataOutcome: the programs may start, or a reboot is wanted first: a trial whose data cannot be had has ended.
struct DataOutcome {
  bool reboot_wanted = false;
  std::string reason = {};
};

struct ConfirmOutcome {
  bool confirmed = false;
  bool reboot_wanted = false;  // unhealthy: the next boot is another try, or the fallback
  std::string reason = {};
};

class Updater {
 public:
  // Caller must keep the ports alive.
  Updater(Ports ports, Device device);

  // status changes nothing. Errors: E_HW, E_STORAGE
  Result<Status> status();

  // start also makes the boot record anew when no copy of it is valid. Errors: E_HW, E_STORAGE
  Result<StartOutcome> start();

  // settle_data Pre: start(). Caller must: call it before the programs start that use the data.
  // Errors: those of AppData, for a release that is no trial; E_HW; E_STORAGE
  Result<DataOutcome> settle_data();

  // check raises the floors by what is seen, whatever the decision. Errors: the E_* of a refresh and of select_release.
  Result<Selection> check();

  // plan reads the slots, and writes nothing to them. Errors: those of check(); E_BUSY on a trial boot; E_POLICY for a release
  // without a payload that is of use here; E_HW; E_STORAGE.
  Result<InstallPlan> plan();

  // install Errors: those of check(); E_BUSY on a trial boot; E_POLICY for a slot that does not fit; E_MISMATCH;
  // E_STORAGE; E_HW; E_EXPIRED when the metadata ended before arming. Called again it goes on where it was.
  // What is written rests until there is a moment to arm it, and is judged anew then; what is armed is not taken back for the
  // moment's sake. A person who passes over wishes passes over nothing else.
  Result<InstallOutcome> install(Wishes wishes = Wishes::kHeed);

  // confirm Errors: E_POLICY when this boot is no trial; E_HW; E_STORAGE
  Result<ConfirmOutcome> confirm();

  // rollback Errors: E_POLICY when there is no trial; E_HW; E_STORAGE. On a trial boot the caller reboots.
  Result<void> rollback(std::string_view reason);

  // mark_bad is for a confirmed release that is bad after all: the next boot starts the other group, if that is GOOD, whole and
  // not below the signed floor; no floor falls, and the images of what runs are not taken again. On a trial boot it is
  // rollback(). The caller reboots. Errors: E_POLICY when there is nothing to go back to, or a trial is armed; E_BUSY when what
  // runs has failed already; E_HW; E_STORAGE
  Result<void> mark_bad(std::string_view reason);

  // defer arms nothing for so long, but what is urgent by the word of the channel; with zero it ends. Gives when it ends.
  // Errors: E_USAGE for a length that is negative or above Deferral::kLongest; E_HW; E_STORAGE
  Result<std::optional<metadata::UtcTime>> defer(std::chrono::seconds length);

  // may_reboot is for an update that is armed, when nobody can be asked: whether no wish is against it now. A trial that failed
  // is left at any time. Errors: E_HW; E_STORAGE
  Result<bool> may_reboot();

 private:
  struct Checked {
    TrustedRepository repository;
    Selection selection;
    metadata::Rules rules;
    policies::DeviceFacts facts;
  };
  // A repository that was refreshed, and what it says of this device's channel.
  struct Refreshed {
    TrustedRepository repository;
    FoundChannel channel;
    metadata::Rules rules;
    policies::DeviceFacts facts;
    Floors floors;
  };
  Result<Refreshed> refresh();
  Result<Checked> select(Refreshed refreshed);
  Result<policies::DeviceFacts> facts(const Floors& floors, const metadata::Rules& rules);
  Result<RunningImage> running_image(const Boot& boot, const BootRecord& record);
  Result<Floors> floors();
  Result<std::optional<Stamp>> confirmed_stamp(SlotGroup group, const BootRecord& record);
  metadata::UtcTime current_time();
  void report_clock(metadata::UtcTime not_before);
  Result<void> require_settled(const Boot& boot, const BootRecord& record) const;

  metadata::UtcTime known_time(const std::optional<Floors>& floors);
  Uptime uptime(const Boot& boot);
  std::optional<WindowStatus> window_at(metadata::UtcTime now);
  Result<std::optional<metadata::UtcTime>> deferred_until(const Boot& boot, metadata::UtcTime now);
  Result<std::optional<Sha256>> written_release();
  policies::Decision arming_decision(const Checked& checked);
  void record_decision(const policies::Release& release, const policies::Decision& decision);
  void pass_over_wishes(Checked& checked);

  Result<void> write_release(const Checked& checked, const Boot& boot, BootRecord& record, Journal& journal);
  Result<void> write_images(const Checked& checked, SlotGroup target, SlotGroup running);
  Result<void> run_staged_hooks(const Checked& checked, SlotGroup target, SlotGroup running);
  void run_hooks(HookMoment moment, const Journal& journal, SlotGroup group, std::string_view reason);
  Result<void> check_slots_are_filled(const policies::Release& release, SlotGroup target) const;
  Result<void> check_fits(const policies::Image& image, const Slot& slot, SlotGroup group) const;
  Result<void> check_slots_fit(const policies::Release& release, SlotGroup target, SlotGroup running);
  Result<void> stamp_what_runs(SlotGroup running);
  Result<void> invalidate(SlotGroup target, const Selection& selection, BootRecord& record, Journal& journal);
  Result<void> write_image(const Checked& checked, const policies::Image& image, SlotGroup target, SlotGroup running);
  Result<void> write_missing(const Checked& checked, policies::Image image, Slot* running, ImageInstaller& installer);
  Result<PlannedImage> plan_of(const Checked& checked, const policies::Image& image, SlotGroup running);
  Result<ImagePlan> plan_payloads(const Checked& checked, const policies::Image& image, Slot* running);
  Result<SegmentList> fetch_segments(const Checked& checked, const policies::Image& image);
  Result<void> disarm(SlotGroup target, BootRecord& record, Journal& journal);
  Result<void> arm(const Checked& checked, const Boot& boot, BootRecord& record, Journal& journal);

  SlotState state_of_what_runs(const Boot& boot, const Journal& journal);
  Result<BootRecord> read_or_restore(const Boot& boot, Journal& journal);
  Result<StartOutcome> start_on_trial(const Boot& boot, Journal& journal);
  Result<StartOutcome> finish_commit(Journal& journal);
  Result<StartOutcome> roll_back(SlotGroup failed, BootRecord& record, Journal& journal, std::string_view code,
                                 std::string reason);
  Result<void> check_fallback(SlotGroup fallback, const BootRecord& record);
  Result<Journal> leaving(const Boot& boot, const BootRecord& record);
  Result<void> leave(BootRecord& record, const Journal& journal);
  Result<StartOutcome> finish_leaving(BootRecord& record, Journal& journal);
  Result<AppDataOwner> data_owner(const Boot& boot, const BootRecord& record);
  Result<std::string> settle_data(const Boot& boot, const BootRecord& record, const Journal& journal);
  HealthReport trial_health(const Boot& boot, const BootRecord& record, const Journal& journal);
  bool is_what_was_installed(const Journal& journal) const;
  HealthReport other_image(const Journal& journal) const;
  void record(EventKind kind, const Journal& journal, std::string_view code, std::string text);
  Result<void> write_boot_record(BootRecord& record);
  Result<void> set_state(Journal& journal, UpdateState state);

  Ports ports_;
  Device device_;
  DeviceState state_;
  RepositoryClient client_;
};

}  // namespace tenon::client
