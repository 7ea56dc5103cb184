#include <tenon/client/payload/seek_table.h>
#include <tenon/client/updater/byte_collector.h>
#include <tenon/client/updater/full_payload_source.h>

namespace tenon::client {
namespace {

class DecodingSink final : public ByteSink {
 public:
  explicit DecodingSink(FullPayloadDecoder& decoder) : decoder_(&decoder) {}
  Result<void> accept(ByteView piece) override { return decoder_->feed(piece); }

 private:
  FullPayloadDecoder* decoder_;
};

Result<std::uint64_t> offset_of(std::uint64_t segment, const PartReader& parts, std::uint64_t payload_length,
                                const policies::Image& image) {
  if (segment == 0) return 0;
  const std::uint64_t tail_length = seek_table_length(image);
  if (tail_length > payload_length) return Error{ErrorCode::kParse, "the payload has no seek table"};
  ByteCollector tail;
  TENON_TRY_VOID(parts.read_end(tail_length, tail));
  TENON_TRY(const SeekTable table, SeekTable::read(tail.bytes, image, payload_length));
  return table.offset_of(segment);
}

}  // namespace

Result<void> read_full_payload(const PartReader& parts, std::uint64_t payload_length, const policies::Image& image,
                               std::uint64_t first, const SegmentHandler& take) {
  TENON_TRY(const std::uint64_t offset, offset_of(first, parts, payload_length, image));
  FullPayloadDecoder decoder(image, first, take);
  DecodingSink sink(decoder);
  TENON_TRY_VOID(parts.read(offset, sink));
  return decoder.finish();
}

}  // namespace tenon::client
