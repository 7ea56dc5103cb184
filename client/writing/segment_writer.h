// SegmentWriter: checks segments on one thread and writes them to a slot on another, while the caller makes the next ones:
// hashing waits for no medium. What the slot holds already is not written again; zeros are punched where it can do that.
//
//   SegmentWriter writer(image, segments, slot, first, save_checkpoint);
//   while (...) TENON_TRY_VOID(writer.take(segment, SegmentWriter::Then::kGoOn));
//   TENON_TRY_VOID(writer.finish());
//
// Thread: one caller. Slot and save_checkpoint belong to the writer until finish() has returned.
#pragma once

#include <tenon/client/payload/segment_list.h>
#include <tenon/client/ports/slots.h>
#include <tenon/client/writing/segment_buffer.h>
#include <tenon/policies/release.h>

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

namespace tenon::client {

// SaveCheckpoint is called with the number of segments that are on the medium, counted from the first of the image.
using SaveCheckpoint = std::function<Result<void>(std::uint64_t segments)>;

// WriteCount says what became of segments.
struct WriteCount {
  std::uint64_t written = 0;
  std::uint64_t punched = 0;  // zeros
  std::uint64_t kept = 0;     // the slot held them already
};

class SegmentWriter {
 public:
  // What follows when a segment is written: the next one, or a flush and a checkpoint before it.
  enum class Then { kGoOn, kCheckpoint };

  // Caller must keep everything alive.
  SegmentWriter(const policies::Image& image, const SegmentList& segments, Slot& slot, std::uint64_t first,
                SaveCheckpoint save_checkpoint);
  ~SegmentWriter();  // waits for what was taken
  SegmentWriter(const SegmentWriter&) = delete;
  SegmentWriter& operator=(const SegmentWriter&) = delete;

  // take queues the next segment; while the queue is full it waits.
  // Errors: what an earlier segment met; E_MISMATCH for one that the image does not have.
  Result<void> take(ByteView segment, Then then);

  // finish waits until everything taken is written, flushed, and in a checkpoint. After an error of the slot there is no
  // checkpoint: what was written since the last one may be lost.
  // Errors: E_MISMATCH for a segment that is not what was signed: nothing of it, nor of those after it, is written;
  // E_STORAGE.
  Result<void> finish();

  // next gives the segment that is to be written next. It grows while the writer works.
  std::uint64_t next() const;
  // saved gives how many segments the last checkpoint covers. Pre: finished.
  std::uint64_t saved() const { return saved_; }
  // count Pre: finish() was called.
  WriteCount count() const { return count_; }

 private:
  struct Work {
    explicit Work(std::size_t size) : buffer(size) {}
    ByteView segment() { return buffer.first(length); }

    SegmentBuffer buffer;
    std::size_t length = 0;
    Then then = Then::kGoOn;
    bool is_zero = false;
    bool is_held = false;  // by the slot
  };
  Work& work_of(std::uint64_t index) { return queue_[static_cast<std::size_t>(index % queue_.size())]; }
  void check_queued();
  void write_queued();
  void stop();

  // The checking thread's. It reads what the slot holds ahead of the writing, so that writes follow each other.
  Result<void> check(std::uint64_t index, Work& work);
  bool slot_holds(std::uint64_t offset, ByteView segment);

  // The writing thread's.
  Result<void> write(std::uint64_t index, Work& work);
  Result<void> clear_zeros();
  Result<void> write_zeros(std::uint64_t offset, std::uint64_t end);
  Result<void> checkpoint(std::uint64_t segments);

  const policies::Image* image_;
  const SegmentList* segments_;
  Slot* slot_;
  SaveCheckpoint save_checkpoint_;
  SegmentBuffer piece_;             // the checking thread's; what follows is the writing thread's
  std::uint64_t saved_;             // segments in the last checkpoint
  std::uint64_t zeros_from_ = 0;    // segments of zeros that wait to be cleared in one go: a run,
  std::uint64_t zeros_length_ = 0;  // so many of them
  WriteCount count_;

  // A segment is taken, then checked, then written; the queue holds those from written_ to taken_.
  std::vector<Work> queue_;
  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  std::uint64_t taken_;
  std::uint64_t checked_;
  std::uint64_t written_;
  bool taking_is_over_ = false;
  bool checking_is_over_ = false;
  std::optional<Error> error_;

  std::thread checker_;
  std::thread writer_;
};

}  // namespace tenon::client
