#include <tenon/client/writing/segment_writer.h>

#include <algorithm>
#include <cstring>

namespace tenon::client {
namespace {

// One is filled, one checked, one written; where segments are small, two more bridge a flush.
constexpr std::size_t kLeastQueued = 3;
constexpr std::size_t kMostQueued = 5;
constexpr std::size_t kQueueBytes = 5u << 20;
// What the slot holds is compared in pieces: most often the first one differs.
constexpr std::size_t kPieceBytes = 64u << 10;

bool is_all_zero(ByteView bytes) {
  return bytes.front() == 0 && std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

SegmentWriter::SegmentWriter(const policies::Image& image, const SegmentList& segments, Slot& slot, std::uint64_t first,
                             SaveCheckpoint save_checkpoint)
    : image_(&image),
      segments_(&segments),
      slot_(&slot),
      save_checkpoint_(std::move(save_checkpoint)),
      piece_(kPieceBytes),
      saved_(first),
      taken_(first),
      checked_(first),
      written_(first) {
  const auto size = static_cast<std::size_t>(std::min(image.segment_size, image.size));
  const std::size_t queued = std::clamp(kQueueBytes / size, kLeastQueued, kMostQueued);
  for (std::size_t i = 0; i < queued; ++i) queue_.emplace_back(size);
  checker_ = std::thread([this] { check_queued(); });
  writer_ = std::thread([this] { write_queued(); });
}

SegmentWriter::~SegmentWriter() {
  stop();
}

Result<void> SegmentWriter::take(ByteView segment, Then then) {
  std::unique_lock lock(mutex_);
  const std::uint64_t index = taken_;
  if (index >= segments_->count() || segment.size() != image_->segment_length(index)) {
    return Error{ErrorCode::kMismatch, "segment " + std::to_string(index) + " of " +
                                           std::to_string(segments_->count()) + ": " + std::to_string(segment.size()) +
                                           " bytes are none of the image"};
  }
  changed_.wait(lock, [this] { return error_ || taken_ - written_ < queue_.size(); });
  if (error_) return *error_;
  lock.unlock();
  Work& work = work_of(index);  // what was there before is written, so that it is ours
  std::ranges::copy(segment, work.buffer.first(segment.size()).begin());
  work.length = segment.size();
  work.then = then;
  lock.lock();
  ++taken_;
  changed_.notify_all();
  return {};
}

Result<void> SegmentWriter::finish() {
  stop();
  if (error_) return *error_;
  return {};
}

std::uint64_t SegmentWriter::next() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

void SegmentWriter::stop() {
  {
    const std::lock_guard lock(mutex_);
    taking_is_over_ = true;
    changed_.notify_all();
  }
  if (checker_.joinable()) checker_.join();
  if (writer_.joinable()) writer_.join();
}

void SegmentWriter::check_queued() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return taking_is_over_ || checked_ < taken_; });
    if (checked_ == taken_) break;
    const std::uint64_t index = checked_;
    lock.unlock();
    const Result<void> right = check(index, work_of(index));
    lock.lock();
    if (!right) {
      error_ = right.error();
      break;
    }
    ++checked_;
    changed_.notify_all();
  }
  checking_is_over_ = true;
  changed_.notify_all();
}

Result<void> SegmentWriter::check(std::uint64_t index, Work& work) {
  TENON_TRY_VOID(segments_->check(index, work.segment()));
  work.is_zero = is_all_zero(work.segment());
  work.is_held = slot_holds(index * image_->segment_size, work.segment());
  return {};
}

// What cannot be read is not held: to write it again is the way to mend it.
bool SegmentWriter::slot_holds(std::uint64_t offset, ByteView segment) {
  while (!segment.empty()) {
    const auto piece = piece_.first(std::min(kPieceBytes, segment.size()));
    if (!slot_->read_at(offset, piece)) return false;
    if (!std::ranges::equal(piece, segment.first(piece.size()))) return false;
    segment = segment.subspan(piece.size());
    offset += piece.size();
  }
  return true;
}

void SegmentWriter::write_queued() {
  Result<void> result;
  std::unique_lock lock(mutex_);
  while (result) {
    changed_.wait(lock, [this] { return checking_is_over_ || written_ < checked_; });
    const std::uint64_t index = written_;
    const bool is_last = index == checked_;
    lock.unlock();
    // A wrong segment is no fault of the slot: what came before it is good, and stays.
    result = is_last ? checkpoint(index) : write(index, work_of(index));
    lock.lock();
    if (is_last) break;
    if (result) ++written_;
    changed_.notify_all();
  }
  if (result) return;
  error_ = result.error();
  changed_.notify_all();
}

Result<void> SegmentWriter::write(std::uint64_t index, Work& work) {
  if (work.is_held) {
    TENON_TRY_VOID(clear_zeros());
    ++count_.kept;
  } else if (work.is_zero) {
    if (zeros_length_ == 0) zeros_from_ = index;
    ++zeros_length_;
  } else {
    TENON_TRY_VOID(clear_zeros());
    TENON_TRY_VOID(slot_->write_at(index * image_->segment_size, work.segment()));
    ++count_.written;
  }
  return work.then == Then::kCheckpoint ? checkpoint(index + 1) : Result<void>();
}

Result<void> SegmentWriter::clear_zeros() {
  if (zeros_length_ == 0) return {};
  const std::uint64_t offset = zeros_from_ * image_->segment_size;
  const std::uint64_t end = std::min((zeros_from_ + zeros_length_) * image_->segment_size, image_->size);
  TENON_TRY(const bool punched, slot_->punch(offset, end - offset));
  if (!punched) TENON_TRY_VOID(write_zeros(offset, end));
  (punched ? count_.punched : count_.written) += zeros_length_;
  zeros_length_ = 0;
  return {};
}

Result<void> SegmentWriter::write_zeros(std::uint64_t offset, std::uint64_t end) {
  SegmentBuffer zeros(static_cast<std::size_t>(image_->segment_size));
  std::ranges::fill(zeros.first(static_cast<std::size_t>(image_->segment_size)), std::uint8_t{0});
  for (; offset < end; offset += image_->segment_size) {
    const auto length = static_cast<std::size_t>(std::min(image_->segment_size, end - offset));
    TENON_TRY_VOID(slot_->write_at(offset, zeros.first(length)));
  }
  return {};
}

Result<void> SegmentWriter::checkpoint(std::uint64_t segments) {
  if (segments == saved_) return {};
  TENON_TRY_VOID(clear_zeros());
  TENON_TRY_VOID(slot_->flush());
  TENON_TRY_VOID(save_checkpoint_(segments));
  saved_ = segments;
  return {};
}

}  // namespace tenon::client
