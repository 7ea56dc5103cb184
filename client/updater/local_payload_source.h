// A local payload as a source of an image's segments: blocks that the slot that runs holds are taken from there, the frames of
// the others are fetched. Thread: one.
#pragma once

#include <tenon/client/payload/base_cache.h>
#include <tenon/client/payload/full_payload.h>
#include <tenon/client/payload/local_content.h>
#include <tenon/client/updater/repository_client.h>

namespace tenon::client {

// read_local_payload hands out the segments from `first` on. `slot` reads what `content` has looked at.
// Errors: E_NET; E_PARSE and E_MISMATCH for what are not the frames of the index, or a slot that cannot be read any more; what
// `take` returned.
Result<void> read_local_payload(const PartReader& parts, const policies::Image& image, const LocalContent& content,
                                const ReadBase& slot, std::uint64_t first, const SegmentHandler& take);

}  // namespace tenon::client
