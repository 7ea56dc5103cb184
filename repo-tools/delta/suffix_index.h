// SuffixIndex: where in a text the longest match of a pattern lies. Memory: 5 to 6 bytes for each byte of the text.
// Thread: any, once it is built.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/repo_tools/delta/stretch_filter.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tenon::repo_tools {

// A match is not looked at beyond this many bytes, so that data which repeats itself costs no more than other data.
inline constexpr std::size_t kMatchHorizon = 512;

class SuffixIndex {
 public:
  // SuffixIndex sorts a text, in parts that do not depend on the number of workers. shortest_match: matches below are of
  // no use to the caller. Pre: 8 or more. Caller must: keep the text.
  SuffixIndex(ByteView text, std::size_t shortest_match, unsigned workers);

  struct Match {
    std::size_t position = 0;
    std::size_t length = 0;  // at most kMatchHorizon; below the shortest match, it need not be the longest
  };
  Match longest_match(ByteView pattern) const;

 private:
  struct Part {
    ByteView text;
    std::size_t offset = 0;                // of it, in the whole text
    std::vector<std::int32_t> suffixes;    // sorted
    std::vector<std::int32_t> first_with;  // of a large part: for two bytes, the first suffix that is not before them
    StretchFilter filter;
    void sort(std::size_t shortest_match);
    Match longest_match(ByteView pattern) const;
  };
  std::vector<Part> parts_;
};

}  // namespace tenon::repo_tools
