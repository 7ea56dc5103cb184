// DeltaHeader: what a delta says of itself before its first piece: the image it makes, the memory it needs, where its groups
// begin. Nothing here is trusted: the signed release says how large the image is, and its segment list what it holds.
// Thread: immutable.
#pragma once

#include <tenon/client/payload/ext4_checksums.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/result.h>

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <vector>

namespace tenon::client {

// ReadPayload gives bytes of a payload from an offset on: some at least, as many as it likes up to the length of the span,
// none at its end.
using ReadPayload = std::function<Result<std::size_t>(std::uint64_t offset, std::span<std::uint8_t> into)>;

inline constexpr std::array<std::uint8_t, 8> kDeltaMagic = {'T', 'E', 'N', 'O',
                                                            'N', 'D', 'L', 1};  // ends in the version
inline constexpr std::size_t kMaxDeltaHeaderBytes = 1u << 20;  // unpacked: 64 groups of 2 MiB take 400 bytes
inline constexpr std::uint64_t kMaxDeltaImageBytes = std::uint64_t{1} << 39;  // of image and base
inline constexpr unsigned kMinLiteralWindowLog = 10;
inline constexpr unsigned kMaxLiteralWindowLog = 22;

struct DeltaHeader {
  // A group is a run of segments that can be decoded without the groups before it.
  struct Group {
    std::uint64_t segments = 0;  // above 0
    std::uint64_t bytes = 0;     // of the payload
  };

  std::uint64_t image_size = 0;
  Sha256 image_sha256;             // tells people that they took the wrong base; of no weight for a device
  std::uint64_t segment_size = 0;  // a power of two from 64 KiB to 16 MiB
  std::uint64_t base_size = 0;     // the base may be longer: a slot is
  unsigned literal_window_log = kMinLiteralWindowLog;
  std::optional<Ext4Checksums> checksums;
  std::vector<Group> groups;
  std::uint64_t length = 0;  // of the header in the payload, bytes: where the first group begins

  // read Errors: E_PARSE, also for what a newer version demands; E_LIMIT; what the reader returned.
  static Result<DeltaHeader> read(const ReadPayload& payload);
  // to_bytes is what read() takes; `length` is not part of it.
  Bytes to_bytes() const;

  std::uint64_t segment_count() const { return (image_size + segment_size - 1) / segment_size; }
  std::uint64_t segment_length(std::uint64_t index) const {
    return index + 1 < segment_count() ? segment_size : image_size - index * segment_size;
  }
  // payload_length is header and groups. Units: bytes.
  std::uint64_t payload_length() const;
  // memory_bytes is what DeltaDecoder takes at most.
  std::uint64_t memory_bytes() const;
};

// fits_a_header says whether a header has room for them, beside much else.
bool fits_a_header(const Ext4Checksums& checksums);

// read_whole fills the span, or says that the payload ends before. Errors: E_PARSE; what the reader returned.
Result<void> read_whole(const ReadPayload& payload, std::uint64_t offset, std::span<std::uint8_t> into);

}  // namespace tenon::client
