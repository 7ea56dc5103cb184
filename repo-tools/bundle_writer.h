// UnplacedBundle: a bundle that lies whole and synced beside its place, under a temporary name, and is removed unless
// it is moved there: so what stands at its place was proved, or is the bundle that was there before.
// Thread: a value; not shared.
#pragma once

#include <tenon/repo_tools/bundle_plan.h>
#include <tenon/repo_tools/progress.h>

#include <filesystem>

namespace tenon::repo_tools {

class UnplacedBundle {
 public:
  // write The same plan gives the same bytes. What a killed one left beside that place is removed first. Errors:
  // E_USAGE for a place that is taken by no regular file; E_MISMATCH for a file that has not the length that is listed;
  // E_STORAGE.
  static Result<UnplacedBundle> write(const Repository& repository, const BundlePlan& plan, std::filesystem::path path,
                                      Progress& progress);
  UnplacedBundle(UnplacedBundle&& other) noexcept;
  UnplacedBundle& operator=(UnplacedBundle&&) = delete;
  ~UnplacedBundle();

  const std::filesystem::path& temporary() const { return temporary_; }

  // move_to_its_place replaces an older bundle. Errors: E_STORAGE.
  Result<void> move_to_its_place();

 private:
  UnplacedBundle(std::filesystem::path path, std::filesystem::path temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}
  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty once it was moved
};

}  // namespace tenon::repo_tools
