// MappedFile: a regular file as memory, private to this process: what is written there never reaches the file. The file must
// not become shorter meanwhile. Thread: as memory.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <filesystem>
#include <span>
#include <utility>

namespace tenon::repo_tools {

class MappedFile {
 public:
  // open Errors: E_STORAGE, also for a folder, a pipe or a device.
  static Result<MappedFile> open(const std::filesystem::path& path);
  MappedFile(MappedFile&& other) noexcept : bytes_(std::exchange(other.bytes_, {})) {}
  MappedFile& operator=(MappedFile&&) = delete;
  ~MappedFile();

  ByteView bytes() const { return bytes_; }
  std::span<std::uint8_t> writable() { return bytes_; }

 private:
  explicit MappedFile(std::span<std::uint8_t> bytes) : bytes_(bytes) {}
  std::span<std::uint8_t> bytes_;
};

}  // namespace tenon::repo_tools
