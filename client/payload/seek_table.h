// SeekTable: where in a full payload each segment's frame begins: the seek table of the published zstd seekable format,
// a skippable frame at the end of the payload. It saves downloads and decides nothing: a lying table leads to bytes
// that SegmentList refuses.
// Thread: immutable.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>
#include <tenon/policies/release.h>

#include <cstdint>
#include <vector>

namespace tenon::client {

// The numbers of the formats, all little endian in the file (RFC 8878 3.1, zstd_seekable_compression_format.md).
inline constexpr std::uint32_t kZstdFrameMagic = 0xFD2FB528;
inline constexpr std::uint32_t kSeekTableFrameMagic = 0x184D2A5E;
inline constexpr std::uint32_t kSeekTableFooterMagic = 0x8F92EAB1;
inline constexpr std::size_t kSkippableHeaderBytes = 8;  // magic, length of what follows
inline constexpr std::size_t kSeekEntryBytes = 8;        // compressed and decompressed length of one frame
inline constexpr std::size_t kSeekFooterBytes = 9;       // number of frames, descriptor, magic

// seek_table_length is how many bytes the seek table takes at the end of a payload. Units: bytes.
std::uint64_t seek_table_length(const policies::Image& image);

class SeekTable {
 public:
  // read takes the last seek_table_length() bytes of a payload of payload_length bytes.
  // Errors: E_PARSE when it is no seek table of exactly the image's segments whose frames add up to the payload.
  static Result<SeekTable> read(ByteView tail, const policies::Image& image, std::uint64_t payload_length);

  // offset_of gives where a segment's frame begins; of the segment count: where the frames end. Units: bytes.
  // Pre: segment <= the image's segment_count().
  std::uint64_t offset_of(std::uint64_t segment) const { return offsets_[segment]; }

 private:
  explicit SeekTable(std::vector<std::uint64_t> offsets) : offsets_(std::move(offsets)) {}
  std::vector<std::uint64_t> offsets_;
};

}  // namespace tenon::client
