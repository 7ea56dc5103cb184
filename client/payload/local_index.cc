#include <tenon/client/payload/little_endian.h>
#include <tenon/client/payload/local_index.h>
#include <tenon/client/payload/varint.h>
#include <tenon/client/payload/zstd_frame.h>
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
constexpr std::uint32_t kMostInGroup = 64;
constexpr std::size_t kMostOfAGroup = 2 * kMaxVarintBytes + kHashBytes + 1;  // bytes of the index
constexpr int kLevel = 19;

Error wrong(const std::string& what) {
  return Error{ErrorCode::kParse, "index of the local payload: " + what};
}

std::uint64_t read_hash(ByteView bytes) {
  std::uint64_t hash = 0;
  for (std::size_t i = kHashBytes; i-- > 0;) hash = hash << 8 | bytes[i];
  return hash;
}

void put_hash(Bytes& out, std::uint64_t hash) {
  for (std::size_t i = 0; i < kHashBytes; ++i) out.push_back(static_cast<std::uint8_t>(hash >> 8 * i));
}

// One in sixteen.
bool ends_a_group(std::uint64_t hash) {
  return (hash & 0xF) == 0;
}

}  // namespace

std::uint64_t short_hash(ByteView block) {
  const bool zeros = block.front() == 0 && std::memcmp(block.data(), block.data() + 1, block.size() - 1) == 0;
  return zeros ? kHashOfZeros : read_hash(Sha256::of(block).bytes);
}

void cut_groups(std::span<const std::uint64_t> hashes, const std::function<void(const BlockGroup&)>& take) {
  Bytes held;
  const auto end_group = [&](std::uint64_t end) {
    const auto count = static_cast<std::uint32_t>(held.size() / kHashBytes);
    if (count == 0) return;
    take({end - count, count, read_hash(Sha256::of(held).bytes)});
    held.clear();
  };
  for (std::size_t block = 0; block < hashes.size(); ++block) {
    if (hashes[block] == kHashOfZeros) {
      end_group(block);
      continue;
    }
    put_hash(held, hashes[block]);
    if (ends_a_group(hashes[block]) || held.size() == kMostInGroup * kHashBytes) end_group(block + 1);
  }
  end_group(hashes.size());
}

std::vector<BlockGroup> groups_of(std::span<const std::uint64_t> hashes) {
  std::vector<BlockGroup> groups;
  cut_groups(hashes, [&](const BlockGroup& group) { groups.push_back(group); });
  return groups;
}

LocalRecord read_local_record(ByteView bytes) {
  return {read_hash(bytes), le16(bytes, kHashBytes)};
}

void put_local_record(Bytes& out, const LocalRecord& record) {
  put_hash(out, record.hash);
  out.push_back(static_cast<std::uint8_t>(record.frame_bytes));
  out.push_back(static_cast<std::uint8_t>(record.frame_bytes >> 8));
}

// Four times as many as there are on the average.
std::uint64_t LocalIndex::max_groups(std::uint64_t image_size) {
  return local_block_count(image_size) / 4 + kMostInGroup;
}

std::uint64_t LocalIndex::max_bytes(std::uint64_t image_size) {
  return kFixedBytes + 2 * kMaxVarintBytes + max_groups(image_size) * kMostOfAGroup;
}

std::vector<std::uint64_t> LocalIndex::record_offsets() const {
  std::vector<std::uint64_t> all{0};
  for (const BlockGroup& group : groups) all.push_back(all.back() + group.count * kLocalRecordBytes);
  return all;
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
  if (!is_one_frame(packed)) return wrong("its body is no zstd frame");
  const std::size_t result = ZSTD_decompress(unpacked.data(), unpacked.size(), packed.data(), packed.size());
  if (ZSTD_isError(result) || result != unpacked.size()) return wrong("it cannot be unpacked");

  ByteView body(unpacked);
  if (take_varint(body) != image_size) return wrong("it is of another image");
  const std::uint64_t blocks = local_block_count(image_size);
  const std::optional<std::uint64_t> count = take_varint(body);
  if (!count) return wrong("the number of groups is missing");
  if (*count > max_groups(image_size)) {
    return Error{ErrorCode::kLimit, "index of the local payload: " + std::to_string(*count) + " groups"};
  }
  LocalIndex index{.image_size = image_size};
  index.groups.resize(static_cast<std::size_t>(*count));
  std::uint64_t next = 0;
  for (BlockGroup& group : index.groups) {
    const std::optional<std::uint64_t> zeros = take_varint(body);
    const std::optional<std::uint64_t> in_group = take_varint(body);
    if (!zeros || !in_group || *in_group == 0 || *in_group > kMostInGroup || *zeros > blocks - next ||
        *in_group > blocks - next - *zeros) {
      return wrong("a group is missing or lies outside the image");
    }
    group.first = next + *zeros;
    group.count = static_cast<std::uint32_t>(*in_group);
    next = group.first + group.count;
  }
  index.offsets.push_back(index.record_offsets().back());
  for (const BlockGroup& group : index.groups) {
    const std::optional<std::uint64_t> bytes = take_varint(body);
    if (!bytes || *bytes > group.count * kMaxLocalFrameBytes) return wrong("the length of a group is out of range");
    index.offsets.push_back(index.offsets.back() + *bytes);
  }
  if (body.size() != index.groups.size() * kHashBytes) return wrong("hashes are missing, or too many");
  for (BlockGroup& group : index.groups) {
    group.hash = read_hash(body);
    body = body.subspan(kHashBytes);
  }
  return index;
}

Bytes LocalIndex::to_bytes() const {
  Bytes body;
  put_varint(body, image_size);
  put_varint(body, groups.size());
  std::uint64_t next = 0;
  for (const BlockGroup& group : groups) {
    put_varint(body, group.first - next);
    put_varint(body, group.count);
    next = group.first + group.count;
  }
  for (std::size_t i = 0; i < groups.size(); ++i) put_varint(body, offsets[i + 1] - offsets[i]);
  for (const BlockGroup& group : groups) put_hash(body, group.hash);
  Bytes packed(ZSTD_compressBound(body.size()));
  const std::size_t length = ZSTD_compress(packed.data(), packed.size(), body.data(), body.size(), kLevel);
  TENON_CHECK(!ZSTD_isError(length));
  Bytes out(kMagic.begin(), kMagic.end());
  put_le32(out, body.size());
  out.insert(out.end(), packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(length));
  return out;
}

}  // namespace tenon::client
