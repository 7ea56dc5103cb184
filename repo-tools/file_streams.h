// Files that do not fit into memory: InputFile reads one from front to back, OutputFile is a new one that grows.
// Thread: values; not shared.
#pragma once

#include <tenon/hsm/file_descriptor.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/digest.h>
#include <tenon/metadata/result.h>

#include <cstdint>
#include <filesystem>
#include <span>

namespace tenon::repo_tools {

// OutputFile is a new file that grows: for payloads and images, which do not fit into memory.
class OutputFile {
 public:
  // create Errors: E_STORAGE, also when the name is taken.
  static Result<OutputFile> create(const std::filesystem::path& path);
  Result<void> write(ByteView bytes);
  // write_with_holes leaves blocks of zeros out; they read as zeros.
  Result<void> write_with_holes(ByteView bytes);
  // finish syncs the file.
  Result<void> finish();

 private:
  OutputFile(std::filesystem::path path, hsm::FileDescriptor fd) : path_(std::move(path)), fd_(std::move(fd)) {}
  std::filesystem::path path_;
  hsm::FileDescriptor fd_;
};

// InputFile reads a regular file from front to back. Its size is known when it is opened, and unchanged() says whether
// it was still the same file of the same age at the end.
class InputFile {
 public:
  // open Errors: E_STORAGE, also for a folder, a pipe or a device.
  static Result<InputFile> open(const std::filesystem::path& path);

  std::uint64_t size() const { return size_; }  // bytes
  // read fills the buffer, or what the file still has. Errors: E_STORAGE.
  Result<std::size_t> read(std::span<std::uint8_t> buffer);
  // require_unchanged Errors: E_STORAGE when the file was written to meanwhile.
  Result<void> require_unchanged() const;

 private:
  InputFile(std::filesystem::path path, hsm::FileDescriptor fd, std::uint64_t size, std::int64_t modified_ns)
      : path_(std::move(path)), fd_(std::move(fd)), size_(size), modified_ns_(modified_ns) {}
  std::filesystem::path path_;
  hsm::FileDescriptor fd_;
  std::uint64_t size_;
  std::int64_t modified_ns_;
};

// digest_file Errors: E_STORAGE.
Result<Sha256> digest_file(const std::filesystem::path& path);

// storage_error Units: error_number is an errno.
Error storage_error(const std::filesystem::path& path, std::string_view what, int error_number);

}  // namespace tenon::repo_tools
