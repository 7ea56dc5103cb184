#include <tenon/client/payload/delta_decoder.h>
#include <tenon/hsm/file_descriptor.h>
#include <tenon/metadata/utf8.h>
#include <tenon/policies/release.h>
#include <tenon/repo_tools/delta/checksum_rule.h>
#include <tenon/repo_tools/delta/delta_encoder.h>
#include <tenon/repo_tools/delta/piece_finder.h>
#include <tenon/repo_tools/delta_builder.h>
#include <tenon/repo_tools/mapped_file.h>
#include <tenon/repo_tools/unplaced_output.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <mutex>

#include <fcntl.h>
#include <sys/stat.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kTakeItsBase =
    "take the base that the delta was made for, unchanged: a file system that was mounted for writing is another";

// PlacedReads reads a file here and there.
class PlacedReads {
 public:
  static Result<PlacedReads> open(const fs::path& path) {
    hsm::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd) return storage_error(path, "cannot be read", errno);
    const off_t size = ::lseek(fd.get(), 0, SEEK_END);  // of a device too
    if (size < 0) return storage_error(path, "does not tell its size", errno);
    return PlacedReads(path, std::move(fd), static_cast<std::uint64_t>(size));
  }

  std::uint64_t size() const { return size_; }  // bytes

  Result<std::size_t> read_some(std::uint64_t offset, std::span<std::uint8_t> into) const {
    for (;;) {
      const ssize_t got = ::pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
      if (got >= 0) return static_cast<std::size_t>(got);
      if (errno != EINTR) return storage_error(path_, "cannot be read", errno);
    }
  }
  Result<void> read_all(std::uint64_t offset, std::span<std::uint8_t> into) const {
    while (!into.empty()) {
      TENON_TRY(const std::size_t got, read_some(offset, into));
      if (got == 0) return Error{ErrorCode::kStorage, printable(path_.native()) + ": has become shorter"};
      into = into.subspan(got);
      offset += got;
    }
    return {};
  }

 private:
  PlacedReads(fs::path path, hsm::FileDescriptor fd, std::uint64_t size)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size) {}
  fs::path path_;
  hsm::FileDescriptor fd_;
  std::uint64_t size_;
};

client::ReadPayload payload_of(const PlacedReads& file) {
  return [&file](std::uint64_t offset, std::span<std::uint8_t> into) { return file.read_some(offset, into); };
}

Result<client::DeltaHeader> header_of(const PlacedReads& file) {
  TENON_TRY(client::DeltaHeader header, client::DeltaHeader::read(payload_of(file)));
  if (header.payload_length() == file.size()) return header;
  return Error{ErrorCode::kMismatch,
               "the delta has " + std::to_string(file.size()) + " bytes, its header speaks of " +
                   std::to_string(header.payload_length()),
               "it was cut or damaged: fetch it again"};
}

// What is decoded, segment by segment, with the digest of the whole.
Result<client::BaseCache::Reads> decode(const client::DeltaHeader& header, const PlacedReads& payload,
                                        const PlacedReads& base,
                                        const std::function<Result<void>(std::uint64_t offset, ByteView segment)>& use,
                                        Progress& progress) {
  client::DeltaDecoder decoder(header, payload_of(payload), [&](std::uint64_t offset, std::span<std::uint8_t> into) {
    return base.read_all(offset, into);
  });
  Sha256Hasher whole;
  for (std::uint64_t index = 0; index < header.segment_count(); ++index) {
    const Result<ByteView> segment = decoder.next();
    if (!segment) return Error(segment.error()).with_hint(std::string(kTakeItsBase));  // a wrong base looks like damage
    whole.update(*segment);
    TENON_TRY_VOID(use(index * header.segment_size, *segment));
    progress.advance(index * header.segment_size + segment->size());
  }
  if (whole.finish() == header.image_sha256) return decoder.base_reads();
  return Error{
      ErrorCode::kMismatch, "what comes out is not the image that the delta is of",
      "take the base that the delta was made for, unchanged: a file system that was mounted for writing is another"};
}

Result<void> check_shape(const DeltaRequest& request, std::uint64_t base_size, std::uint64_t image_size) {
  if (std::max(base_size, image_size) > client::kMaxDeltaImageBytes) {
    return Error{ErrorCode::kLimit, "images above " + std::to_string(client::kMaxDeltaImageBytes) + " bytes"};
  }
  if (!std::has_single_bit(request.segment_size) || request.segment_size < 1u << 16 ||
      request.segment_size > 1u << 24) {
    return Error{ErrorCode::kUsage, "segments of " + std::to_string(request.segment_size) + " bytes",
                 "write a power of two from 64KiB to 16MiB"};
  }
  if (image_size > request.segment_size * policies::kMaxSegments) {
    return Error{
        ErrorCode::kLimit,
        printable(request.image.native()) + ": more than " + std::to_string(policies::kMaxSegments) + " segments",
        "use larger segments"};
  }
  return {};
}

// What stands in the header of a file system tells which bytes a decoder computes.
std::optional<client::Ext4Checksums> rule_for(ByteView image, bool use_file_system) {
  if (!use_file_system) return std::nullopt;
  const std::optional<Ext4Layout> layout = Ext4Layout::read(image);
  if (!layout) return std::nullopt;
  std::optional<client::Ext4Checksums> rule = checksum_rule(image, *layout);
  if (rule && !client::fits_a_header(*rule)) rule.reset();
  return rule;
}

// find_pieces finds out how much it has to do while it does it: the share that is done is what people see.
std::vector<Piece> matched_pieces(ByteView base, ByteView image, const MatchOptions& options, Progress& progress) {
  progress.begin("compare", image.size());
  std::uint64_t shown = 0;
  const auto matched = [&](std::uint64_t done, std::uint64_t total) {
    if (total == 0) return;
    const double share = static_cast<double>(std::min(done, total)) / static_cast<double>(total);
    shown = std::max(shown, static_cast<std::uint64_t>(share * static_cast<double>(image.size())));
    progress.advance(shown);
  };
  std::vector<Piece> pieces = find_pieces(base, image, options, matched);
  progress.end();
  return pieces;
}

}  // namespace

Result<BuiltDelta> build_delta(const DeltaRequest& request, Progress& progress) {
  TENON_TRY(const MappedFile base, MappedFile::open(request.base));
  TENON_TRY(MappedFile image, MappedFile::open(request.image));
  const std::uint64_t size = image.bytes().size();
  TENON_TRY_VOID(check_shape(request, base.bytes().size(), size));
  const Sha256 image_sha256 = Sha256::of(image.bytes());

  const std::vector<Piece> pieces =
      matched_pieces(base.bytes(), image.bytes(), {request.use_file_system, request.workers}, progress);

  progress.begin("code", size);
  const EncodedDelta delta = encode_delta(base.bytes(), image.writable(), image_sha256, pieces,
                                          rule_for(image.bytes(), request.use_file_system), {request.segment_size},
                                          [&](std::uint64_t done) { progress.advance(done); });
  progress.end();

  TENON_TRY(UnplacedOutput output, UnplacedOutput::create(request.payload));
  BuiltDelta built{delta.header, 0, {}, pieces.size()};
  Sha256Hasher payload_digest;
  const auto put = [&](ByteView bytes) {
    payload_digest.update(bytes);
    built.payload_bytes += bytes.size();
    return output.file().write(bytes);
  };
  TENON_TRY_VOID(put(delta.header_bytes));
  for (const Bytes& group : delta.groups) TENON_TRY_VOID(put(group));
  TENON_TRY_VOID(output.file().finish());
  built.payload_sha256 = payload_digest.finish();

  progress.begin("check", size);
  TENON_TRY(const PlacedReads written, PlacedReads::open(output.temporary()));
  TENON_TRY(const PlacedReads base_file, PlacedReads::open(request.base));
  TENON_TRY(const client::DeltaHeader header, header_of(written));
  const auto compared = [](std::uint64_t, ByteView) { return Result<void>(); };
  if (const auto decoded = decode(header, written, base_file, compared, progress); !decoded) {
    return Error{decoded.error().code, "reading the delta back: " + decoded.error().message,
                 "did an image change meanwhile? If not, this is a fault of ours; try --raw"};
  }
  progress.end();
  TENON_TRY_VOID(output.move_to_its_place());
  return built;
}

Result<AppliedDelta> apply_delta(const fs::path& base, const fs::path& payload, const fs::path& image,
                                 Progress& progress) {
  TENON_TRY(const PlacedReads payload_file, PlacedReads::open(payload));
  TENON_TRY(client::DeltaHeader header, header_of(payload_file).with_context(printable(payload.native())));
  TENON_TRY(const PlacedReads base_file, PlacedReads::open(base));
  if (base_file.size() < header.base_size) {
    return Error{ErrorCode::kMismatch, printable(base.native()) + ": has " + std::to_string(base_file.size()) +
                                           " bytes, the delta is for a base of " + std::to_string(header.base_size)};
  }
  TENON_TRY(UnplacedOutput output, UnplacedOutput::create(image));
  progress.begin("apply", header.image_size);
  TENON_TRY(const client::BaseCache::Reads reads,
            decode(
                header, payload_file, base_file,
                [&](std::uint64_t, ByteView segment) { return output.file().write_with_holes(segment); }, progress));
  progress.end();
  TENON_TRY_VOID(output.file().finish());
  TENON_TRY_VOID(output.move_to_its_place());
  return AppliedDelta{std::move(header), reads};
}

Result<Resemblance> compare_images(const fs::path& base, const fs::path& image, bool use_file_system, unsigned workers,
                                   Progress& progress) {
  TENON_TRY(const MappedFile base_file, MappedFile::open(base));
  TENON_TRY(const MappedFile image_file, MappedFile::open(image));
  Resemblance found;
  found.image_bytes = image_file.bytes().size();
  for (const Piece& piece :
       matched_pieces(base_file.bytes(), image_file.bytes(), {use_file_system, workers}, progress)) {
    if (piece.kind == PieceKind::kZero) found.zero_bytes += piece.length;
    if (piece.kind == PieceKind::kLiteral) found.new_bytes += piece.length;
    if (piece.kind != PieceKind::kAdd) continue;
    for (std::uint64_t i = 0; i < piece.length; ++i) {
      const bool same = image_file.bytes()[static_cast<std::size_t>(piece.offset + i)] ==
                        base_file.bytes()[static_cast<std::size_t>(piece.base_offset + i)];
      ++(same ? found.same_bytes : found.changed_bytes);
    }
  }
  return found;
}

Result<client::DeltaHeader> read_delta_header(const fs::path& payload) {
  TENON_TRY(const PlacedReads file, PlacedReads::open(payload));
  return header_of(file).with_context(printable(payload.native()));
}

}  // namespace tenon::repo_tools
