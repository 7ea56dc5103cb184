#include <tenon/client/payload/block_decoder.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/delta/workers.h>
#include <tenon/repo_tools/local_payload.h>
#include <tenon/repo_tools/mapped_file.h>

#include <algorithm>
#include <bit>
#include <memory>

#include <zstd.h>

namespace tenon::repo_tools {
namespace {

using client::BlockGroup;
using client::kLocalBlockBytes;
using client::kLocalRecordBytes;
using client::LocalIndex;
using client::LocalRecord;

constexpr std::uint64_t kBatchBytes = 32u << 20;  // of the image, in memory at once

struct FreeCompressor {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
};

// A segment's blocks: their records, of zeros too, and their frames.
struct Packed {
  std::vector<LocalRecord> records;
  Bytes frames;
};

Packed pack(ByteView segment, int level) {
  const std::unique_ptr<ZSTD_CCtx, FreeCompressor> context(ZSTD_createCCtx());
  TENON_CHECK(context != nullptr);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, client::kBlockWindowLog);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 0);
  constexpr std::size_t kStart = client::kBlockFrameStart.size();
  Packed packed;
  Bytes frame(ZSTD_compressBound(kLocalBlockBytes));
  for (std::size_t at = 0; at < segment.size(); at += kLocalBlockBytes) {
    const ByteView block = segment.subspan(at, std::min(kLocalBlockBytes, segment.size() - at));
    LocalRecord record{client::short_hash(block), 0};
    if (record.hash != client::kHashOfZeros) {
      const ByteView prefix = client::block_prefix(segment, at);
      TENON_CHECK(!ZSTD_isError(ZSTD_CCtx_refPrefix(context.get(), prefix.data(), prefix.size())));
      const std::size_t length = ZSTD_compress2(context.get(), frame.data(), frame.size(), block.data(), block.size());
      TENON_CHECK(!ZSTD_isError(length) && length > kStart && length - kStart <= client::kMaxLocalFrameBytes);
      record.frame_bytes = static_cast<std::uint16_t>(length - kStart);
      packed.frames.insert(packed.frames.end(), frame.begin() + kStart,
                           frame.begin() + static_cast<std::ptrdiff_t>(length));
    }
    packed.records.push_back(record);
  }
  return packed;
}

// Records come before the frames, whose lengths they hold: the frames wait in a file of their own.
struct AllBlocks {
  std::vector<LocalRecord> records;
  std::filesystem::path frames;
};

Result<AllBlocks> pack_all(const MappedFile& image, const EncodeOptions& options, const std::filesystem::path& frames,
                           Progress& progress) {
  TENON_TRY(OutputFile out, OutputFile::create(frames));
  const ByteView bytes = image.bytes();
  const auto segment_bytes = static_cast<std::size_t>(options.segment_size);
  const std::size_t batch_bytes =
      std::max<std::size_t>(static_cast<std::size_t>(kBatchBytes) / segment_bytes, 1) * segment_bytes;
  AllBlocks all{{}, frames};
  for (std::size_t begin = 0; begin < bytes.size(); begin += batch_bytes) {
    const ByteView batch = bytes.subspan(begin, std::min(batch_bytes, bytes.size() - begin));
    std::vector<Packed> segments((batch.size() + segment_bytes - 1) / segment_bytes);
    run_on_workers(segments.size(), options.workers, [&](std::size_t i) {
      const std::size_t at = i * segment_bytes;
      segments[i] = pack(batch.subspan(at, std::min(segment_bytes, batch.size() - at)), options.level);
    });
    for (const Packed& segment : segments) {
      all.records.insert(all.records.end(), segment.records.begin(), segment.records.end());
      TENON_TRY_VOID(out.write(segment.frames));
    }
    progress.advance(begin + batch.size());
  }
  TENON_TRY_VOID(out.finish());
  return all;
}

struct RemovedAtEnd {
  std::filesystem::path path;
  ~RemovedAtEnd() {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
  }
};

LocalIndex index_of(const std::vector<LocalRecord>& records, std::uint64_t image_size) {
  std::vector<std::uint64_t> hashes;
  for (const LocalRecord& record : records) hashes.push_back(record.hash);
  LocalIndex index{.image_size = image_size, .groups = client::groups_of(hashes)};
  index.offsets.push_back(index.record_offsets().back());
  for (const BlockGroup& group : index.groups) {
    std::uint64_t bytes = 0;
    for (std::uint64_t block = group.first; block < group.first + group.count; ++block) {
      bytes += records[static_cast<std::size_t>(block)].frame_bytes;
    }
    index.offsets.push_back(index.offsets.back() + bytes);
  }
  return index;
}

// A range of a payload that is mapped; empty for one that is not inside.
ByteView part_of(ByteView payload, const client::Stretch& stretch) {
  if (stretch.offset > payload.size() || stretch.bytes > payload.size() - stretch.offset) return {};
  return payload.subspan(static_cast<std::size_t>(stretch.offset), static_cast<std::size_t>(stretch.bytes));
}

Result<void> check_length(ByteView payload, const LocalIndex& index, const std::string& place) {
  if (payload.size() == index.offsets.back()) return {};
  return Error{ErrorCode::kMismatch, place + ": has " + std::to_string(payload.size()) +
                                         " bytes, its index speaks of " + std::to_string(index.offsets.back())};
}

// What a slot holds that is this file.
client::LocalContent look_at(const LocalIndex& index, ByteView slot) {
  const client::ReadBase read = [slot](std::uint64_t offset, std::span<std::uint8_t> into) -> Result<void> {
    std::ranges::copy(slot.subspan(static_cast<std::size_t>(offset), into.size()), into.begin());
    return {};
  };
  return client::LocalContent::look(index, slot.size(), read, [](std::uint64_t) {});
}

Bytes records_for(const client::LocalContent& content, ByteView payload) {
  const std::vector<std::uint64_t> offsets = content.index().record_offsets();
  Bytes records;
  for (std::size_t group = 0; group + 1 < offsets.size(); ++group) {
    if (content.place_of(group)) continue;
    const ByteView part = part_of(payload, {offsets[group], offsets[group + 1] - offsets[group]});
    records.insert(records.end(), part.begin(), part.end());
  }
  return records;
}

}  // namespace

Result<LocalIndex> write_local_payload(const std::filesystem::path& image, const EncodeOptions& options,
                                       const std::filesystem::path& payload, Progress& progress) {
  if (!std::has_single_bit(options.segment_size) || options.segment_size < 1u << 16 ||
      options.segment_size > 1u << 24) {
    return Error{ErrorCode::kUsage, "segments of " + std::to_string(options.segment_size) + " bytes",
                 "write a power of two from 64KiB to 16MiB"};
  }
  TENON_TRY(const MappedFile file, MappedFile::open(image));
  progress.begin("local", file.bytes().size());
  const RemovedAtEnd frames_file{payload.native() + ".frames"};
  TENON_TRY(const AllBlocks all, pack_all(file, options, frames_file.path, progress));
  LocalIndex index = index_of(all.records, file.bytes().size());
  if (index.groups.size() > LocalIndex::max_groups(index.image_size)) {
    return Error{ErrorCode::kLimit, printable(image.native()) + ": its blocks lie too scattered for a local payload",
                 "leave out --local"};
  }
  TENON_TRY(OutputFile out, OutputFile::create(payload));
  Bytes records;
  for (const LocalRecord& record : all.records) {
    if (record.hash != client::kHashOfZeros) client::put_local_record(records, record);
  }
  TENON_TRY_VOID(out.write(records));
  TENON_TRY(const MappedFile frames, MappedFile::open(all.frames));
  TENON_TRY_VOID(out.write(frames.bytes()));
  TENON_TRY_VOID(out.finish());
  progress.end();
  return index;
}

Result<PayloadIdentity> check_local_payload(const std::filesystem::path& payload, const LocalIndex& index,
                                            const policies::Image& image, const client::SegmentList& segments,
                                            Progress& progress) {
  const std::string place = printable(payload.native());
  TENON_TRY(const MappedFile file, MappedFile::open(payload));
  const ByteView bytes = file.bytes();
  TENON_TRY_VOID(check_length(bytes, index, place));
  progress.begin("local: check", image.size);
  const client::LocalContent nothing = look_at(index, {});
  const Bytes all_records = records_for(nothing, bytes);
  ByteView records(all_records);
  TENON_TRY(const client::BlockMap map, client::BlockMap::make(nothing, records).with_context(place));
  client::BlockDecoder decoder;
  Bytes segment;
  std::vector<std::uint64_t> hashes;
  for (std::uint64_t i = 0; i < image.segment_count(); ++i) {
    segment.assign(static_cast<std::size_t>(image.segment_length(i)), 0);
    for (std::size_t at = 0; at < segment.size(); at += kLocalBlockBytes) {
      const auto block = std::span(segment).subspan(at, std::min(kLocalBlockBytes, segment.size() - at));
      if (!map.holds(hashes.size())) {
        const ByteView frame = part_of(bytes, map.frame_of(hashes.size()));
        TENON_TRY_VOID(decoder.decode(frame, client::block_prefix(segment, at), block).with_context(place));
      }
      const std::uint64_t hash = client::short_hash(block);
      if (!map.holds(hashes.size())) {
        if (client::read_local_record(records).hash != hash) {
          return Error{ErrorCode::kMismatch, place + ": a record is not that of its block"};
        }
        records = records.subspan(kLocalRecordBytes);
      }
      hashes.push_back(hash);
    }
    TENON_TRY_VOID(segments.check(i, segment).with_context(place));
    progress.advance(std::min(image.size, (i + 1) * image.segment_size));
  }
  progress.end();
  if (client::groups_of(hashes) != index.groups) {
    return Error{ErrorCode::kMismatch, place + ": its index is not of this image"};
  }
  return PayloadIdentity{bytes.size(), Sha256::of(bytes)};
}

Result<LocalFetch> local_fetch(const LocalIndex& index, const std::filesystem::path& payload,
                               const std::filesystem::path& base) {
  TENON_TRY(const MappedFile file, MappedFile::open(base));
  TENON_TRY(const MappedFile payload_file, MappedFile::open(payload));
  const client::LocalContent content = look_at(index, file.bytes());
  TENON_TRY(const client::BlockMap map, client::BlockMap::make(content, records_for(content, payload_file.bytes())));
  LocalFetch fetch{.index_bytes = index.to_bytes().size()};
  for (const client::Stretch& stretch : content.record_stretches()) {
    fetch.record_bytes += stretch.bytes;
    ++fetch.requests;
  }
  for (const client::BlockMap::Run& run : map.all_runs()) {
    fetch.frame_bytes += run.stretch.bytes;
    ++fetch.requests;
  }
  return fetch;
}

}  // namespace tenon::repo_tools
