// AnswerReader: the answer to one errand as it comes in from the courier, in pieces of any size. The sink gets the
// bytes of the file and no more than were asked for; nothing is kept but a head and an end. It does no I/O.
// Thread: one.
#pragma once

#include <tenon/client/errands/errand_wire.h>
#include <tenon/client/ports/fetcher.h>

#include <cstdint>
#include <optional>

namespace tenon::client {

class AnswerReader {
 public:
  // Caller must: keep request and sink alive.
  AnswerReader(const FetchRequest& request, ByteSink& sink) : request_(request), sink_(sink) {}

  // take takes the next bytes. Caller must: give nothing more after an error.
  // Errors: E_NET for what is no answer to this request; E_LIMIT when more comes than was asked for; what the sink
  // returned.
  Result<void> take(ByteView bytes);

  // end is there once the answer is whole.
  const std::optional<ErrandEnd>& end() const { return end_; }

 private:
  Result<void> take_piece(ByteView& bytes);
  Result<void> take_head(ByteView& bytes);
  Result<void> take_end(ByteView& bytes);
  // collect moves bytes to collected_ until it has so many. True when it has.
  bool collect(ByteView& bytes, std::size_t wanted);

  const FetchRequest& request_;
  ByteSink& sink_;
  Bytes collected_ = {};  // of a head, or of an end's body
  std::optional<std::uint32_t> end_length_ = {};
  std::uint32_t piece_left_ = 0;
  std::uint64_t delivered_ = 0;
  std::optional<ErrandEnd> end_ = {};
};

}  // namespace tenon::client
