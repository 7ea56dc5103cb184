#include <tenon/client/payload/delta_decoder.h>
#include <tenon/client/payload/group_reader.h>
#include <tenon/client/payload/piece_model.h>
#include <tenon/client/payload/range_decoder.h>

#include <algorithm>
#include <optional>

#include <zstd.h>

namespace tenon::client {
namespace {

// For a segment at most so many times its size is read from the base: a piece for each 16 bytes of it, each from a block of its own.
constexpr std::uint64_t kMostBaseReads = 1024;

struct FreeDecoder {
  void operator()(ZSTD_DCtx* decoder) const { ZSTD_freeDCtx(decoder); }
};

// The literals of a group: one zstd frame, or nothing.
class Literals {
 public:
  Literals(GroupReader& group, unsigned window_log) : group_(&group), decoder_(ZSTD_createDCtx()) {
    TENON_CHECK(decoder_ != nullptr);
    TENON_CHECK(
        !ZSTD_isError(ZSTD_DCtx_setParameter(decoder_.get(), ZSTD_d_windowLogMax, static_cast<int>(window_log))));
  }

  Result<void> read(std::span<std::uint8_t> into) {
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    while (out.pos < out.size) {
      TENON_TRY(const bool more, decode(out));
      if (!more && out.pos < out.size) return Error{ErrorCode::kParse, "the literals end too early"};
    }
    return {};
  }

  // finish Errors: E_PARSE when there are more.
  Result<void> finish() {
    std::uint8_t extra = 0;
    ZSTD_outBuffer out{&extra, 1, 0};
    for (bool more = true; more && out.pos == 0;) {
      TENON_TRY(more, decode(out));
    }
    if (out.pos > 0 || (begun_ && !ended_) || !held_.empty())
      return Error{ErrorCode::kParse, "there are more literals than pieces"};
    return {};
  }

 private:
  // One step of libzstd; new bytes are asked for when it has nothing left to give. Returns: whether anything may follow.
  Result<bool> decode(ZSTD_outBuffer& out) {
    const std::size_t before = out.pos;
    if (ended_) return false;
    if (begun_ && held_.empty()) {
      TENON_TRY_VOID(step(out));
      if (ended_ || out.pos > before) return true;
    }
    if (held_.empty()) {
      TENON_TRY(held_, group_->next(GroupStream::kLiterals));
      if (held_.empty()) return false;
      begun_ = true;
    }
    TENON_TRY_VOID(step(out));
    return true;
  }

  Result<void> step(ZSTD_outBuffer& out) {
    ZSTD_inBuffer in{held_.data(), held_.size(), 0};
    const std::size_t result = ZSTD_decompressStream(decoder_.get(), &out, &in);
    if (ZSTD_isError(result)) return Error{ErrorCode::kParse, std::string("literals: ") + ZSTD_getErrorName(result)};
    held_ = held_.subspan(in.pos);
    ended_ = result == 0;
    return {};
  }

  GroupReader* group_;
  std::unique_ptr<ZSTD_DCtx, FreeDecoder> decoder_;
  ByteView held_;
  bool begun_ = false;
  bool ended_ = false;
};

}  // namespace

struct DeltaDecoder::State {
  // One group that is being decoded.
  struct Group {
    Group(const ReadPayload& payload, std::uint64_t offset, std::uint64_t length, unsigned window_log)
        : reader(payload, offset, length),
          literals(reader, window_log),
          bits([this] { return more_pieces(); }),
          model(bits) {
      bits.begin();
    }
    Group(const Group&) = delete;
    Group& operator=(const Group&) = delete;

    ByteView more_pieces() {
      Result<ByteView> bytes = reader.next(GroupStream::kPieces);
      if (bytes) return *bytes;
      failure = std::move(bytes).error();
      return {};
    }

    GroupReader reader;
    Literals literals;
    std::optional<Error> failure;
    RangeDecoder bits;
    PieceModel<RangeDecoder> model;
  };

  State(DeltaHeader a_header, ReadPayload a_payload, ReadBase base)
      : header(std::move(a_header)), payload(std::move(a_payload)), cache(std::move(base), header.base_size) {}

  Error wrong(ErrorCode code, const std::string& what) const {
    return Error{code, "delta, segment " + std::to_string(next_segment) + ": " + what};
  }

  // Where a group begins in the payload and in the image.
  void open_group(std::size_t index) {
    group.reset();
    group_index = index;
    std::uint64_t offset = header.length;
    next_segment = 0;
    for (std::size_t i = 0; i < index; ++i) {
      offset += header.groups[i].bytes;
      next_segment += header.groups[i].segments;
    }
    group_end = next_segment + header.groups[index].segments;
    group = std::make_unique<Group>(payload, offset, header.groups[index].bytes, header.literal_window_log);
  }

  std::size_t group_of(std::uint64_t a_segment) const {
    std::size_t index = 0;
    for (std::uint64_t end = header.groups[0].segments; end <= a_segment; end += header.groups[index].segments) ++index;
    return index;
  }

  Result<void> decode_piece(std::span<std::uint8_t>& left, std::uint64_t offset) {
    PieceModel<RangeDecoder>& model = group->model;
    const PieceKind kind = model.code_kind(PieceKind::kAdd);
    const std::uint64_t move = kind == PieceKind::kAdd ? model.code_move(0) : 0;
    const std::uint64_t length = model.code_length(1, left.size());
    if (group->bits.ran_out())
      return group->failure ? *group->failure : wrong(ErrorCode::kParse, "the pieces end too early");
    if (length > left.size()) return wrong(ErrorCode::kParse, "a piece goes beyond its segment");
    const std::span<std::uint8_t> piece = left.first(static_cast<std::size_t>(length));
    left = left.subspan(piece.size());
    switch (kind) {
      case PieceKind::kLiteral: return group->literals.read(piece);
      case PieceKind::kZero: std::ranges::fill(piece, std::uint8_t{0}); return {};
      case PieceKind::kAdd: break;
    }
    const std::uint64_t base_offset = offset - move;
    if (base_offset > header.base_size || length > header.base_size - base_offset) {
      return wrong(ErrorCode::kParse, "a piece is taken from beyond the base");
    }
    if (cache.reads().bytes - read_before > kMostBaseReads * header.segment_size) {
      return wrong(ErrorCode::kLimit, "it is taken from too many places of the base");
    }
    const bool exact = model.code_exact(true);
    TENON_TRY_VOID(cache.read(base_offset, piece));
    if (!exact && !model.code_difference(piece.data(), piece.data(), piece.size(), base_offset)) {
      return wrong(ErrorCode::kParse, "it passes over more than its piece");
    }
    return {};
  }

  Result<ByteView> decode_segment() {
    if (group == nullptr || next_segment == group_end) open_group(group == nullptr ? group_index : group_index + 1);
    const std::uint64_t begin = next_segment * header.segment_size;
    segment.resize(static_cast<std::size_t>(header.segment_length(next_segment)));
    read_before = cache.reads().bytes;
    std::span<std::uint8_t> left(segment);
    while (!left.empty()) TENON_TRY_VOID(decode_piece(left, begin + (segment.size() - left.size())));
    if (group->bits.ran_out())
      return group->failure ? *group->failure : wrong(ErrorCode::kParse, "the pieces end too early");
    if (next_segment + 1 == group_end) {
      TENON_TRY_VOID(group->literals.finish());
      if (!group->bits.used_up() || !group->reader.at_end())
        return wrong(ErrorCode::kParse, "its group goes on after its end");
    }
    if (header.checksums) header.checksums->apply(begin, segment);
    ++next_segment;
    return ByteView(segment);
  }

  DeltaHeader header;
  ReadPayload payload;
  BaseCache cache;
  std::unique_ptr<Group> group;
  std::size_t group_index = 0;
  std::uint64_t group_end = 0;     // segment
  std::uint64_t next_segment = 0;  // that is decoded next
  std::uint64_t wanted = 0;        // that is given next
  std::uint64_t read_before = 0;   // bytes of the base, when the segment began
  Bytes segment;
  bool failed = false;
};

DeltaDecoder::DeltaDecoder(DeltaHeader header, ReadPayload payload, ReadBase base)
    : state_(std::make_unique<State>(std::move(header), std::move(payload), std::move(base))) {}
DeltaDecoder::~DeltaDecoder() = default;
DeltaDecoder::DeltaDecoder(DeltaDecoder&&) noexcept = default;
DeltaDecoder& DeltaDecoder::operator=(DeltaDecoder&&) noexcept = default;

const DeltaHeader& DeltaDecoder::header() const {
  return state_->header;
}

const BaseCache::Reads& DeltaDecoder::base_reads() const {
  return state_->cache.reads();
}

void DeltaDecoder::begin_at(std::uint64_t segment) {
  TENON_CHECK(segment <= state_->header.segment_count());
  state_->wanted = segment;
  if (segment == state_->header.segment_count()) return;
  const std::size_t index = state_->group_of(segment);
  const bool on_the_way = state_->group != nullptr && state_->group_index == index && state_->next_segment <= segment;
  if (on_the_way) return;
  state_->group.reset();
  state_->open_group(index);
}

Result<ByteView> DeltaDecoder::next() {
  TENON_CHECK(state_->wanted < state_->header.segment_count());
  if (state_->failed) return Error{ErrorCode::kParse, "the delta was refused before"};
  for (;;) {
    Result<ByteView> segment = state_->decode_segment();
    if (!segment) {
      state_->failed = true;
      return segment;
    }
    if (state_->next_segment > state_->wanted) {
      ++state_->wanted;
      return segment;
    }
  }
}

}  // namespace tenon::client
