#include <tenon/client/writing/segment_buffer.h>
#include <tenon/client/writing/slot_scan.h>

#include <algorithm>
#include <thread>

namespace tenon::client {

std::optional<Missing> SlotScan::first_missing(std::uint64_t from, const Progress& progress) {
  slot_->forget_cache();
  next_ = from;
  end_ = segments_->count();
  std::thread second([this] { look([](std::uint64_t) {}); });
  look(progress);
  second.join();
  return std::move(missing_);
}

void SlotScan::look(const Progress& progress) {
  SegmentBuffer buffer(static_cast<std::size_t>(std::min(image_->segment_size, image_->size)));
  for (std::uint64_t index = next_++; index < end_; index = next_++) {
    auto missing = look_at(index, buffer.first(static_cast<std::size_t>(image_->segment_length(index))));
    if (missing) return note(*std::move(missing));
    progress(index + 1);
  }
}

std::optional<Missing> SlotScan::look_at(std::uint64_t index, std::span<std::uint8_t> segment) {
  if (auto read = slot_->read_at(index * image_->segment_size, segment); !read) {
    return Missing{index, std::move(read).error()};
  }
  if (!segments_->matches(index, segment)) return Missing{index};
  return std::nullopt;
}

// Each thread ends with the first that it finds; of two, the earlier one counts.
void SlotScan::note(Missing missing) {
  const std::lock_guard lock(mutex_);
  if (missing_ && missing_->segment < missing.segment) return;
  end_ = missing.segment;
  missing_ = std::move(missing);
}

}  // namespace tenon::client
