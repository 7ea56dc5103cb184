// LocalContent: which blocks of an image a slot holds, wherever they lie in it at a multiple of 4 KiB, and what is left to fetch.
// What is found may be wrong (LocalIndex): nothing of it is used before SegmentList has seen it.
// Thread: immutable.
#pragma once

#include <tenon/client/payload/local_index.h>
#include <tenon/client/ports/reporter.h>
#include <tenon/client/ports/slots.h>
#include <tenon/policies/release.h>

#include <cstdint>
#include <vector>

namespace tenon::client {

class LocalContent {
 public:
  // look reads the slot once through. What cannot be read there is not there.
  static LocalContent look(LocalIndex index, Slot& slot, Reporter& reporter);

  // memory_bytes is what looking, and making the image, takes at most.
  static std::uint64_t memory_bytes(const policies::Image& image);

  // FrameRun is what is fetched in one go: frames that follow each other, few of which are held.
  struct FrameRun {
    std::uint64_t first = 0;
    std::uint64_t end = 0;
    std::uint64_t offset = 0;  // in the payload
    std::uint64_t bytes = 0;   // at most kMostAtOnce
  };
  static constexpr std::uint64_t kMostAtOnce = 512u << 10;
  // run_from Pre: the frame is not held.
  FrameRun run_from(std::uint64_t frame) const;
  // fetch_bytes is what is left to fetch from a frame on, with all runs.
  std::uint64_t fetch_bytes(std::uint64_t frame) const;

  std::uint64_t frame_count() const { return index_.offsets.size() - 1; }
  std::uint64_t payload_bytes() const { return index_.offsets.back(); }
  std::uint64_t frame_offset(std::uint64_t frame) const { return index_.offsets[frame]; }
  // holds says whether all blocks of a frame are zeros or in the slot.
  bool holds(std::uint64_t frame) const;

  // BlockRun is some blocks of frames that are held: zeros, or those from `block` of the slot on.
  struct BlockRun {
    static constexpr std::uint32_t kZeros = UINT32_MAX - 1;
    std::uint32_t block = kZeros;
    std::uint64_t count = 0;
  };
  // blocks_from gives the longest run that begins with a block and ends before `end`. Pre: block < end, its frame is held.
  BlockRun blocks_from(std::uint64_t block, std::uint64_t end) const;

 private:
  explicit LocalContent(LocalIndex index) : index_(std::move(index)) {}
  void find_blocks(Slot& slot, Reporter& reporter);

  LocalIndex index_;
  std::vector<std::uint32_t> places_;  // of each block in the slot, in blocks
};

}  // namespace tenon::client
