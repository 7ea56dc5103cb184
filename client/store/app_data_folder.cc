#include <tenon/client/store/app_data_folder.h>
#include <tenon/client/store/file_tree.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>

#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

namespace tenon::client {
namespace {

constexpr const char* kCurrent = "current";
constexpr const char* kNewLink = ".current.new";
constexpr const char* kUnfinished = ".unfinished";
constexpr mode_t kEditionMode = 0755;
constexpr std::size_t kMostDigits = 18;  // every number of them is an int64

// A name that Tenon gives: a number as it is written by us, no zero in front.
std::optional<std::int64_t> edition_in(std::string_view name) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  const bool is_ours = error == std::errc() && end == name.data() + name.size() && name.size() <= kMostDigits &&
                       number > 0 && name.front() != '0';
  return is_ours ? std::optional(number) : std::nullopt;
}

std::uint64_t mib(std::uint64_t bytes) {
  return (bytes + (1u << 20) - 1) >> 20;
}

}  // namespace

std::optional<std::int64_t> Editions::of(const AppDataOwner& owner) const {
  const std::int64_t newest = std::min(owner.sequence, owner.confirmed.value_or(owner.sequence));
  if (current && *current <= newest && whole.contains(*current)) return current;
  const auto above = whole.upper_bound(newest);
  return above == whole.begin() ? std::nullopt : std::optional(*std::prev(above));
}

Result<AppDataFolder> AppDataFolder::open(const std::string& path) {
  TENON_TRY(Folder folder, Folder::open(path));
  FileDescriptor descriptor(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!descriptor) return storage_error("the folder cannot be opened", path);
  return AppDataFolder(std::move(folder), std::move(descriptor));
}

Result<Editions> AppDataFolder::look() const {
  struct CloseFolder {
    void operator()(DIR* stream) const { ::closedir(stream); }
  };
  const std::string path = folder_.path().string();
  const int again = ::openat(descriptor_.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, CloseFolder> stream(again < 0 ? nullptr : ::fdopendir(again));
  if (!stream) return storage_error("the folder cannot be read", path);
  Editions editions;
  for (errno = 0; const dirent* entry = ::readdir(stream.get()); errno = 0) {
    const std::string name = entry->d_name;
    editions.has_unfinished |= name == kUnfinished || name == kNewLink;
    const std::optional<std::int64_t> number = edition_in(name);
    struct stat status = {};
    if (!number || ::fstatat(descriptor_.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    if (S_ISDIR(status.st_mode)) editions.whole.insert(*number);
    if (editions.whole.size() > kMostEditions) {
      return Error{ErrorCode::kLimit, path + ": more than " + std::to_string(kMostEditions) + " editions"};
    }
  }
  if (errno != 0) return storage_error("the folder cannot be read", path);
  std::array<char, kMostDigits + 2> target = {};  // one more than ours have, so that a longer one is seen
  const ssize_t length = ::readlinkat(descriptor_.get(), kCurrent, target.data(), target.size());
  if (length >= 0) editions.current = edition_in({target.data(), static_cast<std::size_t>(length)});
  return editions;
}

std::string AppDataFolder::unfinished_path() const {
  return folder_.shown(kUnfinished);
}

// Asked of two files that have no names: whether a copy here takes no room of its own.
bool AppDataFolder::shares_content() const {
  constexpr std::size_t kProbeBytes = 64u << 10;
  const FileDescriptor from(::openat(descriptor_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  const FileDescriptor to(::openat(descriptor_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
  if (!from || !to) return false;
  return write_all(from, 0, Bytes(kProbeBytes, 1), "") && ::ioctl(to.get(), FICLONE, from.get()) == 0;
}

// Before the first byte, so that no partition is filled by what will not fit.
Result<void> AppDataFolder::check_room(const FileDescriptor& from, const std::string& shown,
                                       std::uint64_t most_bytes) const {
  TENON_TRY(const TreeSize size, measure_tree(from, shown));
  if (size.bytes > most_bytes) {
    return Error{ErrorCode::kLimit, shown + ": has " + std::to_string(mib(size.bytes)) + " MiB, and " +
                                        std::to_string(mib(most_bytes)) + " MiB may be copied"}
        .with_hint("raise [app_data] limit_mib in the new image, or make room in the application's data");
  }
  struct statvfs room = {};
  if (::fstatvfs(descriptor_.get(), &room) != 0) return storage_error("its file system cannot be examined", shown);
  const std::uint64_t free_bytes = std::uint64_t{room.f_bavail} * room.f_frsize;
  const bool has_nodes = room.f_files == 0 || room.f_favail > size.entries;
  if (has_nodes && (free_bytes > size.bytes || shares_content())) return {};
  return Error{ErrorCode::kStorage, shown + ": a copy takes " + std::to_string(mib(size.bytes)) + " MiB and " +
                                        std::to_string(size.entries) + " files, and there is room for " +
                                        std::to_string(free_bytes >> 20) + " MiB" +
                                        (room.f_files == 0 ? "" : " and " + std::to_string(room.f_favail) + " files")}
      .with_hint("free some space on that file system");
}

Result<void> AppDataFolder::begin(std::optional<std::int64_t> from, std::uint64_t most_bytes) const {
  TENON_TRY_VOID(discard());
  std::optional<FileDescriptor> source;
  std::string shown;
  if (from) {
    shown = folder_.shown(std::to_string(*from));
    source.emplace(
        ::openat(descriptor_.get(), std::to_string(*from).c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!*source) return storage_error("the folder cannot be opened", shown);
    TENON_TRY_VOID(check_room(*source, shown, most_bytes));
  }
  if (::mkdirat(descriptor_.get(), kUnfinished, 0700) != 0) {
    return storage_error("the folder cannot be made", unfinished_path());
  }
  const FileDescriptor made(::openat(descriptor_.get(), kUnfinished, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made) return storage_error("the folder cannot be opened", unfinished_path());
  if (source) return copy_tree(*source, made, shown);
  if (::fchmod(made.get(), kEditionMode) != 0) return storage_error("its mode cannot be set", unfinished_path());
  return {};
}

Result<void> AppDataFolder::finish(std::int64_t sequence) const {
  const FileDescriptor made(::openat(descriptor_.get(), kUnfinished, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!made || ::syncfs(made.get()) != 0) return storage_error("cannot be made durable", unfinished_path());
  const std::string name = std::to_string(sequence);
  if (::renameat(descriptor_.get(), kUnfinished, descriptor_.get(), name.c_str()) != 0) {
    return storage_error("the folder cannot be named so", folder_.shown(name));
  }
  return folder_.sync();
}

Result<void> AppDataFolder::discard() const {
  ::unlinkat(descriptor_.get(), kNewLink, 0);
  return remove_tree(descriptor_, kUnfinished, unfinished_path());
}

// Its name goes first, and durably: what is half removed must not look whole.
Result<void> AppDataFolder::remove(std::int64_t sequence) const {
  TENON_TRY_VOID(discard());
  const std::string name = std::to_string(sequence);
  if (::renameat(descriptor_.get(), name.c_str(), descriptor_.get(), kUnfinished) != 0) {
    return storage_error("the folder cannot be renamed", folder_.shown(name));
  }
  TENON_TRY_VOID(folder_.sync());
  return discard();
}

Result<void> AppDataFolder::use(std::int64_t sequence) const {
  ::unlinkat(descriptor_.get(), kNewLink, 0);
  if (::symlinkat(std::to_string(sequence).c_str(), descriptor_.get(), kNewLink) != 0) {
    return storage_error("the link cannot be made", folder_.shown(kNewLink));
  }
  if (::renameat(descriptor_.get(), kNewLink, descriptor_.get(), kCurrent) != 0) {
    Error error = storage_error("cannot be made a link to " + std::to_string(sequence), folder_.shown(kCurrent));
    if (errno == EISDIR) error.hint = "a folder stands there that is none of Tenon's: move it away";
    ::unlinkat(descriptor_.get(), kNewLink, 0);
    return error;
  }
  return folder_.sync();
}

}  // namespace tenon::client
