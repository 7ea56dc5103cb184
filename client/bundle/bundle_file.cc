#include <tenon/client/bundle/bundle_file.h>
#include <tenon/metadata/check.h>
#include <tenon/metadata/utf8.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::client {
namespace {

Error errno_error(const std::string& path, const std::string& what) {
  const int error = errno;
  Error result{ErrorCode::kStorage, printable(path) + " " + what + ": " + std::strerror(error)};
  if (error == EIO || error == ENXIO || error == ENODEV) result.hint = "check that the stick is still plugged in";
  return result;
}

Result<void> read_at(const std::string& path, int descriptor, std::uint64_t offset, std::span<std::uint8_t> into) {
  while (!into.empty()) {
    const ssize_t count = ::pread(descriptor, into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(path, "cannot be read at byte " + std::to_string(offset));
    if (count == 0) {
      return Error{ErrorCode::kStorage,
                   printable(path) + " has become shorter: it ends at byte " + std::to_string(offset),
                   "wait until the file is written, then try again"};
    }
    into = into.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

// A file that was found and is not opened.
struct Place {
  int descriptor;
  ~Place() {
    if (descriptor >= 0) ::close(descriptor);
  }
};

// require_regular_file gives its size in bytes.
Result<std::uint64_t> require_regular_file(int descriptor, const std::string& path) {
  struct stat status = {};
  if (::fstat(descriptor, &status) != 0) return errno_error(path, "cannot be examined");
  if (S_ISREG(status.st_mode)) return static_cast<std::uint64_t>(status.st_size);
  return Error{ErrorCode::kStorage, printable(path) + " is no regular file", "name the file that was exported"};
}

Error refusal(const std::string& path, Error error) {
  if (error.code == ErrorCode::kStorage) return error;  // names the file already
  if (error.hint.empty()) error.hint = "a bundle is what tenon-repo export makes; if this was one, copy it again";
  return std::move(error).context(printable(path));
}

}  // namespace

// Opening a device already acts on it, and a pipe without a writer hangs: O_PATH opens neither, it only finds out what
// lies there. Through /proc that very file is opened, whatever its name leads to meanwhile.
Result<int> open_regular_file(const std::string& path) {
  const Place place{::open(path.c_str(), O_PATH | O_CLOEXEC)};
  if (place.descriptor < 0) return errno_error(path, "cannot be opened");
  TENON_TRY_VOID(require_regular_file(place.descriptor, path));
  const std::string found = "/proc/self/fd/" + std::to_string(place.descriptor);
  const int descriptor = ::open(found.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return errno_error(path, "cannot be opened");
  return descriptor;
}

Result<BundleFile> BundleFile::open(const std::string& path) {
  TENON_TRY(const int descriptor, open_regular_file(path));
  return take(descriptor, path);
}

Result<BundleFile> BundleFile::take(int descriptor, std::string path) {
  BundleFile file(std::move(path), descriptor, BundleIndex());
  TENON_TRY(const std::uint64_t size, require_regular_file(descriptor, file.path_));
  const ReadAt read = [&](std::uint64_t offset, std::span<std::uint8_t> into) {
    return read_at(file.path_, descriptor, offset, into);
  };
  Result<BundleIndex> index = BundleIndex::read(size, read);
  if (!index) return refusal(file.path_, std::move(index).error());
  file.index_ = *std::move(index);
  return file;
}

BundleFile::BundleFile(BundleFile&& other) noexcept
    : path_(std::move(other.path_)),
      descriptor_(std::exchange(other.descriptor_, -1)),
      index_(std::move(other.index_)) {}

BundleFile::~BundleFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

Result<void> BundleFile::read(const BundleIndex::Member& member, std::uint64_t offset,
                              std::span<std::uint8_t> into) const {
  TENON_CHECK(offset <= member.size && into.size() <= member.size - offset);
  return read_at(path_, descriptor_, member.offset + offset, into);
}

}  // namespace tenon::client
