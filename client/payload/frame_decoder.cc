#include <tenon/client/payload/frame_decoder.h>
#include <tenon/metadata/check.h>

#include <string>

#include <zstd.h>

namespace tenon::client {

struct FrameDecoder::State {
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context{ZSTD_createDCtx()};
};

FrameDecoder::FrameDecoder() : state_(std::make_unique<State>()) {
  TENON_CHECK(state_->context != nullptr);
}
FrameDecoder::~FrameDecoder() = default;
FrameDecoder::FrameDecoder(FrameDecoder&&) noexcept = default;
FrameDecoder& FrameDecoder::operator=(FrameDecoder&&) noexcept = default;

Result<void> FrameDecoder::decode(ByteView frame, std::span<std::uint8_t> into) {
  const std::size_t length =
      ZSTD_decompressDCtx(state_->context.get(), into.data(), into.size(), frame.data(), frame.size());
  if (ZSTD_isError(length)) return Error{ErrorCode::kParse, std::string("a frame: ") + ZSTD_getErrorName(length)};
  if (length == into.size()) return {};
  return Error{ErrorCode::kParse,
               "a frame holds " + std::to_string(length) + " bytes, not " + std::to_string(into.size())};
}

}  // namespace tenon::client
