// What is asked of zstd frames that are held whole. Thread: plain functions.
#pragma once

#include <tenon/metadata/bytes.h>

namespace tenon::client {

// is_one_frame says whether the bytes are one frame of RFC 8878, and nothing behind it. libzstd by itself goes on with whatever
// follows, with the formats that were before that RFC too.
bool is_one_frame(ByteView bytes);

}  // namespace tenon::client
