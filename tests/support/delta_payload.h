// Deltas for tests, made by the encoder that releases are built with.
#pragma once

#include <tenon/policies/release.h>

namespace tenon::tests {

// OfferedDelta is a delta and what its release says of it.
struct OfferedDelta {
  Bytes payload;
  policies::Payload::Delta facts;
};

// delta_between Units: bytes.
OfferedDelta delta_between(ByteView base, ByteView image, std::uint64_t segment_size);

}  // namespace tenon::tests
