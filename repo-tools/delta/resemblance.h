// find_resemblances: stretches of a text that resemble stretches of another, bytes that differ among them.
// The idea is that of Percival's bsdiff: stay with the alignment at hand until another one matches clearly better; then let
// both reach towards each other as long as more is right than wrong. Here nothing grows with the square of the text.
// Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/suffix_index.h>

#include <cstddef>
#include <vector>

namespace tenon::repo_tools {

struct Resemblance {
  std::size_t offset = 0;       // in the text
  std::size_t length = 0;       // bytes, above 0
  std::size_t base_offset = 0;  // in the base text
};

// find_resemblances goes through a text once. threshold: by how many bytes another alignment must
// match better; the index finds what is longer.
// Returns: stretches in order, not overlapping; between them nothing resembles the base.
std::vector<Resemblance> find_resemblances(ByteView base, const SuffixIndex& base_index, ByteView text,
                                           std::size_t threshold);

}  // namespace tenon::repo_tools
