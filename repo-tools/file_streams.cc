#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/delta/byte_compare.h>
#include <tenon/repo_tools/file_streams.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1u << 20;
constexpr std::size_t kHoleBytes = 4096;

std::int64_t modified_ns_of(const struct stat& status) {
  return static_cast<std::int64_t>(status.st_mtim.tv_sec) * 1'000'000'000 + status.st_mtim.tv_nsec;
}

}  // namespace

Error storage_error(const fs::path& path, std::string_view what, int error_number) {
  return Error{ErrorCode::kStorage,
               printable(path.native()) + ": " + std::string(what) + ": " + std::strerror(error_number)};
}

Result<OutputFile> OutputFile::create(const fs::path& path) {
  hsm::FileDescriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!fd) return storage_error(path, "cannot create it", errno);
  // EPERM for a file of our own: FAT, which has no modes.
  if (::fchmod(fd.get(), 0644) != 0 && errno != EPERM) return storage_error(path, "cannot set its mode", errno);
  return OutputFile(path, std::move(fd));
}

Result<void> OutputFile::write(ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t put = ::write(fd_.get(), bytes.data(), bytes.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EFBIG) {
      return storage_error(path_, "cannot write", errno)
          .with_hint("on FAT a file is smaller than 4 GiB: use exFAT or ext4");
    }
    if (put < 0) return storage_error(path_, "cannot write", errno);
    bytes = bytes.subspan(static_cast<std::size_t>(put));
  }
  return {};
}

Result<void> OutputFile::write_with_holes(ByteView bytes) {
  const auto next_block = [&](std::size_t at) { return bytes.subspan(at, std::min(kHoleBytes, bytes.size() - at)); };
  while (!bytes.empty()) {
    const bool hole = is_zero(next_block(0));
    std::size_t end = next_block(0).size();
    while (end < bytes.size() && is_zero(next_block(end)) == hole) end += next_block(end).size();
    if (!hole) {
      TENON_TRY_VOID(write(bytes.first(end)));
    } else if (::lseek(fd_.get(), static_cast<off_t>(end), SEEK_CUR) < 0) {
      return storage_error(path_, "cannot leave a hole", errno);
    }
    bytes = bytes.subspan(end);
  }
  return {};
}

Result<void> OutputFile::finish() {
  const off_t length = ::lseek(fd_.get(), 0, SEEK_CUR);
  if (length < 0 || ::ftruncate(fd_.get(), length) != 0) return storage_error(path_, "cannot set its length", errno);
  if (::fsync(fd_.get()) != 0) return storage_error(path_, "cannot sync", errno);
  return {};
}

// O_NONBLOCK: a pipe in place of the file must not hang us.
Result<InputFile> InputFile::open(const fs::path& path) {
  hsm::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK));
  if (!fd) return storage_error(path, "cannot open it", errno);
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) return storage_error(path, "cannot look at it", errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::kStorage, printable(path.native()) + ": not a regular file"};
  return InputFile(path, std::move(fd), static_cast<std::uint64_t>(status.st_size), modified_ns_of(status));
}

Result<std::size_t> InputFile::read(std::span<std::uint8_t> buffer) {
  std::size_t done = 0;
  while (done < buffer.size()) {
    const ssize_t got = ::read(fd_.get(), buffer.data() + done, buffer.size() - done);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return storage_error(path_, "cannot read", errno);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

Result<void> InputFile::require_unchanged() const {
  struct stat status {};
  if (::fstat(fd_.get(), &status) != 0) return storage_error(path_, "cannot look at it", errno);
  if (static_cast<std::uint64_t>(status.st_size) == size_ && modified_ns_of(status) == modified_ns_) return {};
  return Error{ErrorCode::kStorage, printable(path_.native()) + ": changed while it was read"}.with_hint(
      "wait until it is written, then try again");
}

Result<Sha256> digest_file(const fs::path& path) {
  TENON_TRY(InputFile in, InputFile::open(path));
  Sha256Hasher hasher;
  Bytes buffer(kPieceBytes);
  for (;;) {
    TENON_TRY(const std::size_t got, in.read(buffer));
    if (got == 0) return hasher.finish();
    hasher.update(ByteView(buffer).first(got));
  }
}

}  // namespace tenon::repo_tools
