// ScratchFolder: an empty folder of 0700 that goes with everything in it.
// Thread: one.
#pragma once

#include <tenon/metadata/check.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <string>

#include <gtest/gtest.h>

namespace tenon::tests {

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string name = testing::TempDir() + "/tenon-XXXXXX";
    TENON_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  // make_folder gives a new folder inside.
  std::filesystem::path make_folder(const std::string& name) const {
    std::filesystem::create_directories(path_ / name);
    return path_ / name;
  }
  // entries names everything inside, at every depth.
  std::set<std::string> entries() const {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      names.insert(entry.path().lexically_relative(path_).native());
    }
    return names;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tenon::tests
