// Publishing: what is staged becomes what clients get, or nothing changes. Files are written so that at every instant a
// client finds the old state or the new one: target files, delegated roles, targets, snapshot, new roots, and timestamp
// last. Killed anywhere, publishing again completes it.
#pragma once

#include <tenon/repo_tools/file_writer.h>
#include <tenon/repo_tools/progress.h>
#include <tenon/repo_tools/publication.h>
#include <tenon/repo_tools/role_tree.h>

#include <functional>

namespace tenon::repo_tools {

// write_publication Pre: check_publication passed. It writes the log too. Errors: E_STORAGE, E_POLICY, E_MISMATCH; call
// it again to go on.
// before_switch is done when all is there but new roots and timestamp, by which clients would see it; its error ends the
// publication.
using BeforeSwitch = std::function<Result<void>()>;
Result<void> write_publication(const Repository& repository, FileWriter& writer, const Publication& publication,
                               metadata::UtcTime now, Progress& progress, const BeforeSwitch& before_switch = {});

// clear_staging removes what was published, and files that no draft lists. tree: the drafts' own, as it was before they
// were published. Pre: nothing is staged that is not public.
Result<void> clear_staging(const Repository& repository, const RoleTree& tree, FileWriter& writer);

}  // namespace tenon::repo_tools
