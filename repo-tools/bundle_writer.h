// write_bundle: a repository, or a part of it, becomes one file (docs/bundle-format.md).
// Thread: one.
#pragma once

#include <tenon/repo_tools/bundle_plan.h>
#include <tenon/repo_tools/progress.h>
#include <tenon/repo_tools/unplaced_output.h>

#include <filesystem>

namespace tenon::repo_tools {

// write_bundle gives a bundle that lies whole and synced beside its place: it is moved there once it was proved. The same
// plan gives the same bytes.
// Errors: those of UnplacedOutput; E_MISMATCH for a file that has not the length that is listed; E_STORAGE.
Result<UnplacedOutput> write_bundle(const Repository& repository, const BundlePlan& plan,
                                    const std::filesystem::path& path, Progress& progress);

}  // namespace tenon::repo_tools
