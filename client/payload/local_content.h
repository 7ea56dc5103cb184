// LocalContent: which groups of an image's blocks a slot holds, wherever they lie in it at a multiple of 4 KiB; and BlockMap, with the
// records of the other groups: which blocks it holds, and what is left to fetch.
// What is found may be wrong (LocalIndex): nothing of it is used before SegmentList has seen it.
// Thread: immutable.
#pragma once

#include <tenon/client/payload/base_cache.h>
#include <tenon/client/payload/local_index.h>

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace tenon::client {

// A Stretch is what is fetched in one go. Units: bytes of the payload; at most kMostAtOnce.
struct Stretch {
  std::uint64_t offset = 0;
  std::uint64_t bytes = 0;
  static constexpr std::uint64_t kMostAtOnce = 512u << 10;
};

class LocalContent {
 public:
  // Looked hears how much of the slot was looked at. Units: bytes.
  using Looked = std::function<void(std::uint64_t bytes)>;

  // look reads the slot, of so many bytes, once through. What cannot be read there is not there.
  static LocalContent look(LocalIndex index, std::uint64_t slot_size, const ReadBase& slot, const Looked& looked);

  // memory_bytes is what looking, and making the image, takes at most.
  static std::uint64_t memory_bytes(std::uint64_t image_size, std::uint64_t segment_size, std::uint64_t slot_size);

  const LocalIndex& index() const { return index_; }
  // place_of gives the block of the slot with which a group begins there; nothing for one that it does not hold.
  std::optional<std::uint64_t> place_of(std::size_t group) const;
  // place_of_block gives a block of the slot with that hash.
  std::optional<std::uint64_t> place_of_block(std::uint64_t hash) const;

  // missing_blocks is how many there are in the groups that are not held.
  std::uint64_t missing_blocks() const;
  // record_stretches are where the records of the groups lie that are not held.
  std::vector<Stretch> record_stretches() const;
  // fetch_bytes is about what is fetched: records and frames of the groups that are not held, whether their blocks are or not.
  std::uint64_t fetch_bytes() const;

 private:
  explicit LocalContent(LocalIndex index) : index_(std::move(index)) {}
  void find(std::vector<std::uint64_t> slot_hashes);

  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  LocalIndex index_;
  std::vector<std::uint32_t> places_;        // of each group in the slot, in blocks
  std::vector<std::uint64_t> slot_hashes_;   // of its blocks
  std::vector<std::uint32_t> slot_by_hash_;  // its blocks, by their hashes
};

class BlockMap {
 public:
  // make takes the records of the groups that are not held, in order.
  // Errors: E_PARSE for records that are not those of the index.
  static Result<BlockMap> make(const LocalContent& content, ByteView records);

  std::uint64_t block_count() const { return places_.size(); }
  // holds says whether a block is zeros or in the slot.
  bool holds(std::uint64_t block) const { return places_[block] != kNowhere; }

  // Held is some blocks that are held and follow each other here and there: zeros, or those from `place` of the slot on.
  struct Held {
    std::uint64_t place = 0;  // bytes
    std::uint64_t count = 0;
    bool zeros = false;
  };
  // held_from gives as many as there are before `end`. Pre: block < end, and it is held.
  Held held_from(std::uint64_t block, std::uint64_t end) const;

  // frame_of Pre: the block is not held.
  Stretch frame_of(std::uint64_t block) const { return {offsets_[block], offsets_[block + 1] - offsets_[block]}; }
  // A Run is a stretch that holds the frames of all blocks before `end` that are not held.
  struct Run {
    std::uint64_t end = 0;
    Stretch stretch;
  };
  // run_from Pre: the block is not held.
  Run run_from(std::uint64_t block) const;
  // all_runs is what is left to fetch.
  std::vector<Run> all_runs() const;

 private:
  static constexpr std::uint32_t kNowhere = UINT32_MAX;
  static constexpr std::uint32_t kZeros = UINT32_MAX - 1;
  std::vector<std::uint32_t> places_;   // of each block in the slot, in blocks
  std::vector<std::uint64_t> offsets_;  // of each block's frame; of blocks that are held, somewhere in their group's
};

}  // namespace tenon::client
