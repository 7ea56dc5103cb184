// Taking a release off the list: a new draft of releases.<product> without it. Devices that run it are not asked to do
// anything; nobody can install it any more, and prune may remove its files once that is published.
#pragma once

#include <tenon/repo_tools/drafts.h>

#include <string>
#include <vector>

namespace tenon::repo_tools {

struct ReleaseRemoved {
  std::vector<std::string> paths;  // of the files that are listed no more
  Draft draft;
};

// remove_release Errors: E_USAGE when there is no such release; E_POLICY while a channel or a bridge of another release
// leads to it, or for the release of the highest sequence, which says where the next one begins.
Result<ReleaseRemoved> remove_release(const Repository& repository, FileWriter& writer, const policies::Label& product,
                                      const policies::Label& version, metadata::UtcTime now);

}  // namespace tenon::repo_tools
