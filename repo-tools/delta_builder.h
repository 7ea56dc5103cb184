// Deltas of image files: made and proved, applied, described. Images are mapped, not read into memory.
#pragma once

#include <tenon/client/payload/base_cache.h>
#include <tenon/client/payload/delta_header.h>
#include <tenon/metadata/result.h>
#include <tenon/repo_tools/progress.h>

#include <cstdint>
#include <filesystem>

namespace tenon::repo_tools {

struct DeltaRequest {
  std::filesystem::path base;
  std::filesystem::path image;
  std::filesystem::path payload;          // a new file
  std::uint64_t segment_size = 1u << 20;  // bytes, a power of two from 64 KiB to 16 MiB
  bool use_file_system = true;            // false: images are bytes without a meaning
  unsigned workers = 2;                   // threads; the bytes do not depend on it
};

struct BuiltDelta {
  client::DeltaHeader header;
  std::uint64_t payload_bytes = 0;
  Sha256 payload_sha256;
  std::uint64_t pieces = 0;
};

// build_delta writes a delta, decodes it with the device's decoder and compares what comes out with the image, before the
// file gets its name. Memory: below 1 GiB beside the mapped images.
// Errors: E_USAGE for another segment size; E_LIMIT for more segments than devices take; E_STORAGE.
Result<BuiltDelta> build_delta(const DeltaRequest& request, Progress& progress);

struct AppliedDelta {
  client::DeltaHeader header;
  client::BaseCache::Reads base_reads;
};

// apply_delta makes the image that a delta describes, under a name of its own until the whole image has the digest that the
// delta names. Memory: DeltaHeader::memory_bytes().
// Errors: E_MISMATCH for another base than that of the delta, or a shorter one; E_PARSE, E_LIMIT for a broken delta; E_STORAGE.
Result<AppliedDelta> apply_delta(const std::filesystem::path& base, const std::filesystem::path& payload,
                                 const std::filesystem::path& image, Progress& progress);

// read_delta_header Errors: E_PARSE, E_LIMIT, E_STORAGE; E_MISMATCH when the file is not as long as its header says.
Result<client::DeltaHeader> read_delta_header(const std::filesystem::path& payload);

// Where the bytes of an image can be had from.
struct Resemblance {
  std::uint64_t image_bytes = 0;
  std::uint64_t zero_bytes = 0;
  std::uint64_t same_bytes = 0;     // somewhere in the base, at any offset
  std::uint64_t changed_bytes = 0;  // those that differ within what resembles the base
  std::uint64_t new_bytes = 0;
};

// compare_images Errors: E_STORAGE.
Result<Resemblance> compare_images(const std::filesystem::path& base, const std::filesystem::path& image,
                                   bool use_file_system, unsigned workers, Progress& progress);

}  // namespace tenon::repo_tools
