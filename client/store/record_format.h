// The form of one record of a RecordPair: 4096 bytes that are either whole or not a record. Pure, so that a fuzzer can
// link it alone.
//
//   offset  bytes  little endian
//   0       4      magic "TNRC"
//   4       4      format version, 1
//   8       8      sequence, from 1: of two whole records the higher one counts
//   16      4      length of the content
//   20      4      CRC-32C over the 20 bytes before it and the content
//   24             the content, then zeros
//
// Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <array>
#include <cstdint>
#include <optional>
#include <span>

namespace tenon::client {

inline constexpr std::size_t kRecordBytes = 4096;  // one page, and what flash and disks write in one piece at best
inline constexpr std::size_t kRecordHeaderBytes = 24;
inline constexpr std::size_t kRecordCapacity = kRecordBytes - kRecordHeaderBytes;

using RecordBlock = std::array<std::uint8_t, kRecordBytes>;

struct StoredRecord {
  std::uint64_t sequence = 0;
  Bytes content;
  bool operator==(const StoredRecord&) const = default;
};

// encode_record Errors: E_LIMIT when the content does not fit.
Result<RecordBlock> encode_record(std::uint64_t sequence, ByteView content);

// decode_record gives nothing for whatever is not a whole record: torn, zeroed, changed, of another format, too short.
std::optional<StoredRecord> decode_record(ByteView block);

// crc32c is the CRC of Castagnoli (RFC 3720, B.4): "123456789" gives e3069283.
std::uint32_t crc32c(std::span<const ByteView> parts);

}  // namespace tenon::client
