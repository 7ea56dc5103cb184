#include <tenon/client/payload/base_cache.h>
#include <tenon/client/payload/delta_header.h>
#include <tenon/client/payload/little_endian.h>
#include <tenon/client/payload/varint.h>
#include <tenon/client/payload/zstd_frame.h>
#include <tenon/policies/release.h>

#include <algorithm>
#include <bit>

#include <zstd.h>

namespace tenon::client {
namespace {

constexpr std::size_t kLengthsAt = kDeltaMagic.size();  // packed and unpacked length of the body, u32 each
constexpr std::size_t kFixedBytes = kLengthsAt + 8;
constexpr std::uint64_t kModelBytes = 3u << 20;  // PieceModel, zstd, buffers of the groups
constexpr int kHeaderLevel = 19;

// Sections that follow the groups, by tag; who does not know an odd one must not go on.
constexpr std::uint64_t kChecksumsOfExt4 = 1;

Error wrong(const std::string& what) {
  return Error{ErrorCode::kParse, "header of the delta: " + what};
}

// Numbers of the body, in order. After one that is missing or too large all are 0, and ok() says so at the end.
class Numbers {
 public:
  explicit Numbers(ByteView bytes) : bytes_(bytes) {}

  std::uint64_t take(std::uint64_t most) {
    const std::optional<std::uint64_t> value = take_varint(bytes_);
    if (value && *value <= most) return *value;
    ok_ = false;
    bytes_ = {};
    return 0;
  }
  // A count of things that take so many bytes or more each.
  std::uint64_t count(std::size_t least_bytes) { return take(bytes_.size() / least_bytes); }
  ByteView take_bytes(std::uint64_t length) {
    if (length > bytes_.size()) {
      ok_ = false;
      bytes_ = {};
      return {};
    }
    const ByteView taken = bytes_.first(static_cast<std::size_t>(length));
    bytes_ = bytes_.subspan(taken.size());
    return taken;
  }
  bool empty() const { return bytes_.empty(); }
  bool ok() const { return ok_; }

 private:
  ByteView bytes_;
  bool ok_ = true;
};

constexpr std::uint64_t kAnyU32 = 0xFFFFFFFF;

Bytes write_layout(const Ext4Checksums::Layout& layout) {
  Bytes out;
  put_varint(out, layout.seed);
  put_varint(out, static_cast<std::uint64_t>(std::countr_zero(layout.inode_size)));
  put_varint(out, static_cast<std::uint64_t>(std::countr_zero(layout.block_size)));
  put_varint(out, layout.tables.size());
  std::uint64_t end = 0;
  std::uint32_t next = 1;
  for (const Ext4Checksums::InodeTable& table : layout.tables) {
    put_varint(out, (table.offset - end) / layout.inode_size);
    put_varint(out, table.count);
    put_varint(out, static_cast<std::uint32_t>(table.first - next));
    end = table.offset + table.count * layout.inode_size;
    next = static_cast<std::uint32_t>(table.first + table.count);
  }
  put_varint(out, layout.left_inodes.size());
  std::uint32_t before = 0;
  for (const std::uint32_t inode : layout.left_inodes) put_varint(out, inode - std::exchange(before, inode));
  put_varint(out, layout.directories.size());
  end = 0;
  for (const Ext4Checksums::DirectoryBlock& block : layout.directories) {
    put_varint(out, (block.offset - end) / layout.block_size);
    put_varint(out, block.inode);
    put_varint(out, block.generation);
    end = block.offset;
  }
  put_varint(out, layout.left_blocks.size());
  end = 0;
  for (const std::uint64_t offset : layout.left_blocks)
    put_varint(out, (offset - std::exchange(end, offset)) / layout.block_size);
  return out;
}

// Sums stay below 2^63: at most 2^20 numbers below 2^40 each.
Result<Ext4Checksums> read_layout(ByteView bytes, std::uint64_t image_size) {
  Numbers numbers(bytes);
  Ext4Checksums::Layout layout;
  layout.seed = static_cast<std::uint32_t>(numbers.take(kAnyU32));
  layout.inode_size = 1u << numbers.take(16);
  layout.block_size = 1u << numbers.take(16);
  std::uint64_t end = 0;
  std::uint64_t next = 1;
  for (std::uint64_t left = numbers.count(3); left > 0 && numbers.ok(); --left) {
    Ext4Checksums::InodeTable table;
    table.offset = end + numbers.take(image_size / layout.inode_size) * layout.inode_size;
    table.count = numbers.take(image_size / layout.inode_size);
    table.first = static_cast<std::uint32_t>(next + numbers.take(kAnyU32));
    end = table.offset + table.count * layout.inode_size;
    next = table.first + table.count;
    layout.tables.push_back(table);
  }
  std::uint64_t before = 0;
  for (std::uint64_t left = numbers.count(1); left > 0 && numbers.ok(); --left) {
    before += numbers.take(kAnyU32);
    layout.left_inodes.push_back(static_cast<std::uint32_t>(before));
  }
  end = 0;
  for (std::uint64_t left = numbers.count(3); left > 0 && numbers.ok(); --left) {
    Ext4Checksums::DirectoryBlock block;
    block.offset = end + numbers.take(image_size / layout.block_size) * layout.block_size;
    block.inode = static_cast<std::uint32_t>(numbers.take(kAnyU32));
    block.generation = static_cast<std::uint32_t>(numbers.take(kAnyU32));
    end = block.offset;
    layout.directories.push_back(block);
  }
  end = 0;
  for (std::uint64_t left = numbers.count(1); left > 0 && numbers.ok(); --left) {
    end += numbers.take(image_size / layout.block_size) * layout.block_size;
    layout.left_blocks.push_back(end);
  }
  if (!numbers.ok() || !numbers.empty()) return wrong("the checksums of ext4 are cut or too long");
  return Ext4Checksums::create(std::move(layout), image_size);
}

Result<void> read_groups(Numbers& numbers, DeltaHeader& header) {
  std::uint64_t segments = 0;
  for (std::uint64_t left = numbers.count(2); left > 0 && numbers.ok(); --left) {
    DeltaHeader::Group group;
    group.segments = numbers.take(policies::kMaxSegments);
    group.bytes = numbers.take(kMaxDeltaImageBytes);
    if (group.segments == 0) return wrong("a group without segments");
    segments += group.segments;
    header.groups.push_back(group);
  }
  if (numbers.ok() && segments != header.segment_count()) {
    return wrong("its groups hold " + std::to_string(segments) + " segments, the image has " +
                 std::to_string(header.segment_count()));
  }
  return {};
}

Result<DeltaHeader> read_body(ByteView body) {
  Numbers numbers(body);
  DeltaHeader header;
  header.image_size = numbers.take(kMaxDeltaImageBytes);
  const std::uint64_t segment_log = numbers.take(63);
  header.base_size = numbers.take(kMaxDeltaImageBytes);
  header.literal_window_log = static_cast<unsigned>(numbers.take(63));
  std::ranges::copy(numbers.take_bytes(header.image_sha256.bytes.size()), header.image_sha256.bytes.begin());
  if (!numbers.ok()) return wrong("it is cut, or a size is out of range");
  if (segment_log < 16 || segment_log > 24) return wrong("segments of 2^" + std::to_string(segment_log) + " bytes");
  header.segment_size = std::uint64_t{1} << segment_log;
  if (header.segment_count() > policies::kMaxSegments)
    return Error{ErrorCode::kLimit, "header of the delta: too many segments"};
  if (header.literal_window_log < kMinLiteralWindowLog || header.literal_window_log > kMaxLiteralWindowLog) {
    return Error{ErrorCode::kLimit,
                 "header of the delta: a window of 2^" + std::to_string(header.literal_window_log) + " bytes"};
  }
  TENON_TRY_VOID(read_groups(numbers, header));
  while (numbers.ok() && !numbers.empty()) {
    const std::uint64_t tag = numbers.take(kMaxDeltaImageBytes);
    const ByteView section = numbers.take_bytes(numbers.count(1));
    if (tag == kChecksumsOfExt4 && !header.checksums) {
      TENON_TRY(header.checksums, read_layout(section, header.image_size));
    } else if (tag % 2 != 0) {
      return wrong("section " + std::to_string(tag) + " is not known, or comes twice")
          .with_hint("made by a newer version?");
    }
  }
  if (!numbers.ok()) return wrong("it is cut, or a number is out of range");
  return header;
}

}  // namespace

Result<void> read_whole(const ReadPayload& payload, std::uint64_t offset, std::span<std::uint8_t> into) {
  while (!into.empty()) {
    TENON_TRY(const std::size_t got, payload(offset, into));
    TENON_CHECK(got <= into.size());
    if (got == 0) return Error{ErrorCode::kParse, "the delta ends at byte " + std::to_string(offset)};
    into = into.subspan(got);
    offset += got;
  }
  return {};
}

Result<DeltaHeader> DeltaHeader::read(const ReadPayload& payload) {
  std::array<std::uint8_t, kFixedBytes> fixed{};
  TENON_TRY_VOID(read_whole(payload, 0, fixed));
  if (!std::equal(kDeltaMagic.begin(), kDeltaMagic.end() - 1, fixed.begin())) return wrong("this is no delta");
  if (fixed[kLengthsAt - 1] != kDeltaMagic.back()) {
    return wrong("format " + std::to_string(fixed[kLengthsAt - 1]) + ", known is 1")
        .with_hint("made by a newer version?");
  }
  const std::uint32_t packed_length = le32(fixed, kLengthsAt);
  const std::uint32_t length = le32(fixed, kLengthsAt + 4);
  if (packed_length > kMaxDeltaHeaderBytes || length > kMaxDeltaHeaderBytes) {
    return Error{ErrorCode::kLimit,
                 "header of the delta: more than " + std::to_string(kMaxDeltaHeaderBytes) + " bytes"};
  }
  Bytes packed(packed_length);
  TENON_TRY_VOID(read_whole(payload, kFixedBytes, packed));
  Bytes body(length);
  if (!is_one_frame(packed)) return wrong("it is no zstd frame");
  const std::size_t result = ZSTD_decompress(body.data(), body.size(), packed.data(), packed.size());
  if (ZSTD_isError(result) || result != body.size()) return wrong("it cannot be unpacked");
  TENON_TRY(DeltaHeader header, read_body(body));
  header.length = kFixedBytes + packed_length;
  return header;
}

Bytes DeltaHeader::to_bytes() const {
  Bytes body;
  put_varint(body, image_size);
  put_varint(body, static_cast<std::uint64_t>(std::countr_zero(segment_size)));
  put_varint(body, base_size);
  put_varint(body, literal_window_log);
  body.insert(body.end(), image_sha256.bytes.begin(), image_sha256.bytes.end());
  put_varint(body, groups.size());
  for (const Group& group : groups) {
    put_varint(body, group.segments);
    put_varint(body, group.bytes);
  }
  if (checksums) {
    const Bytes section = write_layout(checksums->layout());
    put_varint(body, kChecksumsOfExt4);
    put_varint(body, section.size());
    body.insert(body.end(), section.begin(), section.end());
  }
  Bytes packed(ZSTD_compressBound(body.size()));
  const std::size_t packed_length = ZSTD_compress(packed.data(), packed.size(), body.data(), body.size(), kHeaderLevel);
  TENON_CHECK(!ZSTD_isError(packed_length));
  Bytes out(kDeltaMagic.begin(), kDeltaMagic.end());
  put_le32(out, packed_length);
  put_le32(out, body.size());
  out.insert(out.end(), packed.begin(), packed.begin() + static_cast<std::ptrdiff_t>(packed_length));
  return out;
}

bool fits_a_header(const Ext4Checksums& checksums) {
  return write_layout(checksums.layout()).size() <= kMaxDeltaHeaderBytes / 2;
}

std::uint64_t DeltaHeader::payload_length() const {
  std::uint64_t total = length;
  for (const Group& group : groups) total += group.bytes;  // at most 2^20 times 2^40
  return total;
}

std::uint64_t DeltaHeader::memory_bytes() const {
  std::uint64_t tables = groups.size() * sizeof(Group);
  if (checksums) {
    const Ext4Checksums::Layout& layout = checksums->layout();
    tables += layout.tables.size() * sizeof(Ext4Checksums::InodeTable) +
              layout.left_inodes.size() * sizeof(std::uint32_t) +
              layout.directories.size() * sizeof(Ext4Checksums::DirectoryBlock) +
              layout.left_blocks.size() * sizeof(std::uint64_t);
  }
  return std::min(segment_size, image_size) + (std::uint64_t{1} << literal_window_log) + BaseCache::kBytes +
         kModelBytes + 2 * tables;
}

}  // namespace tenon::client
