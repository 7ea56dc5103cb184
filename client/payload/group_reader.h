// GroupReader: takes the two streams of a group apart. They lie interleaved, in records of a number (length x 2 + stream) and
// the bytes, in the order in which a decoder runs out of them, so that a payload is read from front to back.
// Thread: one.
#pragma once

#include <tenon/client/payload/delta_header.h>

#include <array>
#include <cstdint>

namespace tenon::client {

enum class GroupStream : std::uint8_t { kPieces = 0, kLiterals = 1 };

inline constexpr std::size_t kMaxRecordBytes = 16u << 10;
// What may wait of one stream while records of the other are looked for.
inline constexpr std::size_t kMaxWaitingBytes = 4 * kMaxRecordBytes;

class GroupReader {
 public:
  // The group is `length` bytes of the payload from `offset` on. The payload must outlive the reader.
  GroupReader(const ReadPayload& payload, std::uint64_t offset, std::uint64_t length)
      : payload_(&payload), offset_(offset), left_(length) {}

  // next gives bytes of a stream, valid until the next call for it; none at its end.
  // Errors: E_PARSE; E_LIMIT when too much of the other stream lies before them; what the payload's reader returned.
  Result<ByteView> next(GroupStream stream);

  // at_end says whether all bytes of the group were given out.
  bool at_end() const { return left_ == 0 && filled_ == used_ && waiting_[0].empty() && waiting_[1].empty(); }

 private:
  Result<void> read_record();
  // fill has so many bytes of the group at hand. Errors: E_PARSE at the group's end; what the payload's reader returned.
  Result<void> fill(std::size_t bytes);
  ByteView held() const { return ByteView(buffer_).subspan(used_, filled_ - used_); }

  const ReadPayload* payload_;
  std::uint64_t offset_;
  std::uint64_t left_;
  Bytes buffer_ = Bytes(2 * kMaxRecordBytes);
  std::size_t used_ = 0;
  std::size_t filled_ = 0;
  std::array<Bytes, 2> waiting_;
  std::array<Bytes, 2> given_;
};

}  // namespace tenon::client
