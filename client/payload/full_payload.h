// The full payload: an image as one zstd frame for each segment, then the seek table of the published seekable format,
// so that `zstd -d` opens it and a download can begin at any segment. docs/payload-format.md has the bytes. Nothing
// here is trusted: the decoder hands out segments, and SegmentList says whether they are the right ones. Memory: one
// segment, one zstd window of at most a segment, and small buffers, whatever the image size.
//
//   FullPayloadDecoder decoder(image, first_missing, write_segment);
//   while (...) TENON_TRY_VOID(decoder.feed(piece));     // the payload from SeekTable::offset_of(first_missing) on
//   TENON_TRY_VOID(decoder.finish());
#pragma once

#include <tenon/client/payload/seek_table.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>
#include <tenon/policies/release.h>

#include <cstdint>
#include <functional>
#include <memory>

namespace tenon::client {

// SegmentHandler is given each segment, whole, in order.
using SegmentHandler = std::function<Result<void>(ByteView segment)>;

// FullPayloadDecoder turns frames into segments, fed in pieces of any size: its verdict does not depend on how the
// bytes are cut. The seek table at the end is passed over, and may be left out.
// Thread: one.
class FullPayloadDecoder {
 public:
  // The first byte that is fed begins the frame of first_segment. Pre: first_segment <= image.segment_count().
  FullPayloadDecoder(const policies::Image& image, std::uint64_t first_segment, SegmentHandler handler);
  ~FullPayloadDecoder();
  FullPayloadDecoder(FullPayloadDecoder&&) noexcept;
  FullPayloadDecoder& operator=(FullPayloadDecoder&&) noexcept;

  // feed Errors: E_PARSE for broken frames, frames that say no length or too short a one, and bytes beyond the end;
  // E_LIMIT for a frame that says or holds more than its segment, or wants a larger window; what the handler returned.
  // After an error the decoder takes no more.
  Result<void> feed(ByteView piece);

  // finish Errors: E_MISMATCH when segments, or a part of the seek table, are missing.
  Result<void> finish() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenon::client
