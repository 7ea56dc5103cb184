#include <tenon/client/payload/full_payload.h>
#include <tenon/client/payload/little_endian.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/payload_writer.h>

#include <algorithm>
#include <future>
#include <memory>
#include <vector>

#include <zstd.h>

namespace tenon::repo_tools {
namespace {

constexpr int kMaxLevel = 19;  // above it zstd wants windows that a segment does not fill
constexpr unsigned kMaxWorkers = 16;
constexpr std::size_t kPieceBytes = 256u << 10;  // of a payload that is read back

// Worker compresses one segment at a time, on a thread of its own.
class Worker {
 public:
  explicit Worker(int level) : context_(ZSTD_createCCtx()) {
    TENON_CHECK(context_ != nullptr);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_compressionLevel, level);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_contentSizeFlag, 1);
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 0);
  }

  bool busy() const { return done_.valid(); }
  // segment may be filled while the worker is not busy.
  Bytes& segment() { return segment_; }
  void start() {
    done_ = std::async(std::launch::async, [this] { compress(); });
  }
  void wait() { done_.get(); }
  ByteView frame() const { return ByteView(frame_).first(frame_length_); }
  const Sha256& digest() const { return digest_; }

 private:
  // The context is given the length, so that the frame states it and the window is at most the segment.
  void compress() {
    digest_ = Sha256::of(segment_);
    frame_.resize(ZSTD_compressBound(segment_.size()));
    frame_length_ = ZSTD_compress2(context_.get(), frame_.data(), frame_.size(), segment_.data(), segment_.size());
    TENON_CHECK(!ZSTD_isError(frame_length_));
  }

  struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
  Bytes segment_;
  Bytes frame_;
  std::size_t frame_length_ = 0;
  Sha256 digest_;
  std::future<void> done_;  // last: its destructor waits for the thread, which uses the rest
};

Bytes seek_table(const std::vector<std::uint64_t>& frame_lengths, const policies::Image& image) {
  Bytes table;
  client::put_le32(table, client::kSeekTableFrameMagic);
  client::put_le32(table, frame_lengths.size() * client::kSeekEntryBytes + client::kSeekFooterBytes);
  for (std::size_t i = 0; i < frame_lengths.size(); ++i) {
    client::put_le32(table, frame_lengths[i]);
    client::put_le32(table, image.segment_length(i));
  }
  client::put_le32(table, frame_lengths.size());
  table.push_back(0);
  client::put_le32(table, client::kSeekTableFooterMagic);
  return table;
}

}  // namespace

Result<ImageReader::Described> write_full_payload(const std::filesystem::path& image_file, const policies::Label& slot,
                                                  const EncodeOptions& options,
                                                  const std::filesystem::path& payload_file, Progress& progress) {
  if (options.level < 1 || options.level > kMaxLevel) {
    return Error{ErrorCode::kUsage, "compression level " + std::to_string(options.level) + " is not 1 to 19"};
  }
  TENON_TRY(ImageReader reader, ImageReader::open(image_file, slot, options.segment_size));
  TENON_TRY(OutputFile out, OutputFile::create(payload_file));
  progress.begin(slot.text() + ": compress", reader.size());

  std::vector<std::unique_ptr<Worker>> workers;
  for (unsigned i = 0; i < std::clamp(options.workers, 1u, kMaxWorkers); ++i) {
    workers.push_back(std::make_unique<Worker>(options.level));
  }
  std::vector<std::uint64_t> frame_lengths;
  const auto collect = [&](Worker& worker) -> Result<void> {
    worker.wait();
    reader.add_digest(worker.digest());
    frame_lengths.push_back(worker.frame().size());
    progress.advance(std::min(reader.size(), frame_lengths.size() * options.segment_size));
    return out.write(worker.frame());
  };
  // Segments go to the workers in turn, and come back in the same order.
  for (std::uint64_t i = 0; i < reader.segment_count(); ++i) {
    Worker& worker = *workers[i % workers.size()];
    if (worker.busy()) TENON_TRY_VOID(collect(worker));
    TENON_TRY_VOID(reader.read(worker.segment()));
    worker.start();
  }
  for (std::uint64_t i = frame_lengths.size(); i < reader.segment_count(); ++i) {
    TENON_TRY_VOID(collect(*workers[i % workers.size()]));
  }
  progress.end();
  TENON_TRY(ImageReader::Described described, reader.finish());
  TENON_TRY_VOID(out.write(seek_table(frame_lengths, described.image)));
  TENON_TRY_VOID(out.finish());
  return described;
}

namespace {

// Reads a payload from front to back: segments go to use one after the other, and are the whole image at the end.
Result<PayloadIdentity> decode_full_payload(const std::filesystem::path& payload_file, const policies::Image& image,
                                            const client::SegmentHandler& use, Progress& progress) {
  const std::string place = printable(payload_file.native());
  TENON_TRY(InputFile in, InputFile::open(payload_file));
  Sha256Hasher whole;
  std::uint64_t decoded = 0;
  client::FullPayloadDecoder decoder(image, 0, [&](ByteView segment) -> Result<void> {
    TENON_TRY_VOID(use(segment));
    whole.update(segment);
    decoded += segment.size();
    progress.advance(decoded);
    return {};
  });
  Sha256Hasher payload;
  Bytes piece(kPieceBytes);
  Bytes tail;  // the last bytes read, of which the seek table is the end
  const std::uint64_t tail_length = client::seek_table_length(image);
  for (;;) {
    TENON_TRY(const std::size_t got, in.read(piece));
    if (got == 0) break;
    const ByteView bytes = ByteView(piece).first(got);
    payload.update(bytes);
    TENON_TRY_VOID(decoder.feed(bytes).with_context(place));
    tail.insert(tail.end(), bytes.begin(), bytes.end());
    if (tail.size() > tail_length) {
      tail.erase(tail.begin(), tail.end() - static_cast<std::ptrdiff_t>(tail_length));
    }
  }
  TENON_TRY_VOID(decoder.finish().with_context(place));
  TENON_TRY_VOID(client::SeekTable::read(tail, image, in.size()).with_context(place));
  if (whole.finish() != image.sha256) {
    return Error{ErrorCode::kMismatch, place + ": its segments are not the image that the release pins"};
  }
  return PayloadIdentity{in.size(), payload.finish()};
}

}  // namespace

Result<PayloadIdentity> check_full_payload(const std::filesystem::path& payload_file, const policies::Image& image,
                                           const client::SegmentList& segments, Progress& progress) {
  progress.begin(image.slot.text() + ": check", image.size);
  std::uint64_t index = 0;
  const auto check = [&](ByteView segment) { return segments.check(index++, segment); };
  TENON_TRY(const PayloadIdentity identity, decode_full_payload(payload_file, image, check, progress));
  progress.end();
  return identity;
}

Result<void> unpack_full_payload(const std::filesystem::path& payload_file, const policies::Image& image,
                                 const std::filesystem::path& image_file, Progress& progress) {
  TENON_TRY(OutputFile out, OutputFile::create(image_file));
  progress.begin("unpack", image.size);
  const auto write = [&](ByteView segment) { return out.write(segment); };
  const Result<PayloadIdentity> decoded = decode_full_payload(payload_file, image, write, progress);
  if (decoded) {
    progress.end();
    return {};
  }
  std::error_code error;
  std::filesystem::remove(image_file, error);
  return decoded.error();
}

}  // namespace tenon::repo_tools
