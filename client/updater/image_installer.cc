#include <tenon/client/updater/image_installer.h>
#include <tenon/client/writing/slot_scan.h>

#include <algorithm>
#include <string>

namespace tenon::client {
namespace {

// A cut loses at most what came after the last checkpoint: installing.md 1.2, step 4.
constexpr std::uint64_t kCheckpointBytes = 16u << 20;
constexpr std::chrono::seconds kCheckpointTime{10};

}  // namespace

ImageInstaller::ImageInstaller(const policies::Image& image, const SegmentList& segments, Slot& slot, Clock& clock,
                               Reporter& reporter, SaveCheckpoint save_checkpoint)
    : image_(&image),
      segments_(&segments),
      slot_(&slot),
      clock_(&clock),
      reporter_(&reporter),
      save_checkpoint_(std::move(save_checkpoint)) {}

void ImageInstaller::report(std::string_view step, std::uint64_t segments) {
  reporter_->progress(step, std::min(segments * image_->segment_size, image_->size), image_->size);
}

// What a process before this one left in the system's cache is flushed first: then what is read is what the medium keeps.
Result<void> ImageInstaller::resume(std::uint64_t checkpoint) {
  TENON_TRY_VOID(slot_->flush());
  const std::uint64_t from = std::min(checkpoint, segments_->count());
  const auto missing = SlotScan(*image_, *segments_, *slot_).first_missing(from, [](std::uint64_t) {});
  next_ = missing ? missing->segment : segments_->count();
  was_read_back_ = from == 0 && is_complete();
  if (next_ > from) TENON_TRY_VOID(save_checkpoint_(next_));
  if (next_ > 0 && !is_complete()) {
    reporter_->note("going on at segment " + std::to_string(next_) + " of " + std::to_string(segments_->count()));
  }
  return {};
}

SegmentWriter::Then ImageInstaller::after(ByteView segment) {
  bytes_since_checkpoint_ += segment.size();
  const std::chrono::seconds now = clock_->since_boot();
  if (bytes_since_checkpoint_ < kCheckpointBytes && now - last_checkpoint_ < kCheckpointTime) {
    return SegmentWriter::Then::kGoOn;
  }
  bytes_since_checkpoint_ = 0;
  last_checkpoint_ = now;
  return SegmentWriter::Then::kCheckpoint;
}

Result<void> ImageInstaller::write(const SegmentSource& source) {
  bytes_since_checkpoint_ = 0;
  last_checkpoint_ = clock_->since_boot();
  SegmentWriter writer(*image_, *segments_, *slot_, next_, save_checkpoint_);
  const Result<void> made = source(next_, [&](ByteView segment) -> Result<void> {
    TENON_TRY_VOID(writer.take(segment, after(segment)));
    report("write", writer.next());
    return {};
  });
  const Result<void> written = writer.finish();
  next_ = written ? writer.next() : writer.saved();
  if (!written) return written;
  if (!made) return made;
  if (!is_complete()) {
    return Error{ErrorCode::kMismatch, "the payload ends before segment " + std::to_string(next_) + " of " +
                                           std::to_string(segments_->count())};
  }
  report("write", next_);
  const WriteCount count = writer.count();
  reporter_->note(std::to_string(count.written) + " segments written, " + std::to_string(count.punched) +
                  " of zeros made room, " + std::to_string(count.kept) + " were there already");
  return {};
}

Result<void> ImageInstaller::read_back() {
  if (was_read_back_) return {};
  const auto missing = SlotScan(*image_, *segments_, *slot_).first_missing(0, [this](std::uint64_t segments) {
    report("verify", segments);
  });
  if (!missing) return {};
  TENON_TRY_VOID(save_checkpoint_(missing->segment));
  const std::string hint = "install again to write it once more; if it happens again, the medium is failing";
  if (missing->unreadable) return Error(*missing->unreadable).with_hint(hint);
  return Error{ErrorCode::kStorage,
               "segment " + std::to_string(missing->segment) + " read back is not what was written", hint};
}

}  // namespace tenon::client
