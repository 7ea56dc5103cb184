// An encoder of full payloads for tests, written from the published seekable format and sharing nothing with
// tenon-repo's.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstdint>

namespace tenon::tests {

// full_payload_of gives one zstd frame for each segment and the seek table. Units: bytes.
Bytes full_payload_of(ByteView image, std::uint64_t segment_size);

// random_image gives bytes that do not compress and are the same for the same seed.
Bytes random_image(std::size_t size, std::uint32_t seed);

}  // namespace tenon::tests
