#include <tenon/repo_tools/delta/delta_encoder.h>
#include <tenon/repo_tools/delta/piece_finder.h>

#include <tests/support/delta_payload.h>

namespace tenon::tests {

OfferedDelta delta_between(ByteView base, ByteView image, std::uint64_t segment_size) {
  Bytes copy(image.begin(), image.end());
  const repo_tools::EncodedDelta delta =
      repo_tools::encode_delta(base, copy, Sha256::of(image), repo_tools::find_pieces(base, image, {false, 1}),
                               std::nullopt, {.segment_size = segment_size}, [](std::uint64_t) {});
  OfferedDelta offered{delta.header_bytes, {base.size(), Sha256::of(base), delta.header.memory_bytes()}};
  for (const Bytes& group : delta.groups) offered.payload.insert(offered.payload.end(), group.begin(), group.end());
  return offered;
}

}  // namespace tenon::tests
