// Preloaded into a program under test, ends it at the N-th call that changes the file system, or makes that call fail:
// opening for writing, mkostemp, write, pwrite, copy_file_range, fallocate, fsync, syncfs, rename, link, symlink, unlink, mkdir, mknod,
// chmod, chown, ftruncate and what is like them.
//
// What the program starts is left alone: its environment names this library no more.
//
//   CUT_AT=N       which call, from 1; 0: none, and the program's last word on stderr is how many there were
//   CUT_HOW=kill   SIGKILL before it; of a write, after half of it
//           EIO    it fails, the others do not
//           ENOSPC it and all later ones that need space fail; EDQUOT in the same way
#include <atomic>
#include <cerrno>
#include <cstdarg>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace {

std::string_view word(const char* name, const char* otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : text;
}

class Calls {
 public:
  Calls() { ::unsetenv("LD_PRELOAD"); }
  ~Calls() {
    if (at == 0) ::dprintf(STDERR_FILENO, "%ld", count.load());
  }
  const long at = std::atol(word("CUT_AT", "0").data());
  const std::string_view how = word("CUT_HOW", "kill");
  std::atomic<long> count{0};
};
Calls calls;

enum class Needs { kNothing, kSpace };

// The number of the error with which this call must fail, or 0. A write that is to be killed has gone half through.
template <class Half>
int fault(Needs needs, Half half) {
  const long call = ++calls.count;
  if (calls.at == 0) return 0;
  if (calls.how == "ENOSPC" || calls.how == "EDQUOT") {
    if (call < calls.at || needs != Needs::kSpace) return 0;
    return calls.how == "ENOSPC" ? ENOSPC : EDQUOT;
  }
  if (call != calls.at) return 0;
  if (calls.how == "EIO") return EIO;
  half();
  ::raise(SIGKILL);
  return 0;
}
int fault(Needs needs) {
  return fault(needs, [] {});
}

template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
}

// call makes the call itself unless it has to fail.
template <class Function, class... Arguments>
auto call(Needs needs, const char* name, Arguments... arguments) -> decltype(real<Function>(name)(arguments...)) {
  if (const int error = fault(needs); error != 0) {
    errno = error;
    return -1;
  }
  return real<Function>(name)(arguments...);
}

int open_file(const char* name, int folder, const char* path, int flags, mode_t mode) {
  const bool is_change = (flags & O_ACCMODE) != O_RDONLY || (flags & (O_CREAT | O_TRUNC)) != 0;
  if (is_change) return call<int(int, const char*, int, ...)>(Needs::kSpace, name, folder, path, flags, mode);
  return real<int(int, const char*, int, ...)>(name)(folder, path, flags, mode);
}

mode_t mode_of(int flags, va_list list) {
  return (flags & O_CREAT) != 0 ? va_arg(list, mode_t) : 0;
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
  auto* const write_all = real<ssize_t(int, const void*, std::size_t)>("write");
  if (const int error = fault(Needs::kSpace, [&] { (void)write_all(fd, data, size / 2); }); error != 0) {
    errno = error;
    return -1;
  }
  return write_all(fd, data, size);
}

#define PWRITE(name)                                                                         \
  ssize_t name(int fd, const void* data, std::size_t size, off_t offset) {                   \
    auto* const write_all = real<ssize_t(int, const void*, std::size_t, off_t)>("pwrite64"); \
    const auto half = [&] { (void)write_all(fd, data, size / 2, offset); };                  \
    if (const int error = fault(Needs::kSpace, half); error != 0) {                          \
      errno = error;                                                                         \
      return -1;                                                                             \
    }                                                                                        \
    return write_all(fd, data, size, offset);                                                \
  }
PWRITE(pwrite)
PWRITE(pwrite64)

int fallocate(int fd, int mode, off_t offset, off_t length) {
  return call<int(int, int, off_t, off_t)>(Needs::kSpace, "fallocate64", fd, mode, offset, length);
}
int fallocate64(int fd, int mode, off_t offset, off_t length) {
  return call<int(int, int, off_t, off_t)>(Needs::kSpace, "fallocate64", fd, mode, offset, length);
}

ssize_t copy_file_range(int from, off64_t* begin, int to, off64_t* at, std::size_t size, unsigned flags) {
  using CopyFileRange = ssize_t(int, off64_t*, int, off64_t*, std::size_t, unsigned);
  auto* const copy_all = real<CopyFileRange>("copy_file_range");
  const auto half = [&] { (void)copy_all(from, begin, to, at, size / 2, flags); };
  if (const int error = fault(Needs::kSpace, half); error != 0) {
    errno = error;
    return -1;
  }
  return copy_all(from, begin, to, at, size, flags);
}

#define FORWARD(needs, name, parameters, ...)                      \
  int name parameters noexcept {                                   \
    return call<int parameters>(Needs::needs, #name, __VA_ARGS__); \
  }
int mkostemp(char* name, int flags) {
  return call<int(char*, int)>(Needs::kSpace, "mkostemp", name, flags);
}
int fsync(int fd) {
  return call<int(int)>(Needs::kNothing, "fsync", fd);
}
int fdatasync(int fd) {
  return call<int(int)>(Needs::kNothing, "fdatasync", fd);
}
FORWARD(kNothing, syncfs, (int fd), fd)
FORWARD(kNothing, ftruncate, (int fd, off_t length), fd, length)
FORWARD(kSpace, mkdir, (const char* path, mode_t mode), path, mode)
FORWARD(kSpace, mkdirat, (int folder, const char* path, mode_t mode), folder, path, mode)
FORWARD(kSpace, mknodat, (int folder, const char* path, mode_t mode, dev_t device), folder, path, mode, device)
FORWARD(kSpace, symlinkat, (const char* target, int folder, const char* path), target, folder, path)
FORWARD(kNothing, fchown, (int fd, uid_t owner, gid_t group), fd, owner, group)
FORWARD(kNothing, futimens, (int fd, const timespec* times), fd, times)
FORWARD(kSpace, fsetxattr, (int fd, const char* name, const void* value, std::size_t size, int flags), fd, name, value,
        size, flags)
FORWARD(kNothing, chmod, (const char* path, mode_t mode), path, mode)
FORWARD(kNothing, fchmod, (int fd, mode_t mode), fd, mode)
FORWARD(kSpace, link, (const char* from, const char* to), from, to)
FORWARD(kNothing, unlink, (const char* path), path)
FORWARD(kNothing, rmdir, (const char* path), path)
FORWARD(kNothing, rename, (const char* from, const char* to), from, to)
FORWARD(kNothing, unlinkat, (int folder, const char* path, int flags), folder, path, flags)
FORWARD(kSpace, linkat, (int a, const char* from, int b, const char* to, int flags), a, from, b, to, flags)
FORWARD(kNothing, renameat, (int a, const char* from, int b, const char* to), a, from, b, to)
FORWARD(kNothing, renameat2, (int a, const char* from, int b, const char* to, unsigned flags), a, from, b, to, flags)

}  // extern "C"
