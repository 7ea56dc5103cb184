#include <tenon/policies/delegation_overlap.h>

#include <algorithm>
#include <string>

namespace tenon::policies {

using metadata::PathPattern;
using metadata::PathSet;

bool may_overlap(const PathSet& a, const PathSet& b) {
  if (a.patterns && b.patterns) {
    return std::ranges::any_of(*a.patterns, [&](const PathPattern& one) {
      return std::ranges::any_of(*b.patterns, [&](const PathPattern& other) {
        const Result<bool> overlap = one.overlaps(other);
        return !overlap || *overlap;
      });
    });
  }
  if (a.hash_prefixes && b.hash_prefixes) {
    return std::ranges::any_of(*a.hash_prefixes, [&](const std::string& one) {
      return std::ranges::any_of(
          *b.hash_prefixes, [&](const std::string& other) { return one.starts_with(other) || other.starts_with(one); });
    });
  }
  const auto is_empty = [](const PathSet& set) { return !set.patterns && !set.hash_prefixes; };
  return !is_empty(a) && !is_empty(b);
}

}  // namespace tenon::policies
