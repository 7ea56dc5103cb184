// Ext4Image: real file systems, made by mke2fs from a folder. Needs e2fsprogs.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/check.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include <tests/support/scratch_folder.h>

namespace tenon::repo_tools {

inline Bytes read_whole(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string content(std::istreambuf_iterator<char>(file), {});
  TENON_CHECK(!content.empty());
  return to_bytes(content);
}

class Ext4Image {
 public:
  void write(const std::string& name, ByteView content) const {
    const std::filesystem::path path = scratch_.path() / "tree" / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << as_text(content);
  }
  // make gives the image of all that was written. options: more words for mke2fs.
  Bytes make(const std::string& options = "", unsigned mebibytes = 4) const {
    const std::filesystem::path image = scratch_.path() / "image";
    std::filesystem::remove(image);
    std::ofstream(image).close();
    std::filesystem::resize_file(image, std::uintmax_t{mebibytes} << 20);
    const std::string command =
        "PATH=$PATH:/usr/sbin:/sbin mke2fs -q -F -t ext4 -b 4096 -U 3a9d9a3c-8f3d-4f4e-9d0e-0d5a8f1f7a55 " + options +
        " -d '" + (scratch_.path() / "tree").native() + "' '" + image.native() + "' >/dev/null 2>&1";
    TENON_CHECK(std::system(command.c_str()) == 0);
    return read_whole(image);
  }

 private:
  tests::ScratchFolder scratch_;
};

}  // namespace tenon::repo_tools
