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

// A second descriptor of what is open already, whatever its path leads to by now.
SlotDescriptor open_direct(int descriptor) {
  const int access = ::fcntl(descriptor, F_GETFL) & O_ACCMODE;
  const std::string same = "/proc/self/fd/" + std::to_string(descriptor);
  return SlotDescriptor(::open(same.c_str(), access | O_DIRECT | O_CLOEXEC));
}

// How many of the bytes, from the first on, can go past the page cache.
std::size_t aligned_length(std::uint64_t offset, const void* memory, std::size_t length) {
  const bool aligned =
      offset % Slot::kAlignment == 0 && reinterpret_cast<std::uintptr_t>(memory) % Slot::kAlignment == 0;
  return aligned ? length - length % Slot::kAlignment : 0;
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
  SlotDescriptor direct = open_direct(descriptor.get());
  return std::unique_ptr<Slot>(new FileSlot(std::move(descriptor), std::move(direct), std::move(shown), size));
}

// Moves all the bytes, however few a call moves. What is not aligned goes through the page cache, and so does everything
// where the medium wants coarser alignment than ours.
template <class Byte, class Call>
Result<void> FileSlot::transfer(std::uint64_t offset, std::span<Byte> bytes, Call call,
                                const std::string& failure) const {
  TENON_TRY_VOID(check_inside(offset, bytes.size()));
  bool direct_refused = !direct_;
  while (!bytes.empty()) {
    const std::size_t direct = direct_refused ? 0 : aligned_length(offset, bytes.data(), bytes.size());
    const int descriptor = direct > 0 ? direct_.get() : descriptor_.get();
    const std::size_t length = direct > 0 ? direct : bytes.size();
    const ssize_t count = call(descriptor, bytes.data(), length, static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EINVAL && direct > 0) {
      direct_refused = true;
      continue;
    }
    if (count < 0) return errno_error(shown_, failure + at_offset(offset));
    if (count == 0) return Error{ErrorCode::kStorage, shown_ + " has become shorter: it ends" + at_offset(offset)};
    bytes = bytes.subspan(static_cast<std::size_t>(count));
    offset += static_cast<std::uint64_t>(count);
  }
  return {};
}

Result<void> FileSlot::read_at(std::uint64_t offset, std::span<std::uint8_t> into) {
  return transfer(offset, into, ::pread, "cannot be read");
}

Result<void> FileSlot::write_at(std::uint64_t offset, ByteView data) {
  return transfer(offset, data, ::pwrite, "cannot be written");
}

// On a device too this is no discard, after which blocks may read as anything: the kernel makes them read as zeros, or
// says that the device cannot (fallocate(2), FALLOC_FL_PUNCH_HOLE).
Result<bool> FileSlot::punch(std::uint64_t offset, std::uint64_t length) {
  TENON_TRY_VOID(check_inside(offset, length));
  return ::fallocate(descriptor_.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(offset),
                     static_cast<off_t>(length)) == 0;
}

Result<void> FileSlot::flush() {
  // That is the data, what a file system needs to find them again, and the drive's own cache; without the times of a file,
  // for which it would have to wait for everybody's changes.
  if (::fdatasync(descriptor_.get()) != 0) return errno_error(shown_, "does not take what was written");
  return {};
}

void FileSlot::forget_cache() {
  static_cast<void>(::posix_fadvise(descriptor_.get(), 0, 0, POSIX_FADV_DONTNEED));
}

Result<void> FileSlot::check_inside(std::uint64_t offset, std::uint64_t length) const {
  if (offset <= size_ && length <= size_ - offset) return {};
  return Error{ErrorCode::kStorage,
               shown_ + ": " + std::to_string(length) + " bytes" + at_offset(offset) + " are not wholly inside its " +
                   std::to_string(size_) + " bytes",
               "the image is larger than the slot"};
}

}  // namespace tenon::client
