// What fills the slots: from which payloads, one after the other, and what that will take.
#include <tenon/client/payload/segment_list.h>
#include <tenon/client/updater/delta_payload_source.h>
#include <tenon/client/updater/full_payload_source.h>
#include <tenon/client/updater/image_installer.h>
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

// A base that cannot be read any more is as good as another base.
ReadBase base_of(Slot& slot) {
  return [&slot](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    const Result<void> read = slot.read_at(offset, into);
    if (read) return {};
    return Error{ErrorCode::kMismatch, "the base: " + read.error().message};
  };
}

}  // namespace

Result<SegmentList> Updater::fetch_segments(const Checked& checked, const policies::Image& image) {
  TENON_TRY(const metadata::VerifiedTarget list, find_file(checked, image.segments_file));
  TENON_TRY(const Bytes file, client_.fetch(checked.repository, list, image.segments_length));
  return SegmentList::read(file, image);
}

Result<metadata::VerifiedTarget> Updater::find_file(const Checked& checked, const policies::Label& file) {
  const policies::Release& release = checked.selection.release;
  const metadata::TargetPath path = policies::release_file_path(release.product, release.version, file.text());
  return client_.find(checked.repository, path.text(), checked.rules);
}

Result<ImagePlan> Updater::plan_payloads(const Checked& checked, const policies::Image& image, Slot* base) {
  return plan_image(
      image, base, device_.payload_memory, [&](const policies::Label& file) { return find_file(checked, file); },
      ports_.reporter);
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
    const auto base = ports_.slots.open_for_reading(running, image.slot.text());
    TENON_TRY(const ImagePlan plan, plan_payloads(checked, image, base ? base->get() : nullptr));
    TENON_TRY_VOID(write_from(checked, image, plan, base ? base->get() : nullptr, installer));
  }
  return installer.read_back();
}

// What one payload brought stays, whatever becomes of it: the next one begins with the segment that is missing then.
Result<void> Updater::write_from(const Checked& checked, const policies::Image& image, const ImagePlan& plan,
                                 Slot* base, ImageInstaller& installer) {
  for (std::size_t i = 0;; ++i) {
    const policies::Payload& payload = plan.payloads[i].payload;
    const metadata::VerifiedTarget& target = plan.payloads[i].target;
    ports_.reporter.note("taking " + payload.file.text() + ", " + std::to_string(target.length()) + " bytes");
    const Result<void> written = client_.read_parts(checked.repository, target, [&](const PartReader& parts) {
      return installer.write([&](std::uint64_t first, const SegmentHandler& take) {
        return payload.delta ? read_delta_payload(parts, image, *payload.delta, base_of(*base), first, take)
                             : read_full_payload(parts, parts.length(), image, first, take);
      });
    });
    if (written || i + 1 == plan.payloads.size() || !may_be_the_payloads(written.error().code)) return written;
    ports_.reporter.warn(payload.file.text() + ": " + written.error().message + "; going on with another payload");
  }
}

Result<InstallPlan> Updater::plan() {
  TENON_TRY(const Boot boot, ports_.boot.running());
  TENON_TRY(const BootRecord record, ports_.boot.read());
  TENON_TRY_VOID(require_settled(boot, record));
  TENON_TRY(Refreshed refreshed, refresh());
  TENON_TRY(Checked checked, select(std::move(refreshed)));
  InstallPlan plan{.selection = checked.selection, .target = other(boot.running)};
  if (plan.selection.decision.verdict != policies::Verdict::kInstall) return plan;
  for (const policies::Image& image : checked.selection.release.images) {
    TENON_TRY(PlannedImage planned, plan_of(checked, image, boot.running).with_context("slot " + image.slot.text()));
    plan.images.push_back(std::move(planned));
  }
  return plan;
}

Result<PlannedImage> Updater::plan_of(const Checked& checked, const policies::Image& image, SlotGroup running) {
  TENON_TRY(const SegmentList segments, fetch_segments(checked, image));
  TENON_TRY(const std::unique_ptr<Slot> slot, ports_.slots.open_for_reading(other(running), image.slot.text()));
  PlannedImage planned{.slot = image.slot, .size = image.size};
  const auto missing = SlotScan(image, segments, *slot).first_missing(0, [](std::uint64_t) {});
  if (!missing) return planned;
  planned.missing = image.size - missing->segment * image.segment_size;
  const auto base = ports_.slots.open_for_reading(running, image.slot.text());
  TENON_TRY(planned.plan, plan_payloads(checked, image, base ? base->get() : nullptr));
  return planned;
}

}  // namespace tenon::client
