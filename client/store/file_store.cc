#include <tenon/client/store/file_store.h>
#include <tenon/metadata/utf8.h>

#include <array>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>

namespace tenon::client {
namespace {

constexpr std::size_t kMaxMetadataBytes = 16u << 20;  // metadata::Limits::listed_bytes: nothing larger is ever accepted
constexpr const char* kLockName = "lock";
constexpr const char* kMetadataName = "metadata";
constexpr const char* kRecordsName = "records";

// The file of each record; the order is that of Record.
constexpr std::array kRecordNames = {"floors", "journal", "checkpoint", "stamps", "deferral"};

Result<Folder> open_data_folder(const std::filesystem::path& path) {
  auto folder = Folder::open(path);
  std::error_code ignored;
  if (folder) {
    // Whoever can write there can put a lock or a record of his own in the place of ours: /tmp is no data folder.
    const std::filesystem::perms mode = std::filesystem::status(path, ignored).permissions();
    if ((mode & std::filesystem::perms::others_write) == std::filesystem::perms::none) return folder;
    return Error{ErrorCode::kStorage, "everybody may write to the data folder " + path.string(),
                 "use a folder of tenond's own: install -d -m 0700 " + path.string()};
  }
  if (std::filesystem::exists(path, ignored)) return folder;
  return Error{
      ErrorCode::kStorage, "the data folder " + path.string() + " is not there",
      "mount the data partition, or on a new device make the folder once: install -d -m 0700 " + path.string()};
}

// A lock of the open file description, not of the process: it ends with the descriptor, however the process ends, and
// a second FileStore in the same process is refused as well.
Result<FileDescriptor> take_lock(const Folder& folder) {
  TENON_TRY(auto file, folder.open_file(kLockName, O_RDWR | O_CREAT));
  if (!file) return Error{ErrorCode::kStorage, folder.shown(kLockName) + ": cannot be made"};
  struct flock whole_file = {};
  whole_file.l_type = F_WRLCK;
  whole_file.l_whence = SEEK_SET;
  if (::fcntl(file->get(), F_OFD_SETLK, &whole_file) == 0) return *std::move(file);
  if (errno == EAGAIN || errno == EACCES) {
    return Error{ErrorCode::kBusy, "another process holds the lock of " + folder.path().string(),
                 "it is probably tenond: ask it with `tenon status`, or wait until it has ended"};
  }
  return storage_error("cannot be locked", folder.shown(kLockName));
}

std::optional<Folder> open_if_there(const Folder& parent, const std::string& name) {
  auto folder = parent.open_below(name, false);
  if (!folder) return std::nullopt;
  return *std::move(folder);
}

}  // namespace

Result<std::unique_ptr<FileStore>> FileStore::open(const std::filesystem::path& data_folder) {
  TENON_TRY(const Folder data, open_data_folder(data_folder));
  TENON_TRY(FileDescriptor lock, take_lock(data));
  TENON_TRY(Folder metadata, data.open_below(kMetadataName, true));
  TENON_TRY(Folder records, data.open_below(kRecordsName, true));
  TENON_TRY_VOID(data.sync());
  return std::unique_ptr<FileStore>(
      new FileStore(data_folder, std::move(lock), std::move(metadata), std::move(records)));
}

Result<std::unique_ptr<FileStore>> FileStore::open_for_reading(const std::filesystem::path& data_folder) {
  TENON_TRY(const Folder data, open_data_folder(data_folder));
  return std::unique_ptr<FileStore>(new FileStore(data_folder, FileDescriptor(), open_if_there(data, kMetadataName),
                                                  open_if_there(data, kRecordsName)));
}

FileStore::FileStore(std::filesystem::path data_folder, FileDescriptor lock, std::optional<Folder> metadata,
                     std::optional<Folder> records)
    : data_folder_(std::move(data_folder)),
      lock_(std::move(lock)),
      metadata_(std::move(metadata)),
      records_(std::move(records)) {
  if (!records_) return;
  for (const char* name : kRecordNames) pairs_.emplace_back(*records_, name);
}

std::optional<Bytes> FileStore::load(const std::string& file_name) {
  if (!metadata_ || !is_file_name(file_name)) return std::nullopt;
  auto file = metadata_->open_file(file_name, O_RDONLY);
  if (!file || !*file) return std::nullopt;
  struct stat status = {};
  if (::fstat((*file)->get(), &status) != 0) return std::nullopt;
  if (static_cast<std::uint64_t>(status.st_size) > kMaxMetadataBytes) return std::nullopt;
  Bytes content(static_cast<std::size_t>(status.st_size));
  const auto count = read_all(**file, 0, content, file_name);
  if (!count || *count != content.size()) return std::nullopt;
  return content;
}

Result<void> FileStore::save(const std::string& file_name, ByteView content) {
  TENON_TRY_VOID(check_writable());
  if (!is_file_name(file_name)) {
    return Error{ErrorCode::kStorage, "\"" + printable(file_name, 64) + "\" is no name for a metadata file"};
  }
  if (content.size() > kMaxMetadataBytes) {
    return Error{ErrorCode::kStorage, printable(file_name, 64) + ": " + std::to_string(content.size()) +
                                          " bytes are more than a metadata file may have, which is " +
                                          std::to_string(kMaxMetadataBytes)};
  }
  return metadata_->replace(file_name, content);
}

Result<RecordContent> FileStore::load(Record record) {
  RecordContent nothing = Absent{};
  if (pairs_.empty()) return nothing;
  return pair(record).load();
}

Result<std::size_t> FileStore::spoiled(Record record) {
  if (pairs_.empty()) return std::size_t{0};
  return pair(record).spoiled();
}

Result<void> FileStore::save(Record record, ByteView content) {
  TENON_TRY_VOID(check_writable());
  return pair(record).save(content);
}

Result<void> FileStore::check_writable() const {
  if (lock_) return {};
  return Error{ErrorCode::kStorage, data_folder_.string() + " was opened for reading only",
               "only the process that holds the lock may write there"};
}

}  // namespace tenon::client
