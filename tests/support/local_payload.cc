#include <tenon/client/payload/block_decoder.h>
#include <tenon/client/payload/local_index.h>

#include <algorithm>

#include <tests/support/local_payload.h>
#include <zstd.h>

namespace tenon::tests {
namespace {

constexpr std::size_t kSegment = 64u << 10;  // of releases in tests

Bytes frame_of(ByteView block, ByteView prefix) {
  ZSTD_CCtx* const context = ZSTD_createCCtx();
  ZSTD_CCtx_setParameter(context, ZSTD_c_windowLog, client::kBlockWindowLog);
  ZSTD_CCtx_setParameter(context, ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_refPrefix(context, prefix.data(), prefix.size());
  Bytes packed(ZSTD_compressBound(block.size()));
  packed.resize(ZSTD_compress2(context, packed.data(), packed.size(), block.data(), block.size()));
  ZSTD_freeCCtx(context);
  packed.erase(packed.begin(), packed.begin() + client::kBlockFrameStart.size());
  return packed;
}

}  // namespace

LocalPayload local_payload_of(ByteView image) {
  std::vector<std::uint64_t> hashes;
  std::vector<std::size_t> lengths;
  Bytes records;
  Bytes frames;
  for (std::size_t at = 0; at < image.size(); at += client::kLocalBlockBytes) {
    const ByteView block = image.subspan(at, std::min(client::kLocalBlockBytes, image.size() - at));
    hashes.push_back(client::short_hash(block));
    lengths.push_back(0);
    if (hashes.back() == client::kHashOfZeros) continue;
    const std::size_t begin = at / kSegment * kSegment;
    const Bytes frame = frame_of(block, client::block_prefix(image.subspan(begin), at - begin));
    lengths.back() = frame.size();
    client::put_local_record(records, {hashes.back(), static_cast<std::uint16_t>(frame.size())});
    frames.insert(frames.end(), frame.begin(), frame.end());
  }
  client::LocalIndex index{.image_size = image.size(), .groups = client::groups_of(hashes)};
  index.offsets.push_back(records.size());
  for (const client::BlockGroup& group : index.groups) {
    const auto first = lengths.begin() + static_cast<std::ptrdiff_t>(group.first);
    std::size_t end = static_cast<std::size_t>(index.offsets.back());
    for (auto length = first; length < first + group.count; ++length) end += *length;
    index.offsets.push_back(end);
  }
  records.insert(records.end(), frames.begin(), frames.end());
  return {std::move(records), index.to_bytes()};
}

}  // namespace tenon::tests
