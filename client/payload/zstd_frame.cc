#include <tenon/client/payload/little_endian.h>
#include <tenon/client/payload/seek_table.h>
#include <tenon/client/payload/zstd_frame.h>

#include <zstd.h>

namespace tenon::client {

bool is_one_frame(ByteView bytes) {
  if (bytes.size() < sizeof(kZstdFrameMagic) || le32(bytes, 0) != kZstdFrameMagic) return false;
  return ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()) == bytes.size();
}

}  // namespace tenon::client
