// What fills the slots: from which payloads, one after the other, and what that will take.
#include <tenon/client/payload/segment_list.h>
#include <tenon/client/updater/delta_payload_source.h>
#include <tenon/client/updater/full_payload_source.h>
#include <tenon/client/updater/image_installer.h>
#include <tenon/client/updater/local_payload_source.h>
#include <tenon/client/updater/updater.h>
#include <tenon/client/writing/slot_scan.h>

namespace tenon::client {
namespace {

// Whether there is sense in another payload after this error: not when the slot or the device is at fault.
bool may_be_the_payloads(ErrorCode code) {
  switch (code) {
    case ErrorCode::kParse:
    case ErrorCode::kLimit:
    case ErrorCode::kMismatch:
    case ErrorCode::kNet: return true;
    default: return false;
  }
}

// A slot that cannot be read any more is as good as one that holds something else.
ReadBase base_of(Slot& slot) {
  return [&slot](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    const Result<void> read = slot.read_at(offset, into);
    if (read) return {};
    return Error{ErrorCode::kMismatch, "the slot that runs: " + read.error().message};
  };
}

Result<void> read_payload(const PlannedPayload& planned, const PartReader& parts, const policies::Image& image,
                          Slot* running, std::uint64_t first, const SegmentHandler& take) {
  if (planned.payload.delta) {
    return read_delta_payload(parts, image, *planned.payload.delta, base_of(*running), first, take);
  }
  if (planned.content) return read_local_payload(parts, image, *planned.content, base_of(*running), first, take);
  return read_full_payload(parts, parts.length(), image, first, take);
}

// The files of the release that was chosen.
class CheckedFiles final : public ReleaseFiles {
 public:
  CheckedFiles(RepositoryClient& client, const TrustedRepository& repository, const policies::Release& release,
               const metadata::Rules& rules)
      : client_(&client), repository_(&repository), release_(&release), rules_(&rules) {}

  Result<metadata::VerifiedTarget> find(const policies::Label& file) override {
    const metadata::TargetPath path = policies::release_file_path(release_->product, release_->version, file.text());
    return client_->find(*repository_, path.text(), *rules_);
  }
  Result<Bytes> fetch(const metadata::VerifiedTarget& target, std::uint64_t max_length) override {
    return client_->fetch(*repository_, target, max_length, RepositoryClient::Missing::kIsWrong);
  }

 private:
  RepositoryClient* client_;
  const TrustedRepository* repository_;
  const policies::Release* release_;
  const metadata::Rules* rules_;
};

}  // namespace

Result<SegmentList> Updater::fetch_segments(const Checked& checked, const policies::Image& image) {
  CheckedFiles files(client_, checked.repository, checked.selection.release, checked.rules);
  TENON_TRY(const metadata::VerifiedTarget list, files.find(image.segments_file));
  TENON_TRY(const Bytes file, client_.fetch(checked.repository, list, image.segments_length));
  return SegmentList::read(file, image);
}

Result<ImagePlan> Updater::plan_payloads(const Checked& checked, const policies::Image& image, Slot* running) {
  CheckedFiles files(client_, checked.repository, checked.selection.release, checked.rules);
  return plan_image(image, running, device_.payload_memory, files, ports_.reporter);
}

Result<void> Updater::write_image(const Checked& checked, const policies::Image& image, SlotGroup target,
                                  SlotGroup running) {
  TENON_TRY(const SegmentList segments, fetch_segments(checked, image));
  TENON_TRY(const std::unique_ptr<Slot> slot, ports_.slots.open_for_writing(target, image.slot.text(), running));

  ImageInstaller installer(image, segments, *slot, ports_.clock, ports_.reporter, [&](std::uint64_t count) {
    return state_.save(Checkpoint{checked.selection.release_digest, image.slot.text(), count});
  });
  TENON_TRY(const std::uint64_t known, state_.checkpoint(checked.selection.release_digest, image.slot.text()));
  TENON_TRY_VOID(installer.resume(known));
  if (!installer.is_complete()) {
    const auto running_slot = ports_.slots.open_for_reading(running, image.slot.text());
    TENON_TRY_VOID(write_missing(checked, image, running_slot ? running_slot->get() : nullptr, installer));
  }
  return installer.read_back();
}

Result<void> Updater::write_images(const Checked& checked, SlotGroup target, SlotGroup running) {
  for (const policies::Image& image : checked.selection.release.images) {
    TENON_TRY_VOID(write_image(checked, image, target, running).with_context("slot " + image.slot.text()));
  }
  return {};
}

// A hook has root's rights over the slots. So what is armed is what was read back after the last of them.
Result<void> Updater::run_staged_hooks(const Checked& checked, SlotGroup target, SlotGroup running) {
  if (ports_.hooks == nullptr) return {};
  const policies::Release& release = checked.selection.release;
  TENON_TRY(const bool ran, ports_.hooks->run(HookMoment::kStaged, {.version = release.version.text(),
                                                                    .sequence = release.sequence.value(),
                                                                    .group = target}));
  if (!ran) return {};
  return write_images(checked, target, running).with_context("after the hook \"staged\"");
}

// What one payload brought stays, whatever becomes of it: the next one begins with the segment that is missing then.
Result<void> Updater::write_missing(const Checked& checked, policies::Image image, Slot* running,
                                    ImageInstaller& installer) {
  TENON_TRY(ImagePlan plan, plan_payloads(checked, image, running));
  for (;;) {
    const PlannedPayload best = std::move(plan.payloads.front());
    const std::string name = best.payload.file.text();
    ports_.reporter.note("taking " + name + ", " + std::to_string(best.fetch_bytes) + " bytes");
    const Result<void> written = client_.read_parts(checked.repository, best.target, [&](const PartReader& parts) {
      return installer.write([&](std::uint64_t first, const SegmentHandler& take) {
        return read_payload(best, parts, image, running, first, take);
      });
    });
    if (written || !may_be_the_payloads(written.error().code)) return written;
    std::erase(image.payloads, best.payload);
    plan = {};
    Result<ImagePlan> next = plan_payloads(checked, image, running);
    if (!next) return written;
    plan = *std::move(next);
    ports_.reporter.warn(name + ": " + written.error().message + "; going on with another payload");
  }
}

Result<InstallPlan> Updater::plan() {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(const BootRecord record, ports_.boot.read());
  TENON_TRY_VOID(require_settled(boot, record));
  TENON_TRY(Refreshed refreshed, refresh());
  TENON_TRY(Checked checked, select(std::move(refreshed)));
  InstallPlan plan{.selection = checked.selection, .target = other(boot.running)};
  if (plan.selection.decision.verdict != policies::Verdict::kInstall && !plan.selection.may_write) return plan;
  TENON_TRY_VOID(check_slots_are_filled(checked.selection.release, plan.target));
  for (const policies::Image& image : checked.selection.release.images) {
    TENON_TRY(PlannedImage planned, plan_of(checked, image, boot.running).with_context("slot " + image.slot.text()));
    plan.images.push_back(std::move(planned));
  }
  return plan;
}

Result<PlannedImage> Updater::plan_of(const Checked& checked, const policies::Image& image, SlotGroup running) {
  TENON_TRY(const SegmentList segments, fetch_segments(checked, image));
  TENON_TRY(const std::unique_ptr<Slot> slot, ports_.slots.open_for_reading(other(running), image.slot.text()));
  TENON_TRY_VOID(check_fits(image, *slot, other(running)));
  PlannedImage planned{.slot = image.slot, .size = image.size};
  const auto missing = SlotScan(image, segments, *slot).first_missing(0, [](std::uint64_t) {});
  if (!missing) return planned;
  planned.missing = image.size - missing->segment * image.segment_size;
  const auto running_slot = ports_.slots.open_for_reading(running, image.slot.text());
  TENON_TRY(planned.plan, plan_payloads(checked, image, running_slot ? running_slot->get() : nullptr));
  return planned;
}

}  // namespace tenon::client
