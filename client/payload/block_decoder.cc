#include <tenon/client/payload/block_decoder.h>
#include <tenon/client/payload/zstd_frame.h>
#include <tenon/metadata/check.h>

#include <string>

#include <zstd.h>

namespace tenon::client {

struct BlockDecoder::State {
  struct Free {
    void operator()(ZSTD_DCtx* unused) const { ZSTD_freeDCtx(unused); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context{ZSTD_createDCtx()};
  Bytes frame;
};

BlockDecoder::BlockDecoder() : state_(std::make_unique<State>()) {
  TENON_CHECK(state_->context != nullptr);
}
BlockDecoder::~BlockDecoder() = default;
BlockDecoder::BlockDecoder(BlockDecoder&&) noexcept = default;
BlockDecoder& BlockDecoder::operator=(BlockDecoder&&) noexcept = default;

Result<void> BlockDecoder::decode(ByteView frame, ByteView prefix, std::span<std::uint8_t> into) {
  Bytes& whole = state_->frame;
  whole.assign(kBlockFrameStart.begin(), kBlockFrameStart.end());
  whole.insert(whole.end(), frame.begin(), frame.end());
  if (!is_one_frame(whole)) return Error{ErrorCode::kParse, "a frame is damaged, or more than one"};
  ZSTD_DCtx* const context = state_->context.get();
  ZSTD_DCtx_reset(context, ZSTD_reset_session_only);
  TENON_CHECK(!ZSTD_isError(ZSTD_DCtx_refPrefix(context, prefix.data(), prefix.size())));
  const std::size_t length = ZSTD_decompressDCtx(context, into.data(), into.size(), whole.data(), whole.size());
  if (ZSTD_isError(length)) return Error{ErrorCode::kParse, std::string("a frame: ") + ZSTD_getErrorName(length)};
  if (length == into.size()) return {};
  return Error{ErrorCode::kParse,
               "a frame holds " + std::to_string(length) + " bytes, not " + std::to_string(into.size())};
}

}  // namespace tenon::client
