// Files that must never be half written, overwritten by accident, or readable by others.
// A file that is written appears whole under its name or not at all, and has reached the disk when the call returns.
// Thread: safe; two writers of one name end with one of the two contents.
#pragma once

#include <tenon/hsm/secret_bytes.h>
#include <tenon/metadata/bytes.h>
#include <tenon/metadata/result.h>

#include <cstddef>
#include <filesystem>

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

// FolderSync is when a new name reaches the disk: before the call returns, or later, when the caller syncs the folder. The
// content of the file has reached it in both cases.
enum class FolderSync { kNow, kLater };

// write_new_file never replaces anything, not even a file that appears meanwhile. Errors: E_POLICY if the name is
// taken; E_STORAGE.
Result<void> write_new_file(const std::filesystem::path& path, ByteView content, FileMode mode,
                            FolderSync sync = FolderSync::kNow);

// is_temporary_name is true for a name of the form of those that one of these leaves behind when it is ended while it
// writes: ".NAME.XXXXXX".
bool is_temporary_name(std::string_view file_name);

// replace_file writes anew or in place of an older file. Errors: E_STORAGE.
Result<void> replace_file(const std::filesystem::path& path, ByteView content, FileMode mode,
                          FolderSync sync = FolderSync::kNow);

}  // namespace tenon::hsm
