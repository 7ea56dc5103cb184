// LocalIndex: the blocks of an image by a short hash, so that a device finds those that it has already, and where the frames that
// hold the others lie. docs/payload-format.md has the bytes. It is a verified target, but what is found by it is a guess:
// short hashes collide, and SegmentList alone says what is right. Thread: immutable.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <vector>

namespace tenon::client {

struct LocalIndex {
  static constexpr std::size_t kBlockBytes = 4096;  // the last block of an image may be shorter
  static constexpr std::size_t kFrameBlocks = 4;
  static constexpr std::size_t kFrameBytes = kBlockBytes * kFrameBlocks;
  static constexpr std::uint64_t kZeros = (std::uint64_t{1} << 48) - 1;  // in place of a hash

  std::vector<std::uint64_t> offsets;  // of each frame in the payload, and of its end; an empty frame is all zeros
  std::vector<std::uint64_t> hashes;   // of each block: the first 48 bits of its SHA-256, or kZeros

  // hash_of gives kZeros for a block of zeros.
  static std::uint64_t hash_of(ByteView block);
  static std::uint64_t block_count(std::uint64_t image_size) { return (image_size + kBlockBytes - 1) / kBlockBytes; }
  static std::uint64_t frame_count(std::uint64_t image_size) { return (image_size + kFrameBytes - 1) / kFrameBytes; }
  // max_bytes is what the index of an image takes at most, packed or not.
  static std::uint64_t max_bytes(std::uint64_t image_size);

  // read Errors: E_PARSE for what is no index of an image of that size; E_LIMIT.
  static Result<LocalIndex> read(ByteView file, std::uint64_t image_size);
  // to_bytes is what read() takes.
  Bytes to_bytes(std::uint64_t image_size) const;
};

}  // namespace tenon::client
