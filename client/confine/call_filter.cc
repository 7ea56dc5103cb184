#include <tenon/client/confine/call_filter.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

namespace tenon::client {
namespace {

// What neither process ever needs, and what would undo the others' protection: io_uring makes calls that no filter
// sees.
constexpr std::string_view kForNobody =
    // other code for the kernel, or another kernel
    "init_module finit_module delete_module kexec_load kexec_file_load bpf "
    // other processes
    "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp perf_event_open "
    // what is mounted where
    "mount umount umount2 pivot_root chroot move_mount open_tree fsopen fsmount fsconfig fspick mount_setattr "
    "swapon swapoff quotactl quotactl_fd "
    // other namespaces
    "setns unshare "
    // the machine
    "iopl ioperm settimeofday stime clock_settime clock_settime64 sethostname setdomainname syslog acct vhangup "
    "nfsservctl lookup_dcookie "
    // ways around
    "io_uring_setup io_uring_enter io_uring_register userfaultfd open_by_handle_at modify_ldt vm86 vm86old add_key "
    "request_key keyctl ";

// What would let the courier change anything that lasts, or start anything.
constexpr std::string_view kNotForCourier =
    "execve execveat reboot creat openat2 mkdir mkdirat mknod mknodat rename renameat renameat2 link linkat symlink "
    "symlinkat unlink unlinkat rmdir truncate truncate64 ftruncate ftruncate64 fallocate chmod fchmod fchmodat "
    "chown chown32 fchown fchown32 lchown lchown32 fchownat utime utimes utimensat utimensat_time64 futimesat "
    "setxattr lsetxattr fsetxattr removexattr lremovexattr fremovexattr pwrite64 pwritev pwritev2 copy_file_range "
    "splice tee vmsplice sendfile sendfile64 memfd_create memfd_secret kill tkill pidfd_open pidfd_send_signal "
    "setuid setgid setreuid setregid setresuid setresgid setuid32 setgid32 setreuid32 setregid32 setresuid32 "
    "setresgid32 setgroups setgroups32 capset listen setrlimit personality fanotify_init inotify_init inotify_init1 "
    "shmget shmat msgget semget ";

// What fetching takes: libcurl with its resolver's thread, OpenSSL, the C library and what it loads to look up a name.
constexpr std::string_view kForCourier =
    // memory, threads, time
    "brk mmap mmap2 munmap mprotect mremap madvise fork vfork set_robust_list rseq set_tid_address set_thread_area "
    "set_tls arch_prctl futex futex_time64 membarrier sched_yield sched_getaffinity exit exit_group wait4 waitpid "
    "waitid restart_syscall tgkill rt_sigreturn sigreturn rt_sigaction rt_sigprocmask rt_sigtimedwait "
    "rt_sigtimedwait_time64 sigaltstack clock_gettime clock_gettime64 clock_getres clock_getres_time64 "
    "clock_nanosleep clock_nanosleep_time64 nanosleep gettimeofday time times getrandom cacheflush "
    // itself
    "getpid getppid gettid getuid getuid32 geteuid geteuid32 getgid getgid32 getegid getegid32 getresuid "
    "getresuid32 getresgid getresgid32 getgroups getgroups32 getrlimit ugetrlimit getrusage getcpu uname sysinfo "
    // files that are there
    "read readv pread64 preadv preadv2 write writev close close_range lseek _llseek dup dup2 dup3 fcntl fcntl64 "
    "stat stat64 lstat lstat64 fstat fstat64 newfstatat fstatat64 statx statfs statfs64 fstatfs fstatfs64 access "
    "faccessat faccessat2 readlink readlinkat getdents64 getcwd fadvise64 fadvise64_64 arm_fadvise64_64 pipe pipe2 "
    "eventfd2 "
    // waiting
    "poll ppoll ppoll_time64 select _newselect pselect6 pselect6_time64 epoll_create1 epoll_ctl epoll_wait "
    "epoll_pwait epoll_pwait2 "
    // the network
    "socketpair connect bind accept accept4 getsockname getpeername getsockopt setsockopt send sendto sendmsg "
    "sendmmsg recv recvfrom recvmsg recvmmsg recvmmsg_time64 shutdown ";

class Filter {
 public:
  explicit Filter(std::uint32_t otherwise) : context_(::seccomp_init(otherwise)) {}
  Filter(const Filter&) = delete;
  Filter& operator=(const Filter&) = delete;
  ~Filter() {
    if (context_ != nullptr) ::seccomp_release(context_);
  }

  // rule A call that this machine does not have, or this libseccomp does not know, has no rule.
  void rule(std::uint32_t action, const char* name, std::initializer_list<scmp_arg_cmp> conditions = {}) {
    const int call = ::seccomp_syscall_resolve_name(name);
    if (call == __NR_SCMP_ERROR || context_ == nullptr) return;
    note(
        ::seccomp_rule_add_array(context_, action, call, static_cast<unsigned>(conditions.size()), conditions.begin()));
  }
  // rules takes names with a blank behind each.
  void rules(std::uint32_t action, std::string_view names) {
    while (!names.empty()) {
      const std::size_t end = names.find(' ');
      rule(action, std::string(names.substr(0, end)).c_str());
      names.remove_prefix(end + 1);
    }
  }

  // load Programs for another kind of machine that the kernel could run (32 bits on 64) cannot be filtered as well:
  // refused.
  Complaints load() {
    if (context_ == nullptr) return {"system calls are not filtered: out of memory"};
    note(::seccomp_attr_set(context_, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_ERRNO(EPERM)));
    note(::seccomp_attr_set(context_, SCMP_FLTATR_API_SYSRAWRC, 1));  // the kernel's own error
    note(::seccomp_load(context_));
    if (failed_ == 0) return {};
    return {std::string("system calls are not filtered, which needs a kernel with CONFIG_SECCOMP_FILTER: ") +
            std::strerror(-failed_)};
  }

 private:
  void note(int outcome) {
    if (outcome != 0) failed_ = outcome;
  }

  scmp_filter_ctx context_;
  int failed_ = 0;
};

constexpr std::uint32_t kRefused = SCMP_ACT_ERRNO(EPERM);
constexpr scmp_datum_t kOnlyReads = 0;  // O_RDONLY

// Only what is there, only to read. Each flag that makes or changes a file has a rule of its own, for a clear error.
void rule_open(Filter& filter, const char* name, unsigned flags_argument) {
  constexpr scmp_datum_t kChanges[] = {O_WRONLY, O_RDWR, O_CREAT, O_TRUNC};
  scmp_datum_t all = 0;
  for (const scmp_datum_t flag : kChanges) {
    all |= flag;
    filter.rule(SCMP_ACT_ERRNO(EACCES), name, {scmp_arg_cmp{flags_argument, SCMP_CMP_MASKED_EQ, flag, flag}});
  }
  filter.rule(SCMP_ACT_ALLOW, name, {scmp_arg_cmp{flags_argument, SCMP_CMP_MASKED_EQ, all, kOnlyReads}});
}

// clone also makes namespaces, in which a process has rights that it has not here. What clone3 is asked for lies in
// memory, where no filter sees it: a C library that is told of no such call takes clone.
constexpr scmp_datum_t kNamespaces[] = {CLONE_NEWNS,   CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                        CLONE_NEWUSER, CLONE_NEWPID,    CLONE_NEWNET};

void rule_clone(Filter& filter, bool is_list_of_allowed) {
  scmp_datum_t all = 0;
  for (const scmp_datum_t flag : kNamespaces) {
    all |= flag;
    filter.rule(kRefused, "clone", {scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, flag, flag}});
  }
  if (is_list_of_allowed) {
    filter.rule(SCMP_ACT_ALLOW, "clone", {scmp_arg_cmp{0, SCMP_CMP_MASKED_EQ, all, 0}});
  } else {
    filter.rule(SCMP_ACT_ERRNO(ENOSYS), "clone3");
  }
}

}  // namespace

Complaints allow_calls_of_courier() {
  Filter filter(SCMP_ACT_ERRNO(ENOSYS));
  filter.rules(SCMP_ACT_ALLOW, kForCourier);
  filter.rules(kRefused, kForNobody);
  filter.rules(kRefused, kNotForCourier);
  rule_clone(filter, true);
  rule_open(filter, "open", 1);
  rule_open(filter, "openat", 2);
  // AF_NETLINK: the resolver asks which kinds of addresses this machine has. AF_UNIX: it may ask a service.
  for (const scmp_datum_t family : std::initializer_list<scmp_datum_t>{AF_UNIX, AF_INET, AF_INET6, AF_NETLINK}) {
    filter.rule(SCMP_ACT_ALLOW, "socket", {scmp_arg_cmp{0, SCMP_CMP_EQ, family, 0}});
  }
  for (const scmp_datum_t request : std::initializer_list<scmp_datum_t>{FIONREAD, FIONBIO, TCGETS}) {
    filter.rule(SCMP_ACT_ALLOW, "ioctl", {scmp_arg_cmp{1, SCMP_CMP_EQ, request, 0}});
  }
  for (const scmp_datum_t option : std::initializer_list<scmp_datum_t>{PR_SET_PDEATHSIG, PR_SET_NAME}) {
    filter.rule(SCMP_ACT_ALLOW, "prctl", {scmp_arg_cmp{0, SCMP_CMP_EQ, option, 0}});
  }
  filter.rule(SCMP_ACT_ALLOW, "prlimit64", {scmp_arg_cmp{2, SCMP_CMP_EQ, 0, 0}});  // asks, sets nothing
  return filter.load();
}

Complaints forbid_calls_to_device() {
  Filter filter(SCMP_ACT_ALLOW);
  filter.rules(kRefused, kForNobody);
  rule_clone(filter, false);
  filter.rule(SCMP_ACT_ERRNO(EAFNOSUPPORT), "socket", {scmp_arg_cmp{0, SCMP_CMP_NE, AF_UNIX, 0}});
  return filter.load();
}

}  // namespace tenon::client
