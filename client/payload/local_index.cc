#include <tenon/client/payload/little_endian.h>
#include <tenon/client/payload/local_index.h>
#include <tenon/client/payload/varint.h>
#include <tenon/metadata/digest.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <zstd.h>

namespace tenon::client {
namespace {

constexpr std::array<std::uint8_t, 8> kMagic = {'T', 'E', 'N', 'O', 'N', 'I', 'X', 1};  // ends in the version
constexpr std::size_t kFixedBytes = kMagic.size() + 4;                                  // and the unpacked length, u32
constexpr std::size_t kHashBytes = 6;
constexpr std::uint64_t kMaxPackedFrame = 1u << 15;  // zstd adds a few bytes to what it cannot pack
constexpr int kLevel = 19;

Error wrong(const std::string& what) {
  return Error{ErrorCode::kParse, "index of the local payload: " + what};
}

std::uint64_t take_hash(ByteView& body) {
  std::uint64_t hash = 0;
  for (std::size_t i = kHashBytes; i-- > 0;) hash = hash << 8 | body[i];
  body = body.subspan(kHashBytes);
  return hash;
}

void put_hash(Bytes& body, std::uint64_t hash) {
  for (std::size_t i = 0; i < kHashBytes; ++i) body.push_back(static_cast<std::uint8_t>(hash >> 8 * i));
}

// The blocks of a frame, as numbers: the last frame may have fewer.
std::uint64_t first_block(std::uint64_t frame) {
  return frame * LocalIndex::kFrameBlocks;
}
std::uint64_t end_block(std::uint64_t frame, std::uint64_t image_size) {
  return std::min(first_block(frame + 1), LocalIndex::block_count(image_size));
}

}  // namespace

std::uint64_t LocalIndex::hash_of(ByteView block) {
  const bool zeros = block.front() == 0 && std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0;
  if (zeros) return kZeros;
  const Sha256 digest = Sha256::of(block);
  ByteView first(digest.bytes);
  return take_hash(first);
}

std::uint64_t LocalIndex::max_bytes(std::uint64_t image_size) {
  return kFixedBytes + 2 * kMaxVarintBytes + frame_count(image_size) * 3 + block_count(image_size) * kHashBytes + 4096;
}

Result<LocalIndex> LocalIndex::read(ByteView file, std::uint64_t image_size) {
  if (file.size() < kFixedBytes || !std::equal(kMagic.begin(), kMagic.end(), file.begin())) {
    return wrong("this is none that we know").with_hint("made by a newer version?");
  }
  const std::uint32_t length = le32(file, kMagic.size());
  if (length > max_bytes(image_size)) {
    return Error{ErrorCode::kLimit, "index of the local payload: " + std::to_string(length) + " bytes"};
  }
  Bytes unpacked(length);
  const ByteView packed = file.subspan(kFixedBytes);
  const std::size_t result = ZSTD_decompress(unpacked.data(), unpacked.size(), packed.data(), packed.size());
  if (ZSTD_isError(result) || result != unpacked.size()) return wrong("it cannot be unpacked");

  ByteView body(unpacked);
  if (take_varint(body) != image_size) return wrong("it is of another image");
  LocalIndex index;
  index.offsets.reserve(frame_count(image_size) + 1);
  index.offsets.push_back(0);
  for (std::uint64_t frame = 0; frame < frame_count(image_size); ++frame) {
    const std::optional<std::uint64_t> bytes = take_varint(body);
    if (!bytes || *bytes > kMaxPackedFrame) return wrong("the length of a frame is missing or out of range");
    index.offsets.push_back(index.offsets.back() + *bytes);
  }
  index.hashes.reserve(block_count(image_size));
  for (std::uint64_t frame = 0; frame < frame_count(image_size); ++frame) {
    const bool zeros = index.offsets[frame] == index.offsets[frame + 1];
    for (std::uint64_t block = first_block(frame); block < end_block(frame, image_size); ++block) {
      if (!zeros && body.size() < kHashBytes) return wrong("hashes are missing");
      index.hashes.push_back(zeros ? kZeros : take_hash(body));
    }
  }
  if (!body.empty()) return wrong("it goes on after its end");
  return index;
}

Bytes LocalIndex::to_bytes(std::uint64_t image_size) const {
  Bytes body;
  put_varint(body, image_size);
  for (std::size_t frame = 0; frame + 1 < offsets.size(); ++frame)
    put_varint(body, offsets[frame + 1] - offsets[frame]);
  for (std::size_t frame = 0; frame + 1 < offsets.size(); ++frame) {
    if (offsets[frame] == offsets[frame + 1]) continue;
    for (std::uint64_t block = first_block(frame); block < end_block(frame, image_size); ++block) {
      put_hash(body, hashes[static_cast<std::size_t>(block)]);
    }
  }
  Bytes packed(ZSTD_compressBound(body.size()));
  const std::size_t length = ZSTD_compress(packed.data(), packed.size(), body.data(), body.size(), kLevel);
  TENON_CHECK(!ZSTD_isError(length));
  Bytes out(kMagic.begin(), kMagic.end());
  put_le32(out, body.size());
  out.insert(out.end(), packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
  return out;
}

}  // namespace tenon::client
