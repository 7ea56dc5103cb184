// Files that must never be half written, overwritten by accident, or readable by others.
// A file that is written appears whole under its name or not at all, and has reached the disk when the call returns.
// Thread: safe; two writers of one name end with one of the two contents.
#pragma once

#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstddef>
#include <filesystem>
#include <string>
#include <utility>

namespace tenon::hsm {

// FileMode is who may use a new file; the umask does not change it.
enum class FileMode : unsigned {
  kPrivate = 0600,
  kPublic = 0644,
};

// read_file Errors: E_STORAGE; E_LIMIT above max_bytes.
Result<Bytes> read_file(const std::filesystem::path& path, std::size_t max_bytes);

// read_private_file reads a secret, and only one that was kept as one: a regular file of this user, under one name (no
// link), with no rights for group or others. Judged is the file that is read, after it was opened.
// Errors: E_AUTH with what to do; E_STORAGE; E_LIMIT above max_bytes.
Result<SecretBytes> read_private_file(const std::filesystem::path& path, std::size_t max_bytes);

// write_new_file never replaces anything, not even a file that appears meanwhile. Errors: E_POLICY if the name is
// taken; E_STORAGE.
Result<void> write_new_file(const std::filesystem::path& path, ByteView content, FileMode mode);

// is_temporary_name is true for a name of the form of those that one of these leaves behind when it is ended while it
// writes: ".NAME.XXXXXX".
bool is_temporary_name(std::string_view file_name);

// replace_file writes anew or in place of an older file. Errors: E_STORAGE.
Result<void> replace_file(const std::filesystem::path& path, ByteView content, FileMode mode);

// UnplacedFile is a file that lies whole beside its place, under a temporary name, and is removed unless it is moved there.
// It is what the two above are made of, for who writes very many files and syncs them together: write each, sync them,
// move each, sync their folders.
class UnplacedFile {
 public:
  // write Errors: E_STORAGE.
  static Result<UnplacedFile> write(const std::filesystem::path& path, ByteView content, FileMode mode);

  UnplacedFile(UnplacedFile&& other) noexcept;
  UnplacedFile& operator=(UnplacedFile&&) = delete;
  ~UnplacedFile();

  const std::filesystem::path& path() const { return path_; }  // where it belongs

  // sync brings its content to the disk. Errors: E_STORAGE.
  Result<void> sync() const;
  // move_over takes the place of what is there. Errors: E_STORAGE.
  Result<void> move_over();
  // move_to_free_name Errors: E_POLICY if the name is taken; E_STORAGE.
  Result<void> move_to_free_name();

 private:
  UnplacedFile(std::filesystem::path path, std::string temporary)
      : path_(std::move(path)), temporary_(std::move(temporary)) {}
  std::filesystem::path path_;
  std::string temporary_;  // empty once it was moved
};

}  // namespace tenon::hsm
