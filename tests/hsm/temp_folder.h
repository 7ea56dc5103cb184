// TempFolder: an empty folder of 0700 that goes with everything in it.
#pragma once

#include <tenon/hsm/file_io.h>
#include <tenon/metadata/check.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace tenon {

class TempFolder {
 public:
  TempFolder() {
    std::string name = testing::TempDir() + "/tenon-XXXXXX";
    TENON_CHECK(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TempFolder() { std::filesystem::remove_all(path_); }
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path operator/(std::string_view name) const { return path_ / name; }

  std::filesystem::path write(std::string_view name, std::string_view content,
                              hsm::FileMode mode = hsm::FileMode::kPrivate) const {
    TENON_CHECK(hsm::replace_file(path_ / name, as_bytes(content), mode).has_value());
    return path_ / name;
  }

  // Everything that lies in the folder, one file after the other.
  std::string all_content() const {
    std::string all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (!entry.is_regular_file()) continue;
      const Result<Bytes> content = hsm::read_file(entry.path(), 1u << 20);
      TENON_CHECK(content.has_value());
      all += entry.path().filename().native() + "\n" + std::string(as_text(*content));
    }
    return all;
  }

 private:
  std::filesystem::path path_;
};

}  // namespace tenon
