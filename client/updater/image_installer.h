// ImageInstaller: makes a slot hold an image, segment by segment. Each segment is checked against the signed list
// before it is written; what the slot already holds is not written again; at the end everything is read back from the
// medium. Memory: six segments at the most beside what makes them and the segment list, whatever the image size.
//
//   ImageInstaller installer(image, segments, slot, clock, reporter, save_checkpoint);
//   TENON_TRY_VOID(installer.resume(checkpoint));
//   while (!installer.is_complete()) TENON_TRY_VOID(installer.write(source));
//   TENON_TRY_VOID(installer.read_back());
//
// Thread: one.
#pragma once

#include <tenon/client/payload/full_payload.h>
#include <tenon/client/payload/segment_list.h>
#include <tenon/client/ports/clock.h>
#include <tenon/client/ports/reporter.h>
#include <tenon/client/ports/slots.h>
#include <tenon/client/writing/segment_writer.h>
#include <tenon/policies/release.h>

#include <cstdint>
#include <functional>

namespace tenon::client {

// SegmentSource hands out the segments of an image in order, from `first` to the last one; nobody has checked them. An
// error of `take` ends it, and is what it returns.
using SegmentSource = std::function<Result<void>(std::uint64_t first, const SegmentHandler& take)>;

class ImageInstaller {
 public:
  // Caller must keep everything alive. Pre: the slot is at least as large as the image.
  ImageInstaller(const policies::Image& image, const SegmentList& segments, Slot& slot, Clock& clock,
                 Reporter& reporter, SaveCheckpoint save_checkpoint);

  // resume finds what the slot holds already: the segments before `checkpoint`, which are on the medium, and those after
  // it, as long as they are right. Errors: E_STORAGE
  Result<void> resume(std::uint64_t checkpoint);

  // write takes the segments that are missing from a source, and makes a checkpoint every 16 MiB or ten seconds. Called
  // again it goes on with the segment that is missing then, from whatever source.
  // Errors: E_MISMATCH for a segment that is not what was signed, and nothing of it is written; E_STORAGE; what the
  // source returned. What was written before an error stays; the checkpoint says what of it is certain.
  Result<void> write(const SegmentSource& source);
  // is_complete says that every segment is in the slot.
  bool is_complete() const { return next_ == segments_->count(); }

  // read_back checks every segment as the medium gives it, unless resume() has just done so. Pre: is_complete().
  // Errors: E_STORAGE for one that is not what was written; the checkpoint is set back to it.
  Result<void> read_back();

 private:
  SegmentWriter::Then after(ByteView segment);
  void report(std::string_view step, std::uint64_t segments);

  const policies::Image* image_;
  const SegmentList* segments_;
  Slot* slot_;
  Clock* clock_;
  Reporter* reporter_;
  SaveCheckpoint save_checkpoint_;
  std::uint64_t next_ = 0;  // the first segment that is missing
  bool was_read_back_ = false;
  std::uint64_t bytes_since_checkpoint_ = 0;
  std::chrono::seconds last_checkpoint_{0};  // by Clock::since_boot()
};

}  // namespace tenon::client
