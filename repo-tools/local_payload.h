// The encoder of local payloads (docs/payload-format.md), and the check of each as a device that holds nothing reads it.
// Memory: the image is mapped; some tens of MiB beside it. Thread: they start threads of their own, and end them.
#pragma once

#include <tenon/client/payload/local_content.h>
#include <tenon/client/payload/segment_list.h>
#include <tenon/repo_tools/payload_writer.h>
#include <tenon/repo_tools/progress.h>

#include <filesystem>

namespace tenon::repo_tools {

// write_local_payload reads an image and writes its local payload to a new file. Returns: the index of it.
// Errors: E_STORAGE.
Result<client::LocalIndex> write_local_payload(const std::filesystem::path& image, const EncodeOptions& options,
                                               const std::filesystem::path& payload, Progress& progress);

// check_local_payload reads all records and frames with the device's decoder, and compares every hash and every segment.
// Errors: E_PARSE, E_MISMATCH; E_STORAGE.
Result<PayloadIdentity> check_local_payload(const std::filesystem::path& payload, const client::LocalIndex& index,
                                            const policies::Image& image, const client::SegmentList& segments,
                                            Progress& progress);

// What a device fetches that has `base` in the slot that runs.
struct LocalFetch {
  std::uint64_t index_bytes = 0;
  std::uint64_t record_bytes = 0;
  std::uint64_t frame_bytes = 0;
  std::uint64_t requests = 0;
};
// local_fetch Errors: E_PARSE, E_STORAGE.
Result<LocalFetch> local_fetch(const client::LocalIndex& index, const std::filesystem::path& payload,
                               const std::filesystem::path& base);

}  // namespace tenon::repo_tools
