// FrameDecoder: one zstd frame whose content has a known length, held whole. Nothing it is given is trusted: it takes no memory
// beyond its own context, whatever a frame says of itself. Thread: one.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <memory>
#include <span>

namespace tenon::client {

class FrameDecoder {
 public:
  FrameDecoder();
  ~FrameDecoder();
  FrameDecoder(FrameDecoder&&) noexcept;
  FrameDecoder& operator=(FrameDecoder&&) noexcept;

  // decode fills the span. Errors: E_PARSE for a frame that is damaged, or holds fewer or more bytes.
  Result<void> decode(ByteView frame, std::span<std::uint8_t> into);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenon::client
