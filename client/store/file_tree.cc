#include <tenon/client/store/file_tree.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr std::uint64_t kBlock = 512;  // the unit of st_blocks
constexpr std::size_t kBufferBytes = 128u << 10;
constexpr std::size_t kMostAttributeBytes = 64u << 10;  // XATTR_SIZE_MAX and XATTR_LIST_MAX of Linux
constexpr mode_t kModeBits = 07777;

// One place in a tree. The path is for messages.
struct Place {
  int folder;
  const std::string& name;
  const std::string& path;
};

Error tree_error(const std::string& what, const std::string& path) {
  return storage_error(what, printable(path, 1000));
}

Error refused(const std::string& path, const std::string& what, std::string hint) {
  return Error{ErrorCode::kStorage, printable(path, 1000) + ": " + what, std::move(hint)};
}

struct CloseFolder {
  void operator()(DIR* stream) const { ::closedir(stream); }
};

// visit calls a function for each entry of a folder. Its own descriptor: the caller's keeps its place.
template <class Visit>
Result<void> visit(int folder, const std::string& path, Visit visitor) {
  const int descriptor = ::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return tree_error("the folder cannot be opened", path);
  const std::unique_ptr<DIR, CloseFolder> stream(::fdopendir(descriptor));
  if (!stream) {
    const Error error = tree_error("the folder cannot be read", path);
    ::close(descriptor);
    return error;
  }
  for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") continue;
    TENON_TRY_VOID(visitor(name));
  }
  if (errno != 0) return tree_error("the folder cannot be read", path);
  return {};
}

Result<struct stat> status_of(const Place& place) {
  struct stat status = {};
  if (::fstatat(place.folder, place.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return status;
  return tree_error("cannot be examined", place.path);
}

Result<struct stat> status_of(const FileDescriptor& file, const std::string& path) {
  struct stat status = {};
  if (::fstat(file.get(), &status) == 0) return status;
  return tree_error("cannot be examined", path);
}

Result<FileDescriptor> open_in(const Place& place, int flags) {
  FileDescriptor file(::openat(place.folder, place.name.c_str(), flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (file) return file;
  return tree_error((flags & O_CREAT) != 0 ? "cannot be made" : "cannot be opened", place.path);
}

Result<void> check_depth(const std::string& path, std::size_t depth) {
  if (depth <= kMostTreeDepth) return {};
  return Error{ErrorCode::kLimit,
               printable(path, 1000) + ": more than " + std::to_string(kMostTreeDepth) + " folders in each other"};
}

// check_kind refuses what has no copy.
Result<void> check_kind(const struct stat& status, const std::string& path, dev_t device) {
  if (S_ISDIR(status.st_mode) && status.st_dev != device) {
    return refused(path, "another file system is mounted there", "mount it outside the application's data");
  }
  if (S_ISBLK(status.st_mode) || S_ISCHR(status.st_mode)) {
    return refused(path, "is a device", "the application's data hold files, folders, links, pipes and sockets alone");
  }
  return {};
}

// Which files of a tree have more than one name, and the first of those names.
class HardLinks {
 public:
  // first_name gives the name under which this file was met before; nothing when this is the first.
  Result<std::optional<std::string>> first_name(const struct stat& status, const std::string& name) {
    if (status.st_nlink < 2 || S_ISDIR(status.st_mode)) return std::optional<std::string>();
    const auto [met, is_new] = names_.emplace(std::pair(status.st_dev, status.st_ino), name);
    if (!is_new) return std::optional(met->second);
    bytes_ += name.size();
    if (names_.size() > kMostHardLinkedFiles || bytes_ > kMostHardLinkBytes) {
      return Error{ErrorCode::kLimit, "too many files have several names: of " + std::to_string(names_.size()) +
                                          " files the names have " + std::to_string(bytes_) + " bytes"};
    }
    return std::optional<std::string>();
  }

 private:
  std::map<std::pair<dev_t, ino_t>, std::string> names_;
  std::size_t bytes_ = 0;
};

class Measurement {
 public:
  explicit Measurement(dev_t device) : device_(device) {}

  Result<void> folder(int from, const std::string& path, std::size_t depth) {
    TENON_TRY_VOID(check_depth(path, depth));
    return visit(from, path, [&](const std::string& name) -> Result<void> {
      const std::string inner = path + "/" + name;
      TENON_TRY(const struct stat status, status_of(Place{from, name, inner}));
      TENON_TRY_VOID(check_kind(status, inner, device_));
      TENON_TRY(const std::optional<std::string> met, links_.first_name(status, inner));
      ++size.entries;
      if (!met) size.bytes += static_cast<std::uint64_t>(status.st_blocks) * kBlock;
      if (!S_ISDIR(status.st_mode)) return {};
      TENON_TRY(const FileDescriptor opened, open_in({from, name, inner}, O_RDONLY | O_DIRECTORY));
      return folder(opened.get(), inner, depth + 1);
    });
  }

  TreeSize size;

 private:
  dev_t device_;
  HardLinks links_;
};

// The attributes whose loss would go unnoticed; what is in "security" the system gives to new files itself.
Result<void> copy_extended_attributes(const FileDescriptor& from, const FileDescriptor& to, const std::string& path) {
  const ssize_t length = ::flistxattr(from.get(), nullptr, 0);
  if (length == 0 || (length < 0 && errno == ENOTSUP)) return {};
  if (length < 0) return tree_error("its extended attributes cannot be read", path);
  std::vector<char> names(kMostAttributeBytes);
  std::vector<char> value(kMostAttributeBytes);
  const ssize_t listed = ::flistxattr(from.get(), names.data(), names.size());
  if (listed < 0) return tree_error("its extended attributes cannot be read", path);
  for (const char* name = names.data(); name < names.data() + listed; name += std::string_view(name).size() + 1) {
    const ssize_t size = ::fgetxattr(from.get(), name, value.data(), value.size());
    if (size < 0) return tree_error("its extended attribute " + printable(name) + " cannot be read", path);
    if (::fsetxattr(to.get(), name, value.data(), static_cast<std::size_t>(size), 0) == 0) continue;
    if (std::string_view(name).starts_with("security.")) continue;
    return tree_error("the copy cannot have its extended attribute " + printable(name), path);
  }
  return {};
}

// The owner first: a change of it takes rights away that the mode then gives.
Result<void> copy_attributes(const struct stat& status, const FileDescriptor& from, const FileDescriptor& to,
                             const std::string& path) {
  TENON_TRY(const struct stat now, status_of(to, path));
  if ((now.st_uid != status.st_uid || now.st_gid != status.st_gid) &&
      ::fchown(to.get(), status.st_uid, status.st_gid) != 0) {
    return tree_error("the copy cannot have its owner", path);
  }
  if (::fchmod(to.get(), status.st_mode & kModeBits) != 0) return tree_error("the copy cannot have its mode", path);
  TENON_TRY_VOID(copy_extended_attributes(from, to, path));
  const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
  if (::futimens(to.get(), times.data()) != 0) return tree_error("the copy cannot have its times", path);
  return {};
}

// Bytes by way of our memory, where the system cannot copy them itself.
Result<void> copy_by_hand(const FileDescriptor& from, const FileDescriptor& to, std::uint64_t begin, std::uint64_t end,
                          const std::string& path) {
  Bytes buffer(kBufferBytes);
  while (begin < end) {
    const std::span<std::uint8_t> piece(buffer.data(), std::min<std::uint64_t>(buffer.size(), end - begin));
    TENON_TRY(const std::size_t count, read_all(from, begin, piece, path));
    if (count == 0) return refused(path, "has become shorter", "nothing else may write to the data meanwhile");
    TENON_TRY_VOID(write_all(to, begin, ByteView(buffer.data(), count), path));
    begin += count;
  }
  return {};
}

Result<void> copy_range(const FileDescriptor& from, const FileDescriptor& to, off_t begin, off_t end,
                        const std::string& path) {
  off_t source = begin;
  off_t target = begin;
  while (source < end) {
    const auto left = static_cast<std::size_t>(end - source);
    const ssize_t count = ::copy_file_range(from.get(), &source, to.get(), &target, left, 0);
    if (count > 0 || (count < 0 && errno == EINTR)) continue;
    if (count < 0 && (errno == ENOSPC || errno == EDQUOT || errno == EIO || errno == EFBIG)) {
      return tree_error("cannot be copied", path);
    }
    return copy_by_hand(from, to, static_cast<std::uint64_t>(source), static_cast<std::uint64_t>(end), path);
  }
  return {};
}

// A file system that knows no holes says that all is data.
Result<void> copy_content(const FileDescriptor& from, const FileDescriptor& to, off_t size, const std::string& path) {
  for (off_t done = 0; done < size;) {
    off_t data = ::lseek(from.get(), done, SEEK_DATA);
    if (data < 0 && errno == ENXIO) break;
    off_t hole = data < 0 ? size : ::lseek(from.get(), data, SEEK_HOLE);
    if (data < 0) data = done;
    if (hole < 0 || hole > size) hole = size;
    if (data >= size) break;
    TENON_TRY_VOID(copy_range(from, to, data, hole, path));
    done = hole;
  }
  if (::ftruncate(to.get(), size) != 0) return tree_error("the copy cannot have its size", path);
  return {};
}

class Copy {
 public:
  Copy(int target, dev_t device) : target_(target), device_(device) {}

  // folder fills the folder `to`; its path below the copy is `below`, "" or with a '/' at its end.
  Result<void> folder(int from, int to, const std::string& path, const std::string& below, std::size_t depth) {
    TENON_TRY_VOID(check_depth(path, depth));
    return visit(from, path, [&](const std::string& name) -> Result<void> {
      const std::string inner = path + "/" + name;
      const Place source{from, name, inner};
      const Place copy{to, name, inner};
      TENON_TRY(const struct stat status, status_of(source));
      TENON_TRY_VOID(check_kind(status, inner, device_));
      TENON_TRY(const std::optional<std::string> first, links_.first_name(status, below + name));
      if (first) {
        if (::linkat(target_, first->c_str(), to, name.c_str(), 0) == 0) return {};
        return tree_error("its second name cannot be made", inner);
      }
      if (S_ISREG(status.st_mode)) return file(source, copy, status);
      if (S_ISLNK(status.st_mode)) return symbolic_link(source, copy, status);
      if (!S_ISDIR(status.st_mode)) return pipe_or_socket(copy, status);
      TENON_TRY(const FileDescriptor opened, open_in(source, O_RDONLY | O_DIRECTORY));
      if (::mkdirat(to, name.c_str(), 0700) != 0) return tree_error("the copy cannot be made", inner);
      TENON_TRY(const FileDescriptor made, open_in(copy, O_RDONLY | O_DIRECTORY));
      TENON_TRY_VOID(folder(opened.get(), made.get(), inner, below + name + "/", depth + 1));
      return copy_attributes(status, opened, made, inner);
    });
  }

 private:
  static Result<void> file(const Place& source, const Place& copy, const struct stat& status) {
    TENON_TRY(const FileDescriptor from, open_in(source, O_RDONLY));
    TENON_TRY(const FileDescriptor to, open_in(copy, O_RDWR | O_CREAT | O_EXCL));
    TENON_TRY_VOID(copy_content(from, to, status.st_size, source.path));
    return copy_attributes(status, from, to, source.path);
  }

  static Result<void> symbolic_link(const Place& source, const Place& copy, const struct stat& status) {
    std::array<char, 4096> target = {};  // PATH_MAX, which no link is longer than
    const ssize_t length = ::readlinkat(source.folder, source.name.c_str(), target.data(), target.size() - 1);
    if (length < 0) return tree_error("the link cannot be read", source.path);
    if (::symlinkat(target.data(), copy.folder, copy.name.c_str()) != 0) {
      return tree_error("the copy cannot be made", copy.path);
    }
    return owner_and_times(copy, status);
  }

  static Result<void> pipe_or_socket(const Place& copy, const struct stat& status) {
    if (::mknodat(copy.folder, copy.name.c_str(), (status.st_mode & S_IFMT) | 0600, 0) != 0) {
      return tree_error("the copy cannot be made", copy.path);
    }
    TENON_TRY_VOID(owner_and_times(copy, status));
    // It is no link: it was made just now, in a folder that nobody else may enter.
    if (::fchmodat(copy.folder, copy.name.c_str(), status.st_mode & kModeBits, 0) == 0) return {};
    return tree_error("the copy cannot have its mode", copy.path);
  }

  // For what cannot be opened.
  static Result<void> owner_and_times(const Place& copy, const struct stat& status) {
    TENON_TRY(const struct stat now, status_of(copy));
    if ((now.st_uid != status.st_uid || now.st_gid != status.st_gid) &&
        ::fchownat(copy.folder, copy.name.c_str(), status.st_uid, status.st_gid, AT_SYMLINK_NOFOLLOW) != 0) {
      return tree_error("the copy cannot have its owner", copy.path);
    }
    const std::array<timespec, 2> times = {status.st_atim, status.st_mtim};
    if (::utimensat(copy.folder, copy.name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW) == 0) return {};
    return tree_error("the copy cannot have its times", copy.path);
  }

  int target_;  // the folder that is filled
  dev_t device_;
  HardLinks links_;
};

// Whoever owns the data may nest folders as deep as he likes: those below the bound are moved up, and have their turn later.
class Removal {
 public:
  Removal(int top, dev_t device) : top_(top), device_(device) {}

  Result<void> all(const std::string& path) {
    do {
      has_moved_ = false;
      TENON_TRY_VOID(content(top_, path, 1));
    } while (has_moved_);
    return {};
  }

 private:
  Result<void> content(int folder, const std::string& path, std::size_t depth) {
    return visit(folder, path, [&](const std::string& name) -> Result<void> {
      const std::string inner = path + "/" + name;
      TENON_TRY(const struct stat status, status_of(Place{folder, name, inner}));
      const bool is_folder = S_ISDIR(status.st_mode);
      if (is_folder) {
        if (status.st_dev != device_) {
          return refused(inner, "another file system is mounted there", "unmount it: its folder has to go");
        }
        if (depth >= kMostTreeDepth) return move_up(Place{folder, name, inner});
        TENON_TRY(const FileDescriptor opened, open_in({folder, name, inner}, O_RDONLY | O_DIRECTORY));
        TENON_TRY_VOID(content(opened.get(), inner, depth + 1));
      }
      if (::unlinkat(folder, name.c_str(), is_folder ? AT_REMOVEDIR : 0) == 0) return {};
      return tree_error("cannot be removed", inner);
    });
  }

  Result<void> move_up(const Place& deep) {
    has_moved_ = true;
    for (;;) {
      const std::string name = ".deep-" + std::to_string(++moved_);
      if (::renameat(deep.folder, deep.name.c_str(), top_, name.c_str()) == 0) return {};
      const bool is_taken = errno == EEXIST || errno == ENOTEMPTY || errno == ENOTDIR;
      if (!is_taken) return tree_error("cannot be moved, to be removed", deep.path);
    }
  }

  int top_;
  dev_t device_;
  std::uint64_t moved_ = 0;
  bool has_moved_ = false;
};

}  // namespace

Result<TreeSize> measure_tree(const FileDescriptor& from, const std::string& shown) {
  TENON_TRY(const struct stat status, status_of(from, shown));
  Measurement measurement(status.st_dev);
  TENON_TRY_VOID(measurement.folder(from.get(), shown, 1));
  return measurement.size;
}

Result<void> copy_tree(const FileDescriptor& from, const FileDescriptor& to, const std::string& shown) {
  TENON_TRY(const struct stat status, status_of(from, shown));
  Copy copy(to.get(), status.st_dev);
  TENON_TRY_VOID(copy.folder(from.get(), to.get(), shown, "", 1));
  return copy_attributes(status, from, to, shown);
}

Result<void> remove_tree(const FileDescriptor& parent, const std::string& name, const std::string& shown) {
  struct stat status = {};
  if (::fstatat(parent.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
    if (errno == ENOENT) return {};
    return tree_error("cannot be examined", shown);
  }
  if (!S_ISDIR(status.st_mode)) {
    if (::unlinkat(parent.get(), name.c_str(), 0) == 0) return {};
    return tree_error("cannot be removed", shown);
  }
  TENON_TRY(const FileDescriptor folder, open_in({parent.get(), name, shown}, O_RDONLY | O_DIRECTORY));
  TENON_TRY_VOID(Removal(folder.get(), status.st_dev).all(shown));
  if (::unlinkat(parent.get(), name.c_str(), AT_REMOVEDIR) == 0) return {};
  return tree_error("cannot be removed", shown);
}

}  // namespace tenon::client
