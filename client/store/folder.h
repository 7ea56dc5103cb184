// Folder: one folder on the device's disk, held by its descriptor, and the one way to replace a file in it durably:
// temporary file, write, fsync, rename, fsync of the folder. No symbolic link below it is followed.
// Thread: one at a time.
#pragma once

#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

namespace tenon::client {

// FileDescriptor owns a descriptor of the system; -1 is none.
class FileDescriptor {
 public:
  explicit FileDescriptor(int number = -1) : number_(number) {}
  FileDescriptor(FileDescriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  FileDescriptor& operator=(FileDescriptor&& other) noexcept;
  ~FileDescriptor();

  int get() const { return number_; }
  explicit operator bool() const { return number_ >= 0; }

 private:
  int number_;
};

// is_file_name is true for one path component that no rule of a folder gives another meaning: no '/', no NUL, no dot in
// front, at most 255 bytes.
bool is_file_name(const std::string& name);

class Folder {
 public:
  // open Errors: E_STORAGE; not_found() tells a missing folder from any other failure.
  static Result<Folder> open(const std::filesystem::path& path);
  // open_below opens a folder inside this one. With create it is made when it is missing.
  // Errors: E_STORAGE
  Result<Folder> open_below(const std::string& name, bool create) const;

  const std::filesystem::path& path() const { return path_; }
  std::string shown(const std::string& name) const { return (path_ / name).string(); }

  // open_file opens a regular file with open(2)'s flags. Nothing: there is no such file.
  // Errors: E_STORAGE, for a symbolic link or anything else that is no regular file too.
  Result<std::optional<FileDescriptor>> open_file(const std::string& name, int flags) const;

  // open_new makes a file to write, never into what stands under its name: a leftover, or a second name of a file that is
  // none of ours. Errors: E_STORAGE
  Result<FileDescriptor> open_new(const std::string& name) const;

  // replace has the new file durable when it returns; a cut leaves the old file or the new one.
  // Errors: E_STORAGE. After an error the old file is still in force, or the new one is and may not be durable.
  Result<void> replace(const std::string& name, ByteView content) const;

  // sync makes the names in the folder durable. Errors: E_STORAGE.
  Result<void> sync() const;

 private:
  Folder(std::filesystem::path path, FileDescriptor descriptor)
      : path_(std::move(path)), descriptor_(std::move(descriptor)) {}

  Result<void> write_new(ByteView content) const;

  std::filesystem::path path_;
  FileDescriptor descriptor_;
};

// write_all and read_all are pwrite and pread that go on after an interruption or a short count.
// read_all gives what there is, which is less than the span only at the end of the file.
// Errors: E_STORAGE, naming the file
Result<void> write_all(const FileDescriptor& file, std::uint64_t offset, ByteView data, const std::string& shown);
Result<std::size_t> read_all(const FileDescriptor& file, std::uint64_t offset, std::span<std::uint8_t> into,
                             const std::string& shown);

// storage_error says what failed at which file, from errno.
Error storage_error(const std::string& what, const std::string& shown);

}  // namespace tenon::client
