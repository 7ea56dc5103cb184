#include <tenon/client/payload/local_index.h>

#include <algorithm>

#include <tests/support/local_payload.h>
#include <zstd.h>

namespace tenon::tests {

using client::LocalIndex;

LocalPayload local_payload_of(ByteView image) {
  LocalPayload payload;
  LocalIndex index;
  index.offsets.push_back(0);
  for (std::size_t at = 0; at < image.size(); at += LocalIndex::kFrameBytes) {
    const ByteView frame = image.subspan(at, std::min(LocalIndex::kFrameBytes, image.size() - at));
    for (std::size_t in = 0; in < frame.size(); in += LocalIndex::kBlockBytes) {
      index.hashes.push_back(
          LocalIndex::hash_of(frame.subspan(in, std::min(LocalIndex::kBlockBytes, frame.size() - in))));
    }
    if (std::ranges::any_of(frame, [](std::uint8_t byte) { return byte != 0; })) {
      Bytes packed(ZSTD_compressBound(frame.size()));
      packed.resize(ZSTD_compress(packed.data(), packed.size(), frame.data(), frame.size(), 3));
      payload.frames.insert(payload.frames.end(), packed.begin(), packed.end());
    }
    index.offsets.push_back(payload.frames.size());
  }
  payload.index = index.to_bytes(image.size());
  return payload;
}

}  // namespace tenon::tests
