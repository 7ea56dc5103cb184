// Enters one of the two confinements of a device and tries things from inside.
//
//   confine_probe courier|device FILE PORT    a line for each attempt: its name, and "ok" or the number of the error
//   confine_probe courier|device -- COMMAND   runs a command there
//
// FILE may be changed; PORT is one of this machine's at which somebody listens. What the system refuses to take away is
// on standard error.
#include <tenon/client/confine/confine.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <netdb.h>
#include <netinet/in.h>
#include <sched.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace {

using tenon::client::Complaints;

int opened(int descriptor) {
  if (descriptor >= 0) ::close(descriptor);
  return descriptor;
}

long call(long number, long a = 0, long b = 0, long c = 0, long d = 0, long e = 0) {
  return ::syscall(number, a, b, c, d, e);
}
template <class Pointer>
long address(Pointer* pointer) {
  return reinterpret_cast<long>(pointer);
}

// The way in for programs of 32 bits, with a call that any process may make; 0 where there is none.
long call_of_another_machine() {
#ifdef __x86_64__
  long result = 20;  // getpid there
  asm volatile("int $0x80" : "+a"(result) : : "memory");
  if (result >= 0) return 0;
  errno = static_cast<int>(-result);
  return -1;
#else
  return 0;
#endif
}

long connected(const char* port) {
  const int socket = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return -1;
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int outcome = ::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  const int error = errno;
  ::close(socket);
  errno = error;
  return outcome;
}

// A name whose look-up loads what the system looks names up with.
long looked_up() {
  addrinfo* found = nullptr;
  if (::getaddrinfo("localhost", "80", nullptr, &found) != 0) {
    errno = ENOENT;
    return -1;
  }
  ::freeaddrinfo(found);
  return 0;
}

long started() {
  std::array<char*, 2> words = {const_cast<char*>("true"), nullptr};
  pid_t child = 0;
  errno = ::posix_spawnp(&child, words[0], nullptr, nullptr, words.data(), environ);
  if (errno != 0) return -1;
  int status = 0;
  ::waitpid(child, &status, 0);
  return status == 0 ? 0 : -1;
}

long forked() {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(child, nullptr, 0);
  return child;
}

long in_a_new_namespace(unsigned long flags) {
  const long child = call(SYS_clone, static_cast<long>(flags | SIGCHLD));
  if (child == 0) ::_exit(0);
  if (child > 0) ::waitpid(static_cast<pid_t>(child), nullptr, 0);
  return child;
}

long made_by_clone3() {
  std::array<std::uint64_t, 11> arguments{};
  arguments[0] = CLONE_NEWUSER;
  arguments[4] = SIGCHLD;
  const long child = call(SYS_clone3, address(arguments.data()), sizeof(arguments));
  if (child == 0) ::_exit(0);
  return child;
}

struct Attempt {
  const char* name;
  std::function<long()> make;
};

std::vector<Attempt> attempts(const char* path, const char* port) {
  const std::string file = path;
  const std::string other = file + ".other";
  const auto open_with = [path](int flags) {
    return [path, flags] { return long{opened(::open(path, flags, 0600))}; };
  };
  const auto socket_of = [](int family, int type) {
    return [family, type] { return long{opened(::socket(family, type, 0))}; };
  };
  return {
      {"read a file", open_with(O_RDONLY)},
      {"open for writing", open_with(O_WRONLY)},
      {"open for both", open_with(O_RDWR)},
      {"open and truncate", open_with(O_RDONLY | O_TRUNC)},
      {"create", [other] { return long{opened(::open(other.c_str(), O_RDONLY | O_CREAT, 0600))}; }},
      {"temporary file",
       [file] { return long{opened(::open(file.substr(0, file.rfind('/')).c_str(), O_TMPFILE | O_RDWR, 0600))}; }},
      {"openat2",
       [path] {
         open_how how{};
         how.flags = O_RDWR;
         return long{opened(static_cast<int>(call(SYS_openat2, AT_FDCWD, address(path), address(&how), sizeof(how))))};
       }},
      {"rename", [=] { return long{::rename(path, path)}; }},
      {"link", [=] { return long{::link(path, (other + "2").c_str())}; }},
      {"chmod", [=] { return long{::chmod(path, 0600)}; }},
      {"truncate", [=] { return long{::truncate(path, 4096)}; }},
      {"mkdir", [=] { return long{::mkdir((other + "3").c_str(), 0700)}; }},
      {"unlink", [=] { return long{::unlink((other + "2").c_str())}; }},
      {"memory file", [] { return long{opened(static_cast<int>(call(SYS_memfd_create, address("x"))))}; }},
      {"start a program", started},
      {"exec",
       [] {
         std::array<char*, 2> words = {const_cast<char*>("nothing"), nullptr};
         return long{::execv("/nowhere/nothing", words.data())};
       }},
      {"fork", forked},
      {"thread",
       [] {
         std::thread([] {}).join();
         return 0L;
       }},
      {"ptrace", [] { return static_cast<long>(::ptrace(PTRACE_TRACEME)); }},
      {"read another's memory", [] { return call(SYS_process_vm_readv, ::getppid()); }},
      {"signal another", [] { return long{::kill(::getppid(), 0)}; }},
      {"mount", [] { return long{::mount("none", "/mnt", "tmpfs", 0, nullptr)}; }},
      {"unmount", [] { return long{::umount("/nowhere")}; }},
      {"open_tree", [] { return call(SYS_open_tree, AT_FDCWD, address("/"), 0); }},
      {"chroot", [] { return long{::chroot("/")}; }},
      {"load a module", [] { return call(SYS_init_module); }},
      {"load a module of a file", [] { return call(SYS_finit_module, -1, address("")); }},
      {"kexec", [] { return call(SYS_kexec_load); }},
      {"bpf", [] { return call(SYS_bpf, 0, 0, 0); }},
      {"perf", [] { return call(SYS_perf_event_open); }},
      {"io_uring", [] { return call(SYS_io_uring_setup, 1); }},
      {"open by handle", [] { return call(SYS_open_by_handle_at, AT_FDCWD, 0, 0); }},
      {"set the clock", [] { return call(SYS_clock_settime, CLOCK_REALTIME, 0); }},
      {"setns", [] { return call(SYS_setns, -1, 0); }},
      {"unshare", [] { return long{::unshare(CLONE_NEWUSER)}; }},
      {"namespace by clone", [] { return in_a_new_namespace(CLONE_NEWUSER | CLONE_NEWNET); }},
      {"namespace by clone3", made_by_clone3},
      {"calls of another machine", call_of_another_machine},
      {"become root", [] { return call(SYS_setresuid, 0, 0, 0); }},
      {"more files",
       [] {
         rlimit limit{};
         ::getrlimit(RLIMIT_NOFILE, &limit);
         return long{::setrlimit(RLIMIT_NOFILE, &limit)};
       }},
      // The arguments are none: without the right to reboot it is EPERM, else EINVAL.
      {"reboot", [] { return call(SYS_reboot, 1, 2, 3); }},
      {"AF_UNIX", socket_of(AF_UNIX, SOCK_STREAM)},
      {"AF_INET", socket_of(AF_INET, SOCK_STREAM)},
      {"AF_INET6", socket_of(AF_INET6, SOCK_DGRAM)},
      {"AF_NETLINK", socket_of(AF_NETLINK, SOCK_RAW)},
      {"AF_PACKET", socket_of(AF_PACKET, SOCK_RAW)},
      {"AF_VSOCK", socket_of(AF_VSOCK, SOCK_STREAM)},
      {"family with more bits", [] { return call(SYS_socket, (1L << 32) | AF_INET, SOCK_STREAM, 0); }},
      {"listen",
       [] {
         const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
         return long{::listen(socket, 1)};
       }},
      {"connect", [=] { return connected(port); }},
      {"look a name up", looked_up},
  };
}

int run_command(char** words) {
  ::execvp(words[0], words);
  std::perror(words[0]);
  return 127;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const std::string which = argv[1];
  const Complaints complaints =
      which == "courier" ? tenon::client::confine_courier("nobody") : tenon::client::confine_device();
  for (const std::string& complaint : complaints) std::cerr << complaint << "\n";
  if (std::strcmp(argv[2], "--") == 0) return run_command(argv + 3);
  for (const Attempt& attempt : attempts(argv[2], argv[3])) {
    errno = 0;
    const long outcome = attempt.make();
    std::cout << attempt.name << ": " << (outcome >= 0 ? "ok" : std::to_string(errno)) << std::endl;
  }
  return 0;
}
