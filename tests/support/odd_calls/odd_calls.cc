// Preloaded into a program under test, makes its calls end as they may at any time and seldom do.
//
// What the program starts is left alone: its environment names this library no more.
//
//   ODD_HOW=short      read, pread, write and pwrite do half of what they are asked for
//           interrupt  every other one of them fails with EINTR and has done nothing; libubootenv's are left alone: it asks
//                      flash and files, which nothing interrupts, and fails
//           threads    no thread can be started
//           memory     the ODD_AT-th request for memory fails, from 1; 0: none, and the program's last word on stderr is
//                      how many there were; libseccomp's are left alone: 2.5.4 crashes or goes round for ever
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <string_view>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

extern "C" {
void* __libc_malloc(std::size_t size);                     // NOLINT: glibc's own names
void* __libc_calloc(std::size_t count, std::size_t size);  // NOLINT
void* __libc_realloc(void* memory, std::size_t size);      // NOLINT
}

namespace {

std::string_view word(const char* name) {
  const char* text = std::getenv(name);
  return text == nullptr ? "" : text;
}

class Calls {
 public:
  Calls() { ::unsetenv("LD_PRELOAD"); }
  ~Calls() {
    if (how == "memory" && at == 0) ::dprintf(STDERR_FILENO, "%ld", requests.load());
  }
  const std::string_view how = word("ODD_HOW");
  const long at = std::atol(word("ODD_AT").data());
  std::atomic<long> requests{0};
  std::atomic<bool> interrupts{false};
};
// Memory is asked for before anything is constructed.
std::atomic<Calls*> calls = nullptr;
struct Start {
  Start() { calls = &all; }
  ~Start() { calls = nullptr; }
  Calls all;
} start;

bool is(std::string_view how) {
  const Calls* const now = calls;
  return now != nullptr && now->how == how;
}

// Whole pages of what is longer than two, so that direct I/O stays aligned.
std::size_t half(int file, std::size_t size) {
  constexpr std::size_t kPage = 4096;
  if (size >= 2 * kPage) return size / 2 / kPage * kPage;
  return size < 2 || (::fcntl(file, F_GETFL) & O_DIRECT) != 0 ? size : size / 2;
}

bool is_in(std::string_view library, const void* code) {
  Dl_info place = {};
  return ::dladdr(code, &place) != 0 && std::string_view(place.dli_fname).find(library) != std::string_view::npos;
}

template <class Function, class Buffer, class... Place>
ssize_t transfer(const char* name, const void* caller, int file, Buffer* buffer, std::size_t size, Place... place) {
  if (is("interrupt") && !is_in("libubootenv", caller) && (start.all.interrupts = !start.all.interrupts)) {
    errno = EINTR;
    return -1;
  }
  auto* const real = reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, name));
  return real(file, buffer, is("short") ? half(file, size) : size, place...);
}

bool runs_out(const void* caller) {
  if (!is("memory") || is_in("libseccomp", caller) || ++start.all.requests != start.all.at) return false;
  errno = ENOMEM;
  return true;
}

}  // namespace

extern "C" {

ssize_t read(int file, void* buffer, std::size_t size) {
  return transfer<ssize_t(int, void*, std::size_t)>("read", __builtin_return_address(0), file, buffer, size);
}
ssize_t pread(int file, void* buffer, std::size_t size, off_t at) {
  return transfer<ssize_t(int, void*, std::size_t, off_t)>("pread", __builtin_return_address(0), file, buffer, size,
                                                           at);
}
ssize_t pread64(int file, void* buffer, std::size_t size, off64_t at) {
  return transfer<ssize_t(int, void*, std::size_t, off64_t)>("pread64", __builtin_return_address(0), file, buffer, size,
                                                             at);
}
ssize_t write(int file, const void* buffer, std::size_t size) {
  return transfer<ssize_t(int, const void*, std::size_t)>("write", __builtin_return_address(0), file, buffer, size);
}
ssize_t pwrite(int file, const void* buffer, std::size_t size, off_t at) {
  return transfer<ssize_t(int, const void*, std::size_t, off_t)>("pwrite", __builtin_return_address(0), file, buffer,
                                                                 size, at);
}
ssize_t pwrite64(int file, const void* buffer, std::size_t size, off64_t at) {
  return transfer<ssize_t(int, const void*, std::size_t, off64_t)>("pwrite64", __builtin_return_address(0), file,
                                                                   buffer, size, at);
}

void* malloc(std::size_t size) noexcept {
  return runs_out(__builtin_return_address(0)) ? nullptr : __libc_malloc(size);
}
void* calloc(std::size_t count, std::size_t size) noexcept {
  return runs_out(__builtin_return_address(0)) ? nullptr : __libc_calloc(count, size);
}
void* realloc(void* memory, std::size_t size) noexcept {
  return runs_out(__builtin_return_address(0)) ? nullptr : __libc_realloc(memory, size);
}

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*), void* argument) noexcept {
  if (is("threads")) return EAGAIN;
  using Function = int(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  return reinterpret_cast<Function*>(::dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, work, argument);
}

}  // extern "C"
