#include <tenon/hsm/file_descriptor.h>
#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::hsm {
namespace {

namespace fs = std::filesystem;

std::string shown(const fs::path& path) {
  return printable(path.native());
}

Error storage_error(const fs::path& path, std::string_view what) {
  return Error{ErrorCode::kStorage, shown(path) + ": " + std::string(what) + ": " + std::strerror(errno)};
}

Error too_large(const fs::path& path, std::size_t max_bytes) {
  return Error{ErrorCode::kLimit, shown(path) + ": larger than " + std::to_string(max_bytes) + " bytes"};
}

// Reads until the end or until the buffer is full; -1 with errno.
ssize_t read_fully(int fd, std::span<std::uint8_t> into) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t got = ::read(fd, into.data() + done, into.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return static_cast<ssize_t>(done);
}

bool write_fully(int fd, ByteView content) {
  while (!content.empty()) {
    const ssize_t put = ::write(fd, content.data(), content.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return false;
    content = content.subspan(static_cast<std::size_t>(put));
  }
  return true;
}

// O_NONBLOCK: a FIFO in place of the file must not hang us.
FileDescriptor open_for_reading(const fs::path& path, int flags) {
  return FileDescriptor(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | flags));
}

Result<std::size_t> checked_size(int fd, const fs::path& path, struct stat& status, std::size_t max_bytes) {
  if (::fstat(fd, &status) != 0) return storage_error(path, "cannot look at it");
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::kStorage, shown(path) + ": not a regular file"};
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > max_bytes) return too_large(path, max_bytes);
  return static_cast<std::size_t>(size);
}

Result<void> check_private(const struct stat& status, const fs::path& path) {
  if (status.st_uid != ::geteuid()) {
    return Error{ErrorCode::kAuth,
                 shown(path) + ": belongs to user " + std::to_string(status.st_uid) + ", not to user " +
                     std::to_string(::geteuid()),
                 "use a file of your own"};
  }
  if ((status.st_mode & 077) != 0) {
    char mode[8];
    std::snprintf(mode, sizeof mode, "%04o", static_cast<unsigned>(status.st_mode & 07777));
    return Error{ErrorCode::kAuth, shown(path) + ": group or others have rights on it (mode " + mode + ")",
                 "chmod 600 " + shown(path) + ", and make a new key or passphrase if others could have read it"};
  }
  if (status.st_nlink > 1) {
    return Error{ErrorCode::kAuth, shown(path) + ": has " + std::to_string(status.st_nlink) + " names (hard links)",
                 "keep the file under one name"};
  }
  return {};
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

Result<void> sync_folder(const fs::path& path) {
  const fs::path folder = folder_of(path);
  const FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return storage_error(folder, "cannot open the folder");
  // EINVAL: a file system (some FUSE ones, as on USB sticks) that cannot sync a folder.
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return storage_error(folder, "cannot sync the folder");
  return {};
}

constexpr std::string_view kRandomPart = ".XXXXXX";

}  // namespace

Result<Bytes> read_file(const fs::path& path, std::size_t max_bytes) {
  const FileDescriptor fd = open_for_reading(path, 0);
  if (!fd) return storage_error(path, "cannot open it");
  struct stat status {};
  TENON_TRY(const std::size_t size, checked_size(fd.get(), path, status, max_bytes));
  Bytes content(size);
  const ssize_t got = read_fully(fd.get(), content);
  if (got < 0) return storage_error(path, "cannot read");
  content.resize(static_cast<std::size_t>(got));
  return content;
}

Result<SecretBytes> read_private_file(const fs::path& path, std::size_t max_bytes) {
  const FileDescriptor fd = open_for_reading(path, O_NOFOLLOW);
  if (!fd && errno == ELOOP) {
    return Error{ErrorCode::kAuth, shown(path) + ": is a symbolic link", "name the file itself"};
  }
  if (!fd) return storage_error(path, "cannot open it");
  struct stat status {};
  TENON_TRY(const std::size_t size, checked_size(fd.get(), path, status, max_bytes));
  TENON_TRY_VOID(check_private(status, path));
  SecretBytes content(size);
  const ssize_t got = read_fully(fd.get(), content.writable(RevealSecret()));
  if (got < 0) return storage_error(path, "cannot read");
  content.shrink(static_cast<std::size_t>(got));
  return content;
}

bool is_temporary_name(std::string_view file_name) {
  const std::size_t dot = file_name.rfind('.');
  return file_name.starts_with('.') && dot != 0 && file_name.size() - dot == kRandomPart.size();
}

Result<UnplacedFile> UnplacedFile::write(const fs::path& path, ByteView content, FileMode mode) {
  std::string name = folder_of(path) / ("." + path.filename().native()).append(kRandomPart);
  const FileDescriptor fd(::mkostemp(name.data(), O_CLOEXEC));  // O_CREAT | O_EXCL, 0600
  if (!fd) return storage_error(path, "cannot create it");
  UnplacedFile file(path, std::move(name));
  if (!write_fully(fd.get(), content)) return storage_error(path, "cannot write");
  if (::fchmod(fd.get(), static_cast<mode_t>(mode)) != 0) return storage_error(path, "cannot set its mode");
  return file;
}

UnplacedFile::UnplacedFile(UnplacedFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::exchange(other.temporary_, {})) {}

UnplacedFile::~UnplacedFile() {
  if (!temporary_.empty()) ::unlink(temporary_.c_str());
}

Result<void> UnplacedFile::sync() const {
  const FileDescriptor fd(::open(temporary_.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd || ::fsync(fd.get()) != 0) return storage_error(path_, "cannot sync");
  return {};
}

Result<void> UnplacedFile::move_over() {
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return storage_error(path_, "cannot replace it");
  temporary_.clear();
  return {};
}

Result<void> UnplacedFile::move_to_free_name() {
  int result = ::renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE);
  if (result == 0) {
    temporary_.clear();
    return {};
  }
  // EINVAL: the file system does not know the flag. link() refuses a taken name as well; the temporary name then goes.
  if (errno == EINVAL) result = ::link(temporary_.c_str(), path_.c_str());
  if (result == 0) return {};
  if (errno == EEXIST) return Error{ErrorCode::kPolicy, shown(path_) + ": exists already and is not overwritten"};
  return storage_error(path_, "cannot create it");
}

Result<void> write_new_file(const fs::path& path, ByteView content, FileMode mode) {
  TENON_TRY(UnplacedFile file, UnplacedFile::write(path, content, mode));
  TENON_TRY_VOID(file.sync());
  TENON_TRY_VOID(file.move_to_free_name());
  return sync_folder(path);
}

Result<void> replace_file(const fs::path& path, ByteView content, FileMode mode) {
  TENON_TRY(UnplacedFile file, UnplacedFile::write(path, content, mode));
  TENON_TRY_VOID(file.sync());
  TENON_TRY_VOID(file.move_over());
  return sync_folder(path);
}

}  // namespace tenon::hsm
