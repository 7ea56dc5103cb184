// UnplacedOutput: a large file in the making, beside its place under a temporary name, and removed unless it is moved there:
// so that nothing has its name before it was proved. Thread: one.
#pragma once

#include <tenon/repo_tools/file_streams.h>

#include <filesystem>
#include <utility>

namespace tenon::repo_tools {

class UnplacedOutput {
 public:
  // create What a killed one left beside that place is removed first; of two that run to one name, the first fails.
  // Errors: E_USAGE for a place that is taken by no regular file; E_STORAGE.
  static Result<UnplacedOutput> create(const std::filesystem::path& path);
  UnplacedOutput(UnplacedOutput&& other) noexcept;
  UnplacedOutput& operator=(UnplacedOutput&&) = delete;
  ~UnplacedOutput();

  OutputFile& file() { return file_; }
  const std::filesystem::path& temporary() const { return temporary_; }

  // move_to_its_place replaces an older file. Pre: the file was finished. Errors: E_STORAGE.
  Result<void> move_to_its_place();

 private:
  UnplacedOutput(std::filesystem::path path, std::filesystem::path temporary, OutputFile file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(std::move(file)) {}
  std::filesystem::path path_;
  std::filesystem::path temporary_;  // empty once it was moved
  OutputFile file_;
};

}  // namespace tenon::repo_tools
