// Root trust: the newest root that this person can believe, from what the home remembers forward. Roots that a request
// carries lead on from there; they never begin it.
// Thread: safe; nothing is read or written here.
#pragma once

#include <tenon/keyctl/home.h>
#include <tenon/metadata/authentic.h>

#include <string>
#include <vector>

namespace tenon::keyctl {

struct TrustedRoot {
  metadata::Authentic<metadata::Root> root;
  Bytes file;
};

// follow_roots gives the roots from the one that is remembered to the newest; none when there is neither memory nor a root:
// the first ceremony of a repository.
// Errors: E_POLICY when roots are carried and none of them is one that is remembered, with what to do, and for a rehearsal
// that follows what is meant, or the other way round; E_MISMATCH for another root of a version that is trusted; those of
// next_root().
Result<std::vector<TrustedRoot>> follow_roots(const Memory& memory, const std::vector<std::string>& roots);

}  // namespace tenon::keyctl
