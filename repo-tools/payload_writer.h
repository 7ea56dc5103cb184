// The encoder of full payloads (docs/payload-format.md), and the check of every payload with the device's own decoder.
// Memory: for each worker two segments and one zstd context, whatever the image size.
#pragma once

#include <tenon/client/payload/segment_list.h>
#include <tenon/policies/release.h>
#include <tenon/repo_tools/image_reader.h>
#include <tenon/repo_tools/progress.h>

#include <filesystem>

namespace tenon::repo_tools {

struct EncodeOptions {
  std::uint64_t segment_size = 1u << 20;  // bytes
  int level = 9;                          // zstd, 1 to 19
  unsigned workers = 2;                   // threads that compress; the bytes do not depend on it
};

// write_full_payload reads an image and writes its payload to a new file.
// Returns: what the release says of the image, and its segment list.
// Errors: those of ImageReader; E_USAGE for a level outside 1 to 19.
Result<ImageReader::Described> write_full_payload(const std::filesystem::path& image_file, const policies::Label& slot,
                                                  const EncodeOptions& options,
                                                  const std::filesystem::path& payload_file, Progress& progress);

// PayloadIdentity is what a targets role pins of a payload.
struct PayloadIdentity {
  std::uint64_t length = 0;  // bytes
  Sha256 sha256;
};

// check_full_payload reads a payload as a device does, and compares every segment, the seek table and the whole image.
// Errors: those of the decoder; E_MISMATCH; E_STORAGE.
Result<PayloadIdentity> check_full_payload(const std::filesystem::path& payload_file, const policies::Image& image,
                                           const client::SegmentList& segments, Progress& progress);

// unpack_full_payload writes the image of a payload to a new file, of which nothing stays unless it is the image that its
// release pins. The file is not synced. Errors: those of the decoder; E_MISMATCH; E_STORAGE.
Result<void> unpack_full_payload(const std::filesystem::path& payload_file, const policies::Image& image,
                                 const std::filesystem::path& image_file, Progress& progress);

}  // namespace tenon::repo_tools
