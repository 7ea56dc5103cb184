#include <tenon/client/payload/full_payload.h>
#include <tenon/client/payload/little_endian.h>

#include <algorithm>
#include <array>
#include <bit>
#include <optional>
#include <string>

#include <zstd.h>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxFrameHeaderBytes = 18;  // RFC 8878 3.1.1
constexpr std::size_t kDescriptorAt = 4;
constexpr int kMinWindowLog = 10;  // RFC 8878 3.1.1.1.2, and the least that libzstd takes as a limit

struct FreeDecoder {
  void operator()(ZSTD_DCtx* decoder) const { ZSTD_freeDCtx(decoder); }
};

// FrameDescriptor is the byte that says what the header of a frame holds. RFC 8878 3.1.1.1.1
struct FrameDescriptor {
  std::uint8_t bits;

  bool single_segment() const { return (bits & 0x20) != 0; }
  bool reserved() const { return (bits & 0x08) != 0; }
  bool dictionary() const { return (bits & 0x03) != 0; }
  std::size_t content_size_bytes() const {
    const std::size_t flag = bits >> 6;
    return flag == 0 ? (single_segment() ? 1 : 0) : std::size_t{1} << flag;
  }
  std::size_t header_bytes() const { return kDescriptorAt + 1 + (single_segment() ? 0 : 1) + content_size_bytes(); }
};

std::uint64_t read_content_size(ByteView field) {
  std::uint64_t value = 0;
  for (std::size_t i = field.size(); i-- > 0;) value = value << 8 | field[i];
  return field.size() == 2 ? value + 256 : value;  // RFC 8878 3.1.1.1.4
}

// At most 2^41 and a bit, by the widths of its fields. RFC 8878 3.1.1.1.2
std::uint64_t window_size(std::uint8_t window_descriptor) {
  const std::uint64_t base = std::uint64_t{1} << (kMinWindowLog + (window_descriptor >> 3));
  return base + (base >> 3) * (window_descriptor & 7u);
}

}  // namespace

// libzstd is given nothing before the frame header has passed here: it decodes a frame that is fed whole without
// looking at the window, and would so judge the same bytes by how they were cut.
struct FullPayloadDecoder::State {
  enum class Phase { kFrameHeader, kFrameBody, kTableHeader, kTableBody, kEnd, kFailed };

  State(const policies::Image& an_image, std::uint64_t first_segment, SegmentHandler a_handler)
      : image(an_image), index(first_segment), handler(std::move(a_handler)), decoder(ZSTD_createDCtx()) {
    TENON_CHECK(decoder != nullptr && index <= image.segment_count());
    const int window_log = std::max(kMinWindowLog, static_cast<int>(std::bit_width(image.segment_size)) - 1);
    TENON_CHECK(!ZSTD_isError(ZSTD_DCtx_setParameter(decoder.get(), ZSTD_d_windowLogMax, window_log)));
    segment.resize(static_cast<std::size_t>(std::min(image.segment_size, image.size)));
    begin_next();
  }

  Error wrong(ErrorCode code, const std::string& what) const {
    return Error{code, "frame of segment " + std::to_string(index) + ": " + what};
  }

  std::size_t wanted_length() const { return static_cast<std::size_t>(image.segment_length(index)); }

  void begin_next() {
    header_filled = 0;
    segment_filled = 0;
    phase = index < image.segment_count() ? Phase::kFrameHeader : Phase::kTableHeader;
  }

  // Moves bytes of the piece into the header until it holds so many; true once it does.
  bool fill_header(ByteView& piece, std::size_t wanted) {
    const std::size_t taken = std::min(piece.size(), wanted - std::min(wanted, header_filled));
    std::copy_n(piece.begin(), taken, header.begin() + static_cast<std::ptrdiff_t>(header_filled));
    header_filled += taken;
    piece = piece.subspan(taken);
    return header_filled >= wanted;
  }

  Result<void> take_frame_header(ByteView& piece) {
    if (!fill_header(piece, kDescriptorAt + 1)) return {};
    if (le32(header, 0) != kZstdFrameMagic) return wrong(ErrorCode::kParse, "is no zstd frame");
    const FrameDescriptor descriptor{header[kDescriptorAt]};
    if (descriptor.reserved() || descriptor.dictionary() || descriptor.content_size_bytes() == 0) {
      return wrong(ErrorCode::kParse, "has a dictionary, a reserved bit or no content size");
    }
    const std::size_t size = descriptor.header_bytes();
    if (!fill_header(piece, size)) return {};
    const std::uint64_t content = read_content_size(
        ByteView(header).subspan(size - descriptor.content_size_bytes(), descriptor.content_size_bytes()));
    const std::uint64_t window = descriptor.single_segment() ? content : window_size(header[kDescriptorAt + 1]);
    if (content != wanted_length()) {
      return wrong(
          content > wanted_length() ? ErrorCode::kLimit : ErrorCode::kParse,
          "says it holds " + std::to_string(content) + " bytes, the segment has " + std::to_string(wanted_length()));
    }
    if (window > image.segment_size) {
      return wrong(ErrorCode::kLimit, "wants a window of " + std::to_string(window) + " bytes, at most " +
                                          std::to_string(image.segment_size) + " is given");
    }
    ZSTD_DCtx_reset(decoder.get(), ZSTD_reset_session_only);
    phase = Phase::kFrameBody;
    ByteView held = ByteView(header).first(size);
    return decode(held);
  }

  // Feeds libzstd until it has used the bytes up or the frame ends; each turn uses or makes at least one byte.
  Result<void> decode(ByteView& piece) {
    while (!piece.empty() && phase == Phase::kFrameBody) {
      ZSTD_inBuffer in{piece.data(), piece.size(), 0};
      ZSTD_outBuffer out{segment.data(), wanted_length(), segment_filled};
      const std::size_t result = ZSTD_decompressStream(decoder.get(), &out, &in);
      if (ZSTD_isError(result)) return wrong(ErrorCode::kParse, ZSTD_getErrorName(result));
      const bool moved = in.pos > 0 || out.pos > segment_filled;
      piece = piece.subspan(in.pos);
      segment_filled = out.pos;
      if (result == 0) return end_frame();
      if (!moved) return wrong(ErrorCode::kLimit, "holds more than its segment");
    }
    return {};
  }

  Result<void> end_frame() {
    if (segment_filled != wanted_length()) {
      return wrong(ErrorCode::kParse, "holds " + std::to_string(segment_filled) + " bytes, the segment has " +
                                          std::to_string(wanted_length()));
    }
    TENON_TRY_VOID(handler(ByteView(segment).first(segment_filled)));
    ++index;
    begin_next();
    return {};
  }

  Result<void> take_table_header(ByteView& piece) {
    if (!fill_header(piece, kSkippableHeaderBytes)) return {};
    table_left = seek_table_length(image) - kSkippableHeaderBytes;
    if (le32(header, 0) != kSeekTableFrameMagic || le32(header, 4) != table_left) {
      return Error{ErrorCode::kParse, "what follows the last segment is not the seek table"};
    }
    phase = Phase::kTableBody;
    return {};
  }

  Result<void> take(ByteView& piece) {
    switch (phase) {
      case Phase::kFrameHeader: return take_frame_header(piece);
      case Phase::kFrameBody: return decode(piece);
      case Phase::kTableHeader: return take_table_header(piece);
      case Phase::kTableBody: {
        const std::uint64_t taken = std::min<std::uint64_t>(piece.size(), table_left);
        table_left -= taken;
        piece = piece.subspan(static_cast<std::size_t>(taken));
        if (table_left == 0) phase = Phase::kEnd;
        return {};
      }
      case Phase::kEnd: return Error{ErrorCode::kParse, "the payload goes on after its end"};
      case Phase::kFailed: break;
    }
    return Error{ErrorCode::kParse, "the payload was refused before"};
  }

  const policies::Image image;
  std::uint64_t index;  // of the segment that is decoded now
  const SegmentHandler handler;
  const std::unique_ptr<ZSTD_DCtx, FreeDecoder> decoder;
  Bytes segment;
  std::size_t segment_filled = 0;
  std::array<std::uint8_t, kMaxFrameHeaderBytes> header{};
  std::size_t header_filled = 0;
  std::uint64_t table_left = 0;  // bytes
  Phase phase = Phase::kEnd;
};

FullPayloadDecoder::FullPayloadDecoder(const policies::Image& image, std::uint64_t first_segment,
                                       SegmentHandler handler)
    : state_(std::make_unique<State>(image, first_segment, std::move(handler))) {}
FullPayloadDecoder::~FullPayloadDecoder() = default;
FullPayloadDecoder::FullPayloadDecoder(FullPayloadDecoder&&) noexcept = default;
FullPayloadDecoder& FullPayloadDecoder::operator=(FullPayloadDecoder&&) noexcept = default;

Result<void> FullPayloadDecoder::feed(ByteView piece) {
  while (!piece.empty()) {
    if (Result<void> taken = state_->take(piece); !taken) {
      state_->phase = State::Phase::kFailed;
      return taken;
    }
  }
  return {};
}

Result<void> FullPayloadDecoder::finish() const {
  const State& state = *state_;
  const bool table_untouched = state.phase == State::Phase::kTableHeader && state.header_filled == 0;
  if (state.phase == State::Phase::kEnd || table_untouched) return {};
  if (state.index < state.image.segment_count()) {
    return Error{ErrorCode::kMismatch, "the payload ends before segment " + std::to_string(state.index) + " of " +
                                           std::to_string(state.image.segment_count()) + " is whole"};
  }
  return Error{ErrorCode::kMismatch, "the payload ends inside its seek table"};
}

}  // namespace tenon::client
