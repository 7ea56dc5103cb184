// The delta: an image as what differs from a base, in a few percent of its bytes. docs/payload-format.md has the format.
// Nothing here is trusted: the decoder hands out segments, and SegmentList says whether they are the right ones. It reads the
// payload from front to back and the base wherever it needs to; it holds one segment, one window and its model, whatever the
// image size, and ends on any input. Thread: one.
//
//   TENON_TRY(DeltaHeader header, DeltaHeader::read(payload));
//   DeltaDecoder decoder(std::move(header), payload, base);
//   decoder.begin_at(first_missing);
//   for (...) TENON_TRY(const ByteView segment, decoder.next());
#pragma once

#include <tenon/client/payload/base_cache.h>
#include <tenon/client/payload/delta_header.h>

#include <cstdint>
#include <memory>

namespace tenon::client {

class DeltaDecoder {
 public:
  DeltaDecoder(DeltaHeader header, ReadPayload payload, ReadBase base);
  ~DeltaDecoder();
  DeltaDecoder(DeltaDecoder&&) noexcept;
  DeltaDecoder& operator=(DeltaDecoder&&) noexcept;

  const DeltaHeader& header() const;

  // begin_at makes next() give that segment. It goes to the segment's group; what lies before it there is decoded on the way.
  // Pre: segment <= the header's segment_count().
  void begin_at(std::uint64_t segment);

  // next gives the next segment, valid until the next call. Pre: there is one.
  // Errors: E_PARSE, E_LIMIT for a broken payload; what the readers returned. After an error it gives no more.
  Result<ByteView> next();

  // base_reads tells how the base was read so far.
  const BaseCache::Reads& base_reads() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenon::client
