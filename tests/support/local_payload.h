// Local payloads for tests: written from docs/payload-format.md, sharing only the index with tenon-repo.
#pragma once

#include <tenon/metadata/bytes.h>

namespace tenon::tests {

struct LocalPayload {
  Bytes blocks;
  Bytes index;
};

LocalPayload local_payload_of(ByteView image);

}  // namespace tenon::tests
