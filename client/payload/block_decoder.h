// BlockDecoder: one block of a local payload, packed with what lies before it in sight. Nothing it is given is trusted: it takes no
// memory beyond its own context, whatever a frame says. docs/payload-format.md, "The local payload". Thread: one.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

namespace tenon::client {

// The first bytes of each frame, which are not sent: zstd's magic, and a header that says a window of 128 KiB and no more.
inline constexpr std::array<std::uint8_t, 6> kBlockFrameStart = {0x28, 0xB5, 0x2F, 0xFD, 0x00, 0x38};
inline constexpr int kBlockWindowLog = 17;

// block_prefix is what a block at that place of its segment is packed with in sight: what is before it, up to 64 KiB.
inline ByteView block_prefix(ByteView segment, std::size_t at) {
  constexpr std::size_t kMost = 64u << 10;
  const std::size_t length = at < kMost ? at : kMost;
  return segment.subspan(at - length, length);
}

class BlockDecoder {
 public:
  BlockDecoder();
  ~BlockDecoder();
  BlockDecoder(BlockDecoder&&) noexcept;
  BlockDecoder& operator=(BlockDecoder&&) noexcept;

  // decode fills the span. Errors: E_PARSE for a frame that is damaged, or holds fewer or more bytes.
  Result<void> decode(ByteView frame, ByteView prefix, std::span<std::uint8_t> into);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace tenon::client
