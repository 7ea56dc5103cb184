// The full payload of an image as a source of its segments, read from wherever the repository's parts come from.
// Thread: one.
#pragma once

#include <tenon/client/payload/full_payload.h>
#include <tenon/client/updater/repository_client.h>

namespace tenon::client {

// read_full_payload hands out the segments from `first` on: what lies before them is not fetched. payload_length: bytes.
// Errors: E_NET; E_PARSE, E_LIMIT and E_MISMATCH for what is no full payload of the image; what `take` returned.
Result<void> read_full_payload(const PartReader& parts, std::uint64_t payload_length, const policies::Image& image,
                               std::uint64_t first, const SegmentHandler& take);

}  // namespace tenon::client
