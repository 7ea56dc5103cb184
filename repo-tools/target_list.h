// Target files that are no release: what a team publishes below its own role. A role with bins has each target in the bin
// of its path. Only roles whose lists change are drafted again, and one of them is in memory at a time.
// Thread: one.
#pragma once

#include <tenon/repo_tools/drafts.h>
#include <tenon/repo_tools/progress.h>
#include <tenon/repo_tools/role_tree.h>

#include <filesystem>
#include <string>
#include <vector>

namespace tenon::repo_tools {

struct TargetsChanged {
  std::vector<Draft> drafts;
  std::size_t added = 0;
  std::size_t replaced = 0;  // another file under a path that was listed
  std::size_t removed = 0;
  std::size_t unchanged = 0;
};

// add_target_files takes a file, or every file below a folder, as PREFIX and its path below that folder.
// Errors: E_POLICY for a path that the role may not speak for, a role of a product, and one whose files are served elsewhere;
// E_USAGE for a role that nobody delegates to; E_PARSE for a name that no target can have; E_STORAGE. On an error lists that
// were drafted before it stay drafted: call it again to go on.
Result<TargetsChanged> add_target_files(const Repository& repository, FileWriter& writer, const RoleId& role,
                                        const std::filesystem::path& source, const std::string& prefix,
                                        metadata::UtcTime now, Progress& progress);

// add_target_manifest takes the files of a list, whose lines are "SHA256 LENGTH PATH". They are served from elsewhere:
// the role is marked so, and publishing does not look for them. Errors: as add_target_files, but E_POLICY for a role whose files
// are kept here; E_PARSE with the line, also for a path that is listed twice.
Result<TargetsChanged> add_target_manifest(const Repository& repository, FileWriter& writer, const RoleId& role,
                                           const std::filesystem::path& manifest, metadata::UtcTime now,
                                           Progress& progress);

// remove_targets takes off all or none. Errors: E_USAGE for a path that is not listed; as add_target_files.
Result<TargetsChanged> remove_targets(const Repository& repository, FileWriter& writer, const RoleId& role,
                                      const std::vector<std::string>& paths, metadata::UtcTime now);

}  // namespace tenon::repo_tools
