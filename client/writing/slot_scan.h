// SlotScan: what of an image a slot holds, as the medium gives it.
// Thread: one caller; it reads on two threads, so that the medium need not wait for hashing.
#pragma once

#include <tenon/client/payload/segment_list.h>
#include <tenon/client/ports/slots.h>
#include <tenon/policies/release.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>

namespace tenon::client {

// Missing is a segment that the slot does not hold, and why if it could not even be read.
struct Missing {
  std::uint64_t segment = 0;
  std::optional<Error> unreadable = {};
};

class SlotScan {
 public:
  // Progress is called with the segments that were looked at, on the caller's thread.
  using Progress = std::function<void(std::uint64_t segments)>;

  // Caller must keep everything alive.
  SlotScan(const policies::Image& image, const SegmentList& segments, Slot& slot)
      : image_(&image), segments_(&segments), slot_(&slot) {}

  // first_missing looks at every segment from `from` on, up to the first that is not as signed. Nothing: all are.
  // What was not flushed before may be seen or not. Pre: called once.
  std::optional<Missing> first_missing(std::uint64_t from, const Progress& progress);

 private:
  void look(const Progress& progress);
  std::optional<Missing> look_at(std::uint64_t index, std::span<std::uint8_t> segment);
  void note(Missing missing);

  const policies::Image* image_;
  const SegmentList* segments_;
  Slot* slot_;
  std::atomic<std::uint64_t> next_{0};
  std::atomic<std::uint64_t> end_{0};  // no segment from here on is of interest
  std::mutex mutex_;
  std::optional<Missing> missing_;  // guarded by mutex_
};

}  // namespace tenon::client
