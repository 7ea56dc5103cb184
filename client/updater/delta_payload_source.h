// A delta as a source of an image's segments: the payload is read in parts from wherever the repository's files come from, the
// base from a slot. Thread: one.
#pragma once

#include <tenon/client/payload/base_cache.h>
#include <tenon/client/payload/full_payload.h>
#include <tenon/client/updater/repository_client.h>

namespace tenon::client {

// read_delta_payload hands out the segments from `first` on. What lies before the group of that segment is not fetched, but for
// the header.
// Errors: E_NET; E_PARSE, E_LIMIT and E_MISMATCH for what is no delta of the image, or not for this base, or a base that
// cannot be read; what `take` returned.
Result<void> read_delta_payload(const PartReader& parts, const policies::Image& image,
                                const policies::Payload::Delta& delta, const ReadBase& base, std::uint64_t first,
                                const SegmentHandler& take);

}  // namespace tenon::client
