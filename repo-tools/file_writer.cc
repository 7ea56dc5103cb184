#include <tenon/hsm/file_descriptor.h>
#include <tenon/hsm/file_io.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/file_writer.h>

#include <algorithm>
#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::repo_tools {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kPieceBytes = 1u << 20;  // of a copy
constexpr std::ptrdiff_t kManyEnough = 32;  // files from which on one sync of the file system costs less than one each

Error other_bytes(const fs::path& path) {
  return Error{ErrorCode::kPolicy,
               printable(path.native()) + ": is published with other bytes and is never overwritten"};
}

Result<void> sync_folder(const fs::path& folder) {
  const hsm::FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd) return storage_error(folder, "cannot open the folder", errno);
  if (::fsync(fd.get()) != 0 && errno != EINVAL) return storage_error(folder, "cannot sync the folder", errno);
  return {};
}

fs::path folder_of(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : fs::path(".");
}

// Makes the missing folders one by one, each synced into its parent, so that a file in them outlives a power cut.
Result<void> make_folders(const fs::path& folder) {
  std::vector<fs::path> missing;
  std::error_code error;
  for (fs::path at = folder; !at.empty() && !fs::exists(at, error); at = at.parent_path()) missing.push_back(at);
  for (auto at = missing.rbegin(); at != missing.rend(); ++at) {
    if (::mkdir(at->c_str(), 0755) != 0 && errno != EEXIST) return storage_error(*at, "cannot make the folder", errno);
    // Whatever the umask: who serves the repository must be able to read it, as it is of files.
    if (::chmod(at->c_str(), 0755) != 0) return storage_error(*at, "cannot set its mode", errno);
    TENON_TRY_VOID(sync_folder(folder_of(*at)));
  }
  return {};
}

bool is_there(const fs::path& path) {
  std::error_code error;
  return fs::exists(fs::symlink_status(path, error));
}

// A copy while it is made, beside its place.
fs::path scratch_of(const fs::path& to) {
  return folder_of(to) / ("." + to.filename().native() + ".part");
}

// What one that was killed may have left; publishing is locked.
Result<void> remove_scratch(const fs::path& scratch) {
  if (::unlink(scratch.c_str()) == 0 || errno == ENOENT) return {};
  return storage_error(scratch, "cannot remove it", errno);
}

Result<void> copy_to_scratch(const fs::path& from, const fs::path& scratch, const Sha256& sha256) {
  TENON_TRY(InputFile in, InputFile::open(from));
  TENON_TRY(OutputFile out, OutputFile::create(scratch));
  Sha256Hasher hasher;
  Bytes buffer(kPieceBytes);
  for (;;) {
    TENON_TRY(const std::size_t got, in.read(buffer));
    if (got == 0) break;
    hasher.update(ByteView(buffer).first(got));
    TENON_TRY_VOID(out.write(ByteView(buffer).first(got)));
  }
  if (hasher.finish() == sha256) return out.finish();
  return Error{ErrorCode::kMismatch, printable(from.native()) + ": is not the file that was signed"};
}

Result<void> move_to_free_name(const fs::path& from, const fs::path& to) {
  if (::link(from.c_str(), to.c_str()) == 0) return remove_scratch(from);
  if (errno == EEXIST) return other_bytes(to);
  // A file system without links: the check before and the lock must do.
  if (::rename(from.c_str(), to.c_str()) != 0) return storage_error(to, "cannot move it there", errno);
  return {};
}

}  // namespace

Result<void> DiskWriter::put(const fs::path& path, ByteView content) {
  TENON_TRY_VOID(make_folders(folder_of(path)));
  TENON_TRY(hsm::UnplacedFile file, hsm::UnplacedFile::write(path, content, hsm::FileMode::kPublic));
  return change({.path = path, .file = std::move(file), .replaces = true});
}

Result<void> DiskWriter::put_new(const fs::path& path, ByteView content) {
  if (is_there(path)) {
    TENON_TRY(const Sha256 there, digest_file(path));
    if (there != Sha256::of(content)) return other_bytes(path);
    return change({.path = path});  // whoever wrote it may have been killed before its name was synced
  }
  TENON_TRY_VOID(make_folders(folder_of(path)));
  TENON_TRY(hsm::UnplacedFile file, hsm::UnplacedFile::write(path, content, hsm::FileMode::kPublic));
  return change({.path = path, .file = std::move(file)});
}

Result<void> DiskWriter::copy_new(const fs::path& from, const fs::path& to, const Sha256& sha256) {
  const fs::path scratch = scratch_of(to);
  TENON_TRY_VOID(remove_scratch(scratch));
  if (is_there(to)) {
    TENON_TRY(const Sha256 there, digest_file(to));
    if (there != sha256) return other_bytes(to);
    return sync_folder(folder_of(to));
  }
  TENON_TRY_VOID(make_folders(folder_of(to)));
  Result<void> copied = copy_to_scratch(from, scratch, sha256);
  if (copied) copied = move_to_free_name(scratch, to);
  if (copied) return sync_folder(folder_of(to));
  (void)remove_scratch(scratch);
  return copied;
}

Result<void> DiskWriter::move(const fs::path& from, const fs::path& to) {
  TENON_TRY_VOID(make_folders(folder_of(to)));
  if (::rename(from.c_str(), to.c_str()) != 0) return storage_error(to, "cannot move it there", errno);
  return sync_folder(folder_of(to));
}

Result<void> DiskWriter::remove(const fs::path& path) {
  return change({.path = path, .goes = true});
}

Result<void> DiskWriter::change(Change change) {
  if (gathered_) {
    gathered_->push_back(std::move(change));
    return {};
  }
  if (change.goes && !is_there(change.path)) return {};
  if (change.file) TENON_TRY_VOID(change.file->sync());
  TENON_TRY_VOID(place(change));
  return sync_folder(folder_of(change.path));
}

std::set<fs::path> DiskWriter::folders_of(const std::vector<Change>& changes) {
  std::set<fs::path> folders;
  for (const Change& change : changes) {
    fs::path folder = folder_of(change.path);
    if (!change.goes || is_there(folder)) folders.insert(std::move(folder));
  }
  return folders;
}

Result<void> DiskWriter::sync_content(const std::vector<Change>& changes) {
  const auto brings_a_file = [](const Change& change) { return change.file.has_value(); };
  if (std::ranges::count_if(changes, brings_a_file) < kManyEnough) {
    for (const Change& change : changes) {
      if (change.file) TENON_TRY_VOID(change.file->sync());
    }
    return {};
  }
  std::set<dev_t> synced;
  for (const fs::path& folder : folders_of(changes)) {
    const hsm::FileDescriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    struct stat status {};
    if (!fd || ::fstat(fd.get(), &status) != 0) return storage_error(folder, "cannot open the folder", errno);
    if (!synced.insert(status.st_dev).second) continue;
    if (::syncfs(fd.get()) != 0) return storage_error(folder, "cannot sync its file system", errno);
  }
  return {};
}

Result<void> DiskWriter::place(Change& change) {
  if (change.file) return change.replaces ? change.file->move_over() : change.file->move_to_free_name();
  if (!change.goes || ::unlink(change.path.c_str()) == 0 || errno == ENOENT) return {};
  return storage_error(change.path, "cannot remove it", errno);
}

Result<void> DiskWriter::end_many() {
  std::vector<Change> changes = std::exchange(gathered_, std::nullopt).value_or(std::vector<Change>());
  TENON_TRY_VOID(sync_content(changes));
  for (Change& change : changes) TENON_TRY_VOID(place(change));
  for (const fs::path& folder : folders_of(changes)) TENON_TRY_VOID(sync_folder(folder));
  return {};
}

bool is_leftover(std::string_view file_name) {
  constexpr std::string_view kPart = ".part";
  if (file_name.starts_with('.') && file_name.ends_with(kPart)) {
    return is_hash_prefixed(file_name.substr(1, file_name.size() - 1 - kPart.size()));
  }
  if (!hsm::is_temporary_name(file_name)) return false;
  const std::string_view name = file_name.substr(1, file_name.rfind('.') - 1);
  return name.ends_with(".json") || name.ends_with(".jsonl") || is_hash_prefixed(name);
}

bool is_hash_prefixed(std::string_view name) {
  const std::size_t digits = name.find_first_not_of("0123456789abcdef");
  return (digits == 64 || digits == 128) && name[digits] == '.';
}

std::unique_ptr<FileWriter> writer_for(bool dry_run) {
  if (dry_run) return std::make_unique<DryRunWriter>();
  return std::make_unique<DiskWriter>();
}

}  // namespace tenon::repo_tools
