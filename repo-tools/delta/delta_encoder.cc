#include <tenon/client/payload/group_reader.h>
#include <tenon/client/payload/piece_model.h>
#include <tenon/client/payload/varint.h>
#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/delta/delta_encoder.h>
#include <tenon/repo_tools/delta/range_encoder.h>

#include <algorithm>
#include <bit>
#include <memory>

#include <zstd.h>

namespace tenon::repo_tools {
namespace {

using client::GroupStream;
using client::kMaxRecordBytes;

constexpr int kLiteralLevel = 19;

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};
struct FreeDecompressor {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

// A moment of decoding, counted in pieces, from which on so many bytes of a stream are needed.
struct Need {
  std::size_t moment = 0;
  std::size_t bytes = 0;
};

Bytes compress(ByteView literals, unsigned window_log) {
  if (literals.empty()) return {};
  const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  TENON_CHECK(context != nullptr);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, kLiteralLevel);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, static_cast<int>(window_log));
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 0);
  Bytes packed(ZSTD_compressBound(literals.size()));
  const std::size_t length =
      ZSTD_compress2(context.get(), packed.data(), packed.size(), literals.data(), literals.size());
  TENON_CHECK(!ZSTD_isError(length));
  packed.resize(length);
  return packed;
}

// For each record's worth of packed literals, how many literals can be had without it.
std::vector<std::size_t> literals_before(ByteView packed) {
  const std::unique_ptr<ZSTD_DCtx, FreeDecompressor> context(ZSTD_createDCtx());
  TENON_CHECK(context != nullptr);
  Bytes scratch(ZSTD_DStreamOutSize());
  std::vector<std::size_t> before;
  std::size_t literals = 0;
  for (std::size_t begin = 0; begin < packed.size(); begin += kMaxRecordBytes) {
    before.push_back(literals);
    const ByteView record = packed.subspan(begin, std::min(kMaxRecordBytes, packed.size() - begin));
    ZSTD_inBuffer in{record.data(), record.size(), 0};
    for (bool more = true; more;) {
      ZSTD_outBuffer out{scratch.data(), scratch.size(), 0};
      const std::size_t result = ZSTD_decompressStream(context.get(), &out, &in);
      TENON_CHECK(!ZSTD_isError(result));
      literals += out.pos;
      more = in.pos < in.size || out.pos == out.size;
    }
  }
  return before;
}

void put_record(Bytes& group, GroupStream stream, ByteView all, std::size_t& at) {
  const ByteView record = all.subspan(at, std::min(kMaxRecordBytes, all.size() - at));
  client::put_varint(group, record.size() << 1 | static_cast<std::uint64_t>(stream));
  group.insert(group.end(), record.begin(), record.end());
  at += record.size();
}

// GroupWriter codes the pieces of one group.
class GroupWriter {
 public:
  GroupWriter() : model_(encoder_) {}

  std::uint64_t segments() const { return segments_; }
  const Bytes& literals() const { return literals_; }
  // About how many bytes the group will have: literals shrink to a half or so.
  std::size_t estimate() const { return encoder_.needed() + literals_.size() / 2; }

  void add(ByteView base, std::span<std::uint8_t> image, const Piece& piece, std::uint64_t left_of_segment) {
    const std::span<std::uint8_t> bytes =
        image.subspan(static_cast<std::size_t>(piece.offset), static_cast<std::size_t>(piece.length));
    model_.code_kind(piece.kind);
    if (piece.kind == PieceKind::kAdd) model_.code_move(piece.offset - piece.base_offset);
    model_.code_length(piece.length, left_of_segment);
    if (piece.kind == PieceKind::kLiteral) literals_.insert(literals_.end(), bytes.begin(), bytes.end());
    if (piece.kind == PieceKind::kAdd) {
      const ByteView from = base.subspan(static_cast<std::size_t>(piece.base_offset), bytes.size());
      if (!model_.code_exact(std::ranges::equal(from, bytes))) {
        TENON_CHECK(model_.code_difference(from.data(), bytes.data(), bytes.size(), piece.base_offset));
      }
    }
    piece_needs_.push_back({moment_, encoder_.needed()});
    literal_needs_.push_back({moment_, literals_.size()});
    ++moment_;
    if (piece.length == left_of_segment) ++segments_;
  }

  // finish puts the records in the order in which a decoder needs them.
  Bytes finish(unsigned window_log) {
    const Bytes pieces = encoder_.finish();
    const Bytes packed = compress(literals_, window_log);
    const std::vector<std::size_t> before = literals_before(packed);
    Bytes group;
    std::size_t pieces_at = 0;
    std::size_t packed_at = 0;
    for (std::size_t moment = 0; moment < moment_; ++moment) {
      while (pieces_at < pieces.size() && pieces_at < piece_needs_[moment].bytes) {
        put_record(group, GroupStream::kPieces, pieces, pieces_at);
      }
      while (packed_at < packed.size() && before[packed_at / kMaxRecordBytes] < literal_needs_[moment].bytes) {
        put_record(group, GroupStream::kLiterals, packed, packed_at);
      }
    }
    while (packed_at < packed.size()) put_record(group, GroupStream::kLiterals, packed, packed_at);
    TENON_CHECK(pieces_at == pieces.size());
    return group;
  }

 private:
  RangeEncoder encoder_;
  client::PieceModel<RangeEncoder> model_;
  Bytes literals_;
  std::vector<Need> piece_needs_;
  std::vector<Need> literal_needs_;
  std::size_t moment_ = 0;
  std::uint64_t segments_ = 0;
};

// BytesToCompute takes bytes that a decoder computes out of what is coded.
class BytesToCompute {
 public:
  BytesToCompute(ByteView base, std::span<std::uint8_t> image, const std::vector<Piece>& pieces)
      : base_(base), image_(image), pieces_(&pieces) {}

  void take_out(std::uint64_t offset, std::size_t length) {
    for (std::uint64_t at = offset; at < offset + length; ++at) {
      const Piece& piece = *std::prev(std::ranges::upper_bound(*pieces_, at, {}, &Piece::offset));
      image_[static_cast<std::size_t>(at)] =
          piece.kind == PieceKind::kAdd ? base_[static_cast<std::size_t>(piece.base_offset + (at - piece.offset))]
                                        : std::uint8_t{0};
    }
  }

 private:
  ByteView base_;
  std::span<std::uint8_t> image_;
  const std::vector<Piece>* pieces_;
};

// What apply() writes: it computes everything, and where that changed nothing it is what was there.
void take_out_checksums(const client::Ext4Checksums& checksums, std::span<std::uint8_t> image, BytesToCompute& out) {
  const client::Ext4Checksums::Layout& layout = checksums.layout();
  for (const client::Ext4Checksums::InodeTable& table : layout.tables) {
    for (std::uint64_t i = 0; i < table.count; ++i) {
      const std::uint64_t offset = table.offset + i * layout.inode_size;
      const ByteView inode = ByteView(image).subspan(static_cast<std::size_t>(offset), layout.inode_size);
      if (is_zero(inode) || std::ranges::binary_search(layout.left_inodes, static_cast<std::uint32_t>(table.first + i)))
        continue;
      out.take_out(offset + client::Ext4Checksums::kLowHalfAt, 2);
      if (client::Ext4Checksums::has_high_half(inode)) out.take_out(offset + client::Ext4Checksums::kHighHalfAt, 2);
    }
  }
  auto listed = layout.directories.begin();
  for (std::uint64_t offset = 0; image.size() - offset >= layout.block_size; offset += layout.block_size) {
    const ByteView block = ByteView(image).subspan(static_cast<std::size_t>(offset), layout.block_size);
    bool computed = false;
    if (listed != layout.directories.end() && listed->offset == offset) {
      computed = true;
      ++listed;
    } else if (!std::ranges::binary_search(layout.left_blocks, offset)) {
      computed = client::Ext4Checksums::inode_of_first_block(block).has_value();
    }
    if (computed) out.take_out(offset + layout.block_size - 4, 4);
  }
}

unsigned window_log_for(std::size_t literals) {
  return std::clamp(static_cast<unsigned>(std::bit_width(literals)), client::kMinLiteralWindowLog,
                    client::kMaxLiteralWindowLog);
}

}  // namespace

EncodedDelta encode_delta(ByteView base, std::span<std::uint8_t> image, const Sha256& image_sha256,
                          const std::vector<Piece>& pieces, std::optional<client::Ext4Checksums> checksums,
                          const DeltaOptions& options, const Advance& advance) {
  EncodedDelta delta;
  client::DeltaHeader& header = delta.header;
  header.image_size = image.size();
  header.image_sha256 = image_sha256;
  header.segment_size = options.segment_size;
  header.base_size = base.size();
  if (checksums) {
    BytesToCompute out(base, image, pieces);
    take_out_checksums(*checksums, image, out);
  }
  header.checksums = std::move(checksums);

  std::unique_ptr<GroupWriter> group;
  const auto finish_group = [&] {
    const unsigned window_log = window_log_for(group->literals().size());
    header.literal_window_log = std::max(header.literal_window_log, window_log);
    delta.groups.push_back(group->finish(window_log));
    header.groups.push_back({group->segments(), delta.groups.back().size()});
    group.reset();
  };
  std::uint64_t segment_end = 0;
  for (const Piece& piece : pieces) {
    const std::uint64_t end = piece.offset + piece.length;
    for (std::uint64_t at = piece.offset; at < end;) {
      if (at == segment_end) {
        if (group != nullptr && group->estimate() >= options.group_bytes) finish_group();
        segment_end = std::min<std::uint64_t>(image.size(), segment_end + options.segment_size);
        advance(at);
      }
      if (group == nullptr) group = std::make_unique<GroupWriter>();
      const std::uint64_t length = std::min(end, segment_end) - at;
      group->add(base, image, {piece.kind, at, length, piece.base_offset + (at - piece.offset)}, segment_end - at);
      at += length;
    }
  }
  if (group != nullptr) finish_group();
  advance(image.size());
  delta.header_bytes = header.to_bytes();
  header.length = delta.header_bytes.size();
  return delta;
}

}  // namespace tenon::repo_tools
