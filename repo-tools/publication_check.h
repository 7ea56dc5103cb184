// Before anything becomes public it is judged by the code that will judge it on devices.
#pragma once

#include <tenon/repo_tools/progress.h>
#include <tenon/repo_tools/publication.h>

namespace tenon::repo_tools {

// check_publication judges as a new device, and as one that knows what is published now.
// Errors: those of a client; E_POLICY for a file that is public with other bytes, or a target that no client would
// find; E_MISMATCH for a target file that is not the one listed, also for one of a bridge to what a channel names.
Result<void> check_publication(const Repository& repository, const Publication& publication, metadata::UtcTime now,
                               Progress& progress);

}  // namespace tenon::repo_tools
