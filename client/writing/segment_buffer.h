// SegmentBuffer: memory for one segment, aligned so that a slot can read and write it past the page cache.
// Thread: one at a time.
#pragma once

#include <tenon/client/ports/slots.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>

namespace tenon::client {

class SegmentBuffer {
 public:
  // Units: bytes. The content is not set.
  explicit SegmentBuffer(std::size_t size) : bytes_(static_cast<std::uint8_t*>(::operator new(size, kAligned))) {}

  // first Pre: length <= the size it was made with.
  std::span<std::uint8_t> first(std::size_t length) { return {bytes_.get(), length}; }

 private:
  static constexpr std::align_val_t kAligned{Slot::kAlignment};
  struct Free {
    void operator()(std::uint8_t* bytes) const { ::operator delete(bytes, kAligned); }
  };
  std::unique_ptr<std::uint8_t, Free> bytes_;
};

}  // namespace tenon::client
