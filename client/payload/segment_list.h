// SegmentList: the signed SHA-256 of every segment of an image: the one authority on what may be written to a slot.
#pragma once

#include <tenon/metadata/digest.h>
#include <tenon/metadata/fresh.h>
#include <tenon/policies/release.h>

#include <cstdint>
#include <vector>

namespace tenon::client {

class SegmentList {
 public:
  // read takes the file of 32 bytes for each segment, as the release pins it.
  // Errors: E_MISMATCH when length or digest are not the release's.
  static Result<SegmentList> read(ByteView file, const policies::Image& image);

  std::uint64_t count() const { return digests_.size(); }
  // check compares one whole segment. Pre: index < count(). Errors: E_MISMATCH, naming the segment.
  Result<void> check(std::uint64_t index, ByteView segment) const;
  bool matches(std::uint64_t index, ByteView segment) const { return Sha256::of(segment) == digests_[index]; }

 private:
  explicit SegmentList(std::vector<Sha256> digests) : digests_(std::move(digests)) {}
  std::vector<Sha256> digests_;
};

}  // namespace tenon::client
