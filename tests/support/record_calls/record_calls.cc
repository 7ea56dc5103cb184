// Preloaded into a program under test, records every call that changes a device's folder, in the order in which they took
// effect: what tests/replay rebuilds disks from. A medium that damages one write, and a clock that hurries, are here too.
//
//   RECORD_FOLDER=DIR    what is recorded; a path without symbolic links
//   RECORD_TO=FILE       where to, appended. One call is a line, CALL PATH TO OFFSET LENGTH with tabs between them, the
//                        paths below DIR; after the line of a write come its LENGTH bytes, and of a write to a file that
//                        was opened with O_SYNC or O_DSYNC the call is write_sync
//   RECORD_ROT=NAME,N,B  of the writes to the file NAME, the N-th (from 1) gets its byte B wrong on the medium; who wrote
//                        through the page cache sees so only after posix_fadvise(POSIX_FADV_DONTNEED)
//   RECORD_HURRY=S       CLOCK_BOOTTIME goes on by S seconds whenever it is read
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

namespace {

constexpr std::size_t kPage = 4096;  // what O_DIRECT wants memory aligned to

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

std::string word(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

std::string target_of_link(const std::string& link) {
  char path[4096];
  const ssize_t length = ::readlink(link.c_str(), path, sizeof path);
  return length < 0 ? "" : std::string(path, static_cast<std::size_t>(length));
}
std::string path_of(int fd) {
  return target_of_link("/proc/self/fd/" + std::to_string(fd));
}

// The damage that one write suffers on the medium.
struct Rot {
  std::string file;
  long write = 0;
  std::size_t byte = 0;

  static Rot from(const std::string& text) {
    Rot rot;
    const std::size_t first = text.find(','), second = text.find(',', first + 1);
    if (second == text.npos) return rot;
    rot.file = text.substr(0, first);
    rot.write = std::atol(text.c_str() + first + 1);
    rot.byte = static_cast<std::size_t>(std::atol(text.c_str() + second + 1));
    return rot;
  }
};

class Recorder {
 public:
  ~Recorder() { rot_through_cache(rotten_); }

  std::mutex mutex;  // held from before a call until it is recorded
  const long hurry = std::atol(word("RECORD_HURRY").c_str());

  // below gives the path below the folder; nothing for one that is elsewhere.
  std::string below(const std::string& path) const {
    const bool inside = !folder_.empty() && path.starts_with(folder_) && path[folder_.size()] == '/';
    return inside ? path.substr(folder_.size() + 1) : "";
  }
  std::string below(int fd) const { return below(path_of(fd)); }
  std::string below(int folder, const char* path) const {
    if (path[0] == '/') return below(path);
    const std::string parent = folder == AT_FDCWD ? target_of_link("/proc/self/cwd") : path_of(folder);
    return below(parent + "/" + path);
  }

  void note(std::string_view call, const std::string& path, const std::string& to = "", std::uint64_t offset = 0,
            std::uint64_t length = 0, const void* data = nullptr) {
    if (trace_ < 0) return;
    std::string line = std::string(call) + '\t' + path + '\t' + to + '\t' + std::to_string(offset) + '\t' +
                       std::to_string(length) + '\n';
    if (data != nullptr) line.append(static_cast<const char*>(data), length);
    const char* from = line.data();
    for (std::size_t left = line.size(); left > 0;) {
      const ssize_t count = real<ssize_t(int, const void*, std::size_t)>("write")(trace_, from, left);
      if (count < 0) std::abort();  // half a trace is worse than none
      from += count;
      left -= static_cast<std::size_t>(count);
    }
  }

  // is_rotten says whether the write that is about to be made is the one that is damaged.
  bool is_rotten(const std::string& path) { return rot_.write > 0 && path == rot_.file && ++rot_writes_ == rot_.write; }
  std::size_t rot_byte() const { return rot_.byte; }
  void rot_when_cache_is_dropped(const std::string& path, off_t byte) {
    rotten_ = path;
    rotten_byte_ = byte;
  }
  // rot_through_cache lets the medium's byte be seen, if this file has a damaged one that its cache still hid.
  void rot_through_cache(const std::string& path) {
    if (path.empty() || path != rotten_) return;
    rotten_.clear();
    const int fd = real<int(int, const char*, int, ...)>("openat64")(AT_FDCWD, (folder_ + "/" + path).c_str(), O_RDWR);
    char byte = 0;
    if (fd < 0 || ::pread(fd, &byte, 1, rotten_byte_) != 1) return;
    byte = static_cast<char>(byte ^ 1);
    if (real<ssize_t(int, const void*, std::size_t, off_t)>("pwrite64")(fd, &byte, 1, rotten_byte_) == 1) {
      note("write", path, "", static_cast<std::uint64_t>(rotten_byte_), 1, &byte);
    }
    ::close(fd);
  }

 private:
  int open_trace() {
    const std::string path = word("RECORD_TO");
    if (path.empty()) return -1;
    return real<int(int, const char*, int, ...)>("openat64")(AT_FDCWD, path.c_str(),
                                                             O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
  }

  const std::string folder_ = word("RECORD_FOLDER");
  const int trace_ = open_trace();
  const Rot rot_ = Rot::from(word("RECORD_ROT"));
  long rot_writes_ = 0;
  std::string rotten_;  // the file whose cache still hides a damaged byte
  off_t rotten_byte_ = 0;
};
Recorder recorder;

std::string written_call(int fd) {
  return (::fcntl(fd, F_GETFL) & (O_SYNC | O_DSYNC)) != 0 ? "write_sync" : "write";
}

ssize_t write_at(int fd, const void* data, std::size_t size, off_t offset) {
  const std::scoped_lock lock(recorder.mutex);
  const std::string path = recorder.below(fd);
  auto* const pwrite_real = real<ssize_t(int, const void*, std::size_t, off_t)>("pwrite64");
  if (path.empty()) return pwrite_real(fd, data, size, offset);
  std::unique_ptr<void, decltype(&std::free)> damaged(nullptr, &std::free);
  if (recorder.is_rotten(path)) {
    const std::size_t byte = recorder.rot_byte() % size;
    if ((::fcntl(fd, F_GETFL) & O_DIRECT) == 0) {
      recorder.rot_when_cache_is_dropped(path, offset + static_cast<off_t>(byte));
    } else {
      damaged.reset(std::aligned_alloc(kPage, (size + kPage - 1) / kPage * kPage));
      std::memcpy(damaged.get(), data, size);
      static_cast<char*>(damaged.get())[byte] ^= 1;
      data = damaged.get();
    }
  }
  const ssize_t count = pwrite_real(fd, data, size, offset);
  if (count > 0) {
    recorder.note(written_call(fd), path, "", static_cast<std::uint64_t>(offset), static_cast<std::uint64_t>(count),
                  data);
  }
  return count;
}

int open_file(const char* name, int folder, const char* path, int flags, mode_t mode) {
  auto* const open_real = real<int(int, const char*, int, ...)>(name);
  const std::string below = (flags & (O_CREAT | O_TRUNC)) != 0 ? recorder.below(folder, path) : "";
  if (below.empty()) return open_real(folder, path, flags, mode);
  const std::scoped_lock lock(recorder.mutex);
  struct stat status = {};
  const bool is_new = ::fstatat(folder, path, &status, AT_SYMLINK_NOFOLLOW) != 0;
  const int fd = open_real(folder, path, flags, mode);
  if (fd >= 0 && is_new) recorder.note("create", below);
  if (fd >= 0 && !is_new && (flags & O_TRUNC) != 0) recorder.note("truncate", below);
  return fd;
}

mode_t mode_of(int flags, va_list list) {
  return (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
}

// Makes the call, and notes it if it worked and was about the folder.
template <class Call, class... Note>
int change(const std::string& path, Call call, Note... note) {
  if (path.empty()) return call();
  const std::scoped_lock lock(recorder.mutex);
  const int result = call();
  if (result == 0) recorder.note(note...);
  return result;
}

int rename_file(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) {
  const std::string path = recorder.below(from_folder, from), target = recorder.below(to_folder, to);
  const auto call = [&] {
    return real<int(int, const char*, int, const char*, unsigned)>("renameat2")(from_folder, from, to_folder, to,
                                                                                flags);
  };
  return change(path, call, flags == 0 ? "rename" : "rename_by_flags", path, target);
}

int sync_file(const char* name, int fd) {
  const std::string path = recorder.below(fd);
  return change(
      path, [&] { return real<int(int)>(name)(fd); }, "sync", path);
}

int truncate_file(int fd, off_t length) {
  const std::string path = recorder.below(fd);
  const auto call = [&] { return real<int(int, off_t)>("ftruncate64")(fd, length); };
  return change(path, call, "truncate", path, "", std::uint64_t{0}, static_cast<std::uint64_t>(length));
}

int allocate(int fd, int mode, off_t offset, off_t length) {
  const std::string path = recorder.below(fd);
  const auto call = [&] { return real<int(int, int, off_t, off_t)>("fallocate64")(fd, mode, offset, length); };
  const bool punches = (mode & FALLOC_FL_PUNCH_HOLE) != 0;
  return change(path, call, punches ? "punch" : "allocate", path, "", static_cast<std::uint64_t>(offset),
                static_cast<std::uint64_t>(length));
}

int forget_cache(int fd, off_t offset, off_t length, int advice) {
  const int result = real<int(int, off_t, off_t, int)>("posix_fadvise64")(fd, offset, length, advice);
  const std::scoped_lock lock(recorder.mutex);
  if (advice == POSIX_FADV_DONTNEED) recorder.rot_through_cache(recorder.below(fd));
  return result;
}

int unlink_at(int folder, const char* path, int flags) {
  const std::string below = recorder.below(folder, path);
  return change(
      below, [&] { return real<int(int, const char*, int)>("unlinkat")(folder, path, flags); }, "unlink", below);
}

int mkdir_at(int folder, const char* path, mode_t mode) {
  const std::string below = recorder.below(folder, path);
  return change(
      below, [&] { return real<int(int, const char*, mode_t)>("mkdirat")(folder, path, mode); }, "mkdir", below);
}

int link_at(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  const std::string path = recorder.below(from_folder, from), target = recorder.below(to_folder, to);
  const auto call = [&] {
    return real<int(int, const char*, int, const char*, int)>("linkat")(from_folder, from, to_folder, to, flags);
  };
  return change(target, call, "link", path, target);
}

}  // namespace

extern "C" {

#define OPEN(name, at_name)                                 \
  int name(const char* path, int flags, ...) {              \
    va_list list;                                           \
    va_start(list, flags);                                  \
    const mode_t mode = mode_of(flags, list);               \
    va_end(list);                                           \
    return open_file(at_name, AT_FDCWD, path, flags, mode); \
  }
#define OPENAT(name)                                       \
  int name(int folder, const char* path, int flags, ...) { \
    va_list list;                                          \
    va_start(list, flags);                                 \
    const mode_t mode = mode_of(flags, list);              \
    va_end(list);                                          \
    return open_file(#name, folder, path, flags, mode);    \
  }
OPEN(open, "openat")
OPEN(open64, "openat64")
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int fd, const void* data, std::size_t size) {
  const std::scoped_lock lock(recorder.mutex);
  const std::string path = recorder.below(fd);
  const ssize_t count = real<ssize_t(int, const void*, std::size_t)>("write")(fd, data, size);
  if (count > 0 && !path.empty()) {
    const off_t end = ::lseek(fd, 0, SEEK_CUR);
    recorder.note(written_call(fd), path, "", static_cast<std::uint64_t>(end - count),
                  static_cast<std::uint64_t>(count), data);
  }
  return count;
}
ssize_t pwrite(int fd, const void* data, std::size_t size, off_t offset) {
  return write_at(fd, data, size, offset);
}
ssize_t pwrite64(int fd, const void* data, std::size_t size, off_t offset) {
  return write_at(fd, data, size, offset);
}
ssize_t copy_file_range(int from, off64_t* begin, int to, off64_t* at, std::size_t size, unsigned flags) {
  const std::scoped_lock lock(recorder.mutex);
  const std::string path = recorder.below(to);
  const off_t offset = at != nullptr ? *at : ::lseek(to, 0, SEEK_CUR);
  const ssize_t count = real<ssize_t(int, off64_t*, int, off64_t*, std::size_t, unsigned)>("copy_file_range")(
      from, begin, to, at, size, flags);
  if (count > 0 && !path.empty()) {
    std::string data(static_cast<std::size_t>(count), '\0');
    if (::pread(to, data.data(), data.size(), offset) != count) std::abort();
    recorder.note(written_call(to), path, "", static_cast<std::uint64_t>(offset), data.size(), data.data());
  }
  return count;
}
int fallocate(int fd, int mode, off_t offset, off_t length) {
  return allocate(fd, mode, offset, length);
}
int fallocate64(int fd, int mode, off_t offset, off_t length) {
  return allocate(fd, mode, offset, length);
}
int posix_fadvise(int fd, off_t offset, off_t length, int advice) noexcept {
  return forget_cache(fd, offset, length, advice);
}
int posix_fadvise64(int fd, off_t offset, off_t length, int advice) noexcept {
  return forget_cache(fd, offset, length, advice);
}
int fsync(int fd) {
  return sync_file("fsync", fd);
}
int fdatasync(int fd) {
  return sync_file("fdatasync", fd);
}
int syncfs(int fd) noexcept {
  return change(
      recorder.below(fd), [&] { return real<int(int)>("syncfs")(fd); }, "syncfs", "");
}
int ftruncate(int fd, off_t length) noexcept {
  return truncate_file(fd, length);
}
int ftruncate64(int fd, off_t length) noexcept {
  return truncate_file(fd, length);
}
int mkdir(const char* path, mode_t mode) noexcept {
  return mkdir_at(AT_FDCWD, path, mode);
}
int mkdirat(int folder, const char* path, mode_t mode) noexcept {
  return mkdir_at(folder, path, mode);
}
int symlinkat(const char* target, int folder, const char* path) noexcept {
  const std::string below = recorder.below(folder, path);
  return change(
      below, [&] { return real<int(const char*, int, const char*)>("symlinkat")(target, folder, path); }, "symlink",
      below, std::string(target));
}
int link(const char* from, const char* to) noexcept {
  return link_at(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) noexcept {
  return link_at(from_folder, from, to_folder, to, flags);
}
int unlink(const char* path) noexcept {
  return unlink_at(AT_FDCWD, path, 0);
}
int rmdir(const char* path) noexcept {
  return unlink_at(AT_FDCWD, path, AT_REMOVEDIR);
}
int unlinkat(int folder, const char* path, int flags) noexcept {
  return unlink_at(folder, path, flags);
}
int rename(const char* from, const char* to) noexcept {
  return rename_file(AT_FDCWD, from, AT_FDCWD, to, 0);
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
  return rename_file(from_folder, from, to_folder, to, 0);
}
int renameat2(int from_folder, const char* from, int to_folder, const char* to, unsigned flags) noexcept {
  return rename_file(from_folder, from, to_folder, to, flags);
}

int clock_gettime(clockid_t clock, timespec* time) noexcept {
  static std::atomic<long> hurried{0};
  const int result = real<int(clockid_t, timespec*)>("clock_gettime")(clock, time);
  if (result == 0 && clock == CLOCK_BOOTTIME) time->tv_sec += hurried += recorder.hurry;
  return result;
}

}  // extern "C"
