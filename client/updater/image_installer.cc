#include <tenon/client/payload/full_payload.h>
#include <tenon/client/payload/seek_table.h>
#include <tenon/client/updater/image_installer.h>

#include <algorithm>

namespace tenon::client {
namespace {

constexpr std::uint64_t kCheckpointBytes = 16u << 20;  // installing.md 1.2, step 4

class DecodingSink final : public ByteSink {
 public:
  explicit DecodingSink(FullPayloadDecoder& decoder) : decoder_(&decoder) {}
  Result<void> accept(ByteView piece) override { return decoder_->feed(piece); }

 private:
  FullPayloadDecoder* decoder_;
};

class TailSink final : public ByteSink {
 public:
  Result<void> accept(ByteView piece) override {
    bytes.insert(bytes.end(), piece.begin(), piece.end());
    return {};
  }
  Bytes bytes;
};

}  // namespace

ImageInstaller::ImageInstaller(const policies::Image& image, const SegmentList& segments, Slot& slot,
                               Reporter& reporter)
    : image_(&image), segments_(&segments), slot_(&slot), reporter_(&reporter), buffer_(image.segment_size) {}

Result<bool> ImageInstaller::slot_holds(std::uint64_t index) {
  const std::span<std::uint8_t> segment(buffer_.data(), image_->segment_length(index));
  TENON_TRY_VOID(slot_->read_at(index * image_->segment_size, segment));
  return segments_->matches(index, segment);
}

Result<std::uint64_t> ImageInstaller::resume_at(std::uint64_t checkpoint) {
  std::uint64_t index = std::min(checkpoint, segments_->count());
  while (index < segments_->count()) {
    TENON_TRY(const bool held, slot_holds(index));
    if (!held) break;
    ++index;
  }
  return index;
}

Result<std::uint64_t> ImageInstaller::payload_offset(const PartReader& payload, std::uint64_t payload_length,
                                                     std::uint64_t first) {
  if (first == 0) return 0;
  const std::uint64_t tail_length = seek_table_length(*image_);
  if (tail_length > payload_length) return Error{ErrorCode::kParse, "the payload has no seek table"};
  TailSink tail;
  TENON_TRY_VOID(payload.read(payload_length - tail_length, tail));
  TENON_TRY(const SeekTable table, SeekTable::read(tail.bytes, *image_, payload_length));
  return table.offset_of(first);
}

Result<void> ImageInstaller::write(RepositoryClient& client, const TrustedRepository& repository,
                                   const metadata::VerifiedTarget& payload, std::uint64_t first,
                                   const SaveCheckpoint& save_checkpoint) {
  std::uint64_t index = first;
  std::uint64_t unflushed = 0;
  const auto take_segment = [&](ByteView segment) -> Result<void> {
    TENON_TRY_VOID(segments_->check(index, segment));
    TENON_TRY_VOID(slot_->write_at(index * image_->segment_size, segment));
    ++index;
    unflushed += segment.size();
    if (unflushed >= kCheckpointBytes) {
      TENON_TRY_VOID(slot_->flush());
      TENON_TRY_VOID(save_checkpoint(index));
      unflushed = 0;
    }
    reporter_->progress("write", std::min(index * image_->segment_size, image_->size), image_->size);
    return {};
  };
  const Result<void> fetched = client.read_parts(repository, payload, [&](const PartReader& source) -> Result<void> {
    TENON_TRY(const std::uint64_t offset, payload_offset(source, payload.length(), index));
    FullPayloadDecoder decoder(*image_, index, take_segment);
    DecodingSink sink(decoder);
    TENON_TRY_VOID(source.read(offset, sink));
    return decoder.finish();
  });
  if (index > first) {
    TENON_TRY_VOID(slot_->flush());
    TENON_TRY_VOID(save_checkpoint(index));
  }
  return fetched;
}

Result<void> ImageInstaller::read_back(const SaveCheckpoint& save_checkpoint) {
  slot_->forget_cache();
  for (std::uint64_t index = 0; index < segments_->count(); ++index) {
    TENON_TRY(const bool held, slot_holds(index));
    if (!held) {
      TENON_TRY_VOID(save_checkpoint(index));
      return Error{ErrorCode::kStorage, "segment " + std::to_string(index) + " read back is not what was written"}
          .with_hint("install again to write it once more; if it happens again, the medium is failing");
    }
    reporter_->progress("verify", std::min((index + 1) * image_->segment_size, image_->size), image_->size);
  }
  return {};
}

}  // namespace tenon::client
