// StretchFilter: whether the first bytes of a pattern occur in a text at all. Most of what is new does not, and then there
// is no need to search. Memory: 1 to 2 bytes for each byte of the text.
// Thread: any, once it is built.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tenon::repo_tools {

class StretchFilter {
 public:
  StretchFilter() = default;
  // length: how many bytes are looked at. Pre: 8 or more.
  StretchFilter(ByteView text, std::size_t length);

  // may_occur is false only if the text does not have the first bytes of the pattern in this order anywhere.
  bool may_occur(ByteView pattern) const;

 private:
  std::uint64_t bit_of(const std::uint8_t* stretch) const;

  std::size_t length_ = 0;
  int shift_ = 0;                    // a hash has as many bits as there are bits below
  std::vector<std::uint64_t> bits_;  // by hash
};

}  // namespace tenon::repo_tools
