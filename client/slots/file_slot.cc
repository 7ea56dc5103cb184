#include <tenon/client/slots/file_slot.h>

#include <cerrno>
#include <cstring>

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::client {
namespace {

Error errno_error(const std::string& shown, const std::string& what) {
  const int error = errno;
  Error result{ErrorCode::kStorage, shown + " " + what + ": " + std::strerror(error)};
  if (error == EIO) result.hint = "the flash or disk fails: look into the kernel's log";
  if (error == ENOSPC) result.hint = "free some space on the file system of the slot's file";
  return result;
}

std::string at_offset(std::uint64_t offset) {
  return " at byte " + std::to_string(offset);
}

}  // namespace

SlotDescriptor::~SlotDescriptor() {
  if (number_ >= 0) ::close(number_);  // flush() is where errors are told
}

Result<std::unique_ptr<Slot>> FileSlot::take(SlotDescriptor descriptor, std::string shown) {
  struct stat status = {};
  if (::fstat(descriptor.get(), &status) != 0) return errno_error(shown, "cannot be examined");
  auto size = static_cast<std::uint64_t>(status.st_size);
  // BLKGETSIZE64 gives bytes in 64 bits; BLKGETSIZE counts sectors in a long.
  if (S_ISBLK(status.st_mode) && ::ioctl(descriptor.get(), BLKGETSIZE64, &size) != 0) {
    return errno_error(shown, "does not tell its size");
  }
  return std::unique_ptr<Slot>(new FileSlot(std::move(descriptor), std::move(shown), size));
}

Result<void> FileSlot::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  TENON_TRY_VOID(check_inside(offset, into.size()));
  while (!into.empty()) {
    const ssize_t count = ::pread(descriptor_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(shown_, "cannot be read" + at_offset(offset));
    if (count == 0) return Error{ErrorCode::kStorage, shown_ + " has become shorter: it ends" + at_offset(offset)};
    into = into.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> FileSlot::write_at(std::uint64_t offset, ByteView data) {
  TENON_TRY_VOID(check_inside(offset, data.size()));
  while (!data.empty()) {
    const ssize_t count = ::pwrite(descriptor_.get(), data.data(), data.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return errno_error(shown_, "cannot be written" + at_offset(offset));
    data = data.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> FileSlot::flush() {
  // fsync, not fdatasync: a file-backed slot may be sparse, and for a device it also empties the drive's own cache.
  if (::fsync(descriptor_.get()) != 0) return errno_error(shown_, "does not take what was written");
  return {};
}

void FileSlot::forget_cache() {
  static_cast<void>(::posix_fadvise(descriptor_.get(), 0, 0, POSIX_FADV_DONTNEED));
}

Result<void> FileSlot::check_inside(std::uint64_t offset, std::size_t length) const {
  if (offset <= size_ && length <= size_ - offset) return {};
  return Error{ErrorCode::kStorage,
               shown_ + ": " + std::to_string(length) + " bytes" + at_offset(offset) + " are not wholly inside its " +
                   std::to_string(size_) + " bytes",
               "the image is larger than the slot"};
}

}  // namespace tenon::client
