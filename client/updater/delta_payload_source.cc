#include <tenon/client/payload/delta_decoder.h>
#include <tenon/client/updater/delta_payload_source.h>
#include <tenon/client/updater/held_part.h>

#include <algorithm>

namespace tenon::client {
namespace {

// What is fetched at once: deltas are a few MiB, and a link that breaks loses no more.
constexpr std::uint64_t kPartBytes = 512u << 10;

// FetchedParts is a payload as a decoder reads it: a few bytes at a time, and mostly forward.
class FetchedParts {
 public:
  explicit FetchedParts(const PartReader& parts) : parts_(&parts) {}

  Result<std::size_t> read(std::uint64_t offset, std::span<std::uint8_t> into) {
    if (offset >= parts_->length() || into.empty()) return std::size_t{0};
    if (offset < begin_ || offset - begin_ >= part_.bytes().size()) {
      begin_ = offset;
      TENON_TRY_VOID(part_.fetch(*parts_, offset, std::min(kPartBytes, parts_->length() - offset)));
    }
    const ByteView held = part_.bytes().subspan(static_cast<std::size_t>(offset - begin_));
    const ByteView taken = held.first(std::min(held.size(), into.size()));
    std::ranges::copy(taken, into.begin());
    return taken.size();
  }

 private:
  const PartReader* parts_;
  HeldPart part_;
  std::uint64_t begin_ = 0;
};

Result<void> check_header(const DeltaHeader& header, std::uint64_t payload_length, const policies::Image& image,
                          const policies::Payload::Delta& delta) {
  if (header.image_size != image.size || header.segment_size != image.segment_size) {
    return Error{ErrorCode::kMismatch, "the delta makes an image of another shape than the release's"};
  }
  if (header.base_size > delta.base_size) {
    return Error{ErrorCode::kMismatch, "the delta is for a larger base than the release says"};
  }
  if (header.payload_length() != payload_length) {
    return Error{ErrorCode::kMismatch, "the delta's header speaks of " + std::to_string(header.payload_length()) +
                                           " bytes, the repository of " + std::to_string(payload_length)};
  }
  if (header.memory_bytes() > delta.memory) {
    return Error{ErrorCode::kLimit, "the delta takes " + std::to_string(header.memory_bytes()) +
                                        " bytes of memory, the release says " + std::to_string(delta.memory)};
  }
  return {};
}

}  // namespace

Result<void> read_delta_payload(const PartReader& parts, const policies::Image& image,
                                const policies::Payload::Delta& delta, const ReadBase& base, std::uint64_t first,
                                const SegmentHandler& take) {
  FetchedParts fetched(parts);
  const ReadPayload payload = [&](std::uint64_t offset, std::span<std::uint8_t> into) {
    return fetched.read(offset, into);
  };
  TENON_TRY(DeltaHeader header, DeltaHeader::read(payload));
  TENON_TRY_VOID(check_header(header, parts.length(), image, delta));
  DeltaDecoder decoder(std::move(header), payload, base);
  decoder.begin_at(first);
  for (std::uint64_t index = first; index < image.segment_count(); ++index) {
    TENON_TRY(const ByteView segment, decoder.next());
    TENON_TRY_VOID(take(segment));
  }
  return {};
}

}  // namespace tenon::client
