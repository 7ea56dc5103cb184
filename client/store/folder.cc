#include <tenon/client/store/folder.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxFileNameBytes = 255;  // NAME_MAX of every Linux file system
// One name for all: one process holds the store, and a leftover of a power cut is overwritten by the next save.
constexpr const char* kTemporaryName = ".new";
constexpr mode_t kFolderMode = 0755;
constexpr mode_t kFileMode = 0644;

std::string_view hint_for(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT: return "free some space on that file system";
    case EROFS: return "mount that file system for writing";
    case EACCES:
    case EPERM: return "check the owner and the mode; tenond's user needs to read and write there";
    case ELOOP: return "a symbolic link stands there; only real files and folders are used";
    case EIO: return "the disk fails: look into the kernel's log";
    default: return "";
  }
}

}  // namespace

Error storage_error(const std::string& what, const std::string& shown) {
  const int error = errno;
  return Error{ErrorCode::kStorage, shown + ": " + what + ": " + std::strerror(error), std::string(hint_for(error))};
}

FileDescriptor& FileDescriptor::operator=(FileDescriptor&& other) noexcept {
  if (this != &other) {
    if (number_ >= 0) ::close(number_);
    number_ = std::exchange(other.number_, -1);
  }
  return *this;
}

FileDescriptor::~FileDescriptor() {
  if (number_ >= 0) ::close(number_);  // what must be durable was synced before: close has nothing to say
}

bool is_file_name(const std::string& name) {
  const bool plain = name.find('/') == std::string::npos && name.find('\0') == std::string::npos;
  return plain && !name.empty() && name.front() != '.' && name.size() <= kMaxFileNameBytes;
}

Result<Folder> Folder::open(const std::filesystem::path& path) {
  FileDescriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return storage_error("the folder cannot be opened", path.string());
  return Folder(path, std::move(descriptor));
}

Result<Folder> Folder::open_below(const std::string& name, bool create) const {
  if (create && ::mkdirat(descriptor_.get(), name.c_str(), kFolderMode) != 0 && errno != EEXIST) {
    return storage_error("the folder cannot be made", shown(name));
  }
  FileDescriptor descriptor(::openat(descriptor_.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!descriptor) return storage_error("the folder cannot be opened", shown(name));
  return Folder(path_ / name, std::move(descriptor));
}

Result<std::optional<FileDescriptor>> Folder::open_file(const std::string& name, int flags) const {
  // O_NONBLOCK: a pipe that somebody put there must not hang us before it is refused.
  FileDescriptor file(
      ::openat(descriptor_.get(), name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, kFileMode));
  if (!file && errno == ENOENT) return std::optional<FileDescriptor>();
  if (!file) return storage_error("cannot be opened", shown(name));
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) return storage_error("cannot be examined", shown(name));
  if (!S_ISREG(status.st_mode)) {
    return Error{ErrorCode::kStorage, shown(name) + ": is no regular file", "move it away; it is none of Tenon's"};
  }
  return std::optional(std::move(file));
}

Result<FileDescriptor> Folder::open_new(const std::string& name) const {
  ::unlinkat(descriptor_.get(), name.c_str(), 0);
  TENON_TRY(std::optional<FileDescriptor> file, open_file(name, O_WRONLY | O_CREAT | O_EXCL));
  if (!file) return Error{ErrorCode::kStorage, shown(name) + ": cannot be made"};
  return *std::move(file);
}

Result<void> Folder::replace(const std::string& name, ByteView content) const {
  if (auto written = write_new(content); !written) {
    ::unlinkat(descriptor_.get(), kTemporaryName, 0);  // gives its space back; a leftover would do no harm
    return std::move(written).error().context(name);
  }
  if (::renameat(descriptor_.get(), kTemporaryName, descriptor_.get(), name.c_str()) != 0) {
    auto error = storage_error("cannot be replaced", shown(name));
    ::unlinkat(descriptor_.get(), kTemporaryName, 0);
    return error;
  }
  return sync();
}

Result<void> Folder::sync() const {
  if (::fsync(descriptor_.get()) != 0) return storage_error("the folder cannot be made durable", path_.string());
  return {};
}

Result<void> Folder::write_new(ByteView content) const {
  const std::string temporary = shown(kTemporaryName);
  TENON_TRY(const FileDescriptor file, open_new(kTemporaryName));
  TENON_TRY_VOID(write_all(file, 0, content, temporary));
  if (::fsync(file.get()) != 0) return storage_error("cannot be made durable", temporary);
  return {};
}

Result<void> write_all(const FileDescriptor& file, std::uint64_t offset, ByteView data, const std::string& shown) {
  while (!data.empty()) {
    const ssize_t count = ::pwrite(file.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_error("cannot be written", shown);
    data = data.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<std::size_t> read_all(const FileDescriptor& file, std::uint64_t offset, std::span<std::uint8_t> into,
                             const std::string& shown) {
  std::size_t done = 0;
  while (done < into.size()) {
    const ssize_t count =
        ::pread(file.get(), into.data() + done, into.size() - done, static_cast<off_t>(offset + done));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return storage_error("cannot be read", shown);
    if (count == 0) break;
    done += static_cast<std::size_t>(count);
  }
  return done;
}

}  // namespace tenon::client
