// LocalIndex: an image as groups of blocks, each with a short hash, so that a device finds what it has already, and where what
// it has not lies in the payload. docs/payload-format.md, "The local payload", has the bytes. The index is a verified target, but
// what is found by it is a guess: short hashes collide, and SegmentList alone says what is right. Thread: immutable.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tenon::client {

inline constexpr std::size_t kLocalBlockBytes = 4096;  // the last block of an image may be shorter
inline constexpr std::size_t kLocalRecordBytes = 8;
inline constexpr std::uint64_t kMaxLocalFrameBytes = 1u << 13;  // zstd adds a few bytes to what it cannot pack

// A short hash is the first 48 bits of a SHA-256; zeros have this in its place.
inline constexpr std::uint64_t kHashOfZeros = (std::uint64_t{1} << 48) - 1;
std::uint64_t short_hash(ByteView block);

inline std::uint64_t local_block_count(std::uint64_t image_size) {
  return (image_size + kLocalBlockBytes - 1) / kLocalBlockBytes;
}

// BlockGroup is some blocks that follow each other and are not zeros.
struct BlockGroup {
  std::uint64_t first = 0;
  std::uint32_t count = 0;
  std::uint64_t hash = 0;  // the short hash of its blocks' short hashes
  bool operator==(const BlockGroup&) const = default;
};
// cut_groups cuts by content, so that what moved is cut alike elsewhere; groups_of() gives all of them. hashes: short ones, of
// blocks that follow each other.
void cut_groups(std::span<const std::uint64_t> hashes, const std::function<void(const BlockGroup&)>& take);
std::vector<BlockGroup> groups_of(std::span<const std::uint64_t> hashes);

// LocalRecord says of one block what it is, and how long its frame.
struct LocalRecord {
  std::uint64_t hash = 0;
  std::uint16_t frame_bytes = 0;
};
// Pre: kLocalRecordBytes of them.
LocalRecord read_local_record(ByteView bytes);
void put_local_record(Bytes& out, const LocalRecord& record);

struct LocalIndex {
  std::uint64_t image_size = 0;
  std::vector<BlockGroup> groups = {};      // in order, apart
  std::vector<std::uint64_t> offsets = {};  // in the payload: where the frames of each group begin, and their end

  // max_groups is how many a device takes of an image.
  static std::uint64_t max_groups(std::uint64_t image_size);
  // max_bytes is what the index of an image takes at most, packed or not.
  static std::uint64_t max_bytes(std::uint64_t image_size);
  // read Errors: E_PARSE for what is no index of an image of that size; E_LIMIT.
  static Result<LocalIndex> read(ByteView file, std::uint64_t image_size);
  // to_bytes is what read() takes.
  Bytes to_bytes() const;

  // record_offsets gives where the records of each group begin in the payload, and their end: they come before all frames.
  std::vector<std::uint64_t> record_offsets() const;
};

}  // namespace tenon::client
