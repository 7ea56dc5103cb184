// encode_delta: pieces become the bytes of a delta (docs/payload-format.md). Pure; what comes out is proved by decoding it.
#pragma once

#include <tenon/client/payload/delta_header.h>
#include <tenon/repo_tools/delta/piece.h>

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tenon::repo_tools {

struct DeltaOptions {
  std::uint64_t segment_size = 1u << 20;  // bytes
  std::uint64_t group_bytes = 4u << 20;   // a new group begins once one has about so many
};

// A delta in memory: the header's bytes and those of its groups, in order.
struct EncodedDelta {
  client::DeltaHeader header;  // its `length` is that of header_bytes
  Bytes header_bytes;
  std::vector<Bytes> groups;
};

// How far it is, in bytes of the image.
using Advance = std::function<void(std::uint64_t done)>;

// encode_delta codes an image as pieces of a base. Where `checksums` says that a decoder computes bytes of the image, these
// are taken from the base, or are zero: the image is changed there.
// Pre: the pieces cover the image in order, those that add lie inside the base, and those that are zero are.
EncodedDelta encode_delta(ByteView base, std::span<std::uint8_t> image, const Sha256& image_sha256,
                          const std::vector<Piece>& pieces, std::optional<client::Ext4Checksums> checksums,
                          const DeltaOptions& options, const Advance& advance);

}  // namespace tenon::repo_tools
