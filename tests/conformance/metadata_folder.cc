#include <tenon/metadata/authentic.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/rules.h>

#include <cerrno>

#include <fcntl.h>
#include <sys/stat.h>
#include <tests/conformance/metadata_folder.h>
#include <tests/conformance/names.h>
#include <unistd.h>

namespace tenon::tests {
namespace {

constexpr const char* kRootName = "root.json";
constexpr const char* kFloorsName = ".floors";

}  // namespace

Result<MetadataFolder> MetadataFolder::open(const std::string& path, std::size_t max_bytes) {
  TENON_TRY(client::Folder folder, client::Folder::open(path));
  return MetadataFolder(std::move(folder), max_bytes);
}

Result<void> MetadataFolder::initialise(ByteView root) const {
  TENON_TRY(const auto checked, metadata::embedded_root(root, metadata::Rules{}));
  TENON_TRY_VOID(save(metadata::VersionFloors{}.under(checked.value())));
  return folder_.replace(kRootName, root);
}

Result<Bytes> MetadataFolder::trusted_root() const {
  TENON_TRY(std::optional<Bytes> root, read(kRootName));
  if (root) return *std::move(root);
  return Error{ErrorCode::kStorage, folder_.shown(kRootName) + ": is not there", "run init with a trusted root first"};
}

std::optional<Bytes> MetadataFolder::load(const std::string& file_name) const {
  if (is_root_file(file_name)) return std::nullopt;
  return read(file_name).value_or(std::nullopt);
}

Result<void> MetadataFolder::save(const client::Persist& file) const {
  return folder_.replace(is_root_file(file.file_name) ? kRootName : file.file_name, file.content);
}

Result<void> MetadataFolder::remove(const std::string& file_name) const {
  const std::string shown = folder_.shown(file_name);
  if (::unlink(shown.c_str()) != 0 && errno != ENOENT) return client::storage_error("cannot be deleted", shown);
  return {};
}

Result<std::optional<metadata::VersionFloors>> MetadataFolder::floors() const {
  TENON_TRY(const std::optional<Bytes> file, read(kFloorsName));
  if (!file) return std::optional<metadata::VersionFloors>();
  TENON_TRY(const json::Value value, json::parse(*file));
  TENON_TRY(metadata::VersionFloors floors, metadata::VersionFloors::parse(value));
  return std::optional(std::move(floors));
}

Result<void> MetadataFolder::save(const metadata::VersionFloors& floors) const {
  return folder_.replace(kFloorsName, as_bytes(json::canonical(floors.to_json())));
}

Result<std::optional<Bytes>> MetadataFolder::read(const std::string& name) const {
  TENON_TRY(const auto file, folder_.open_file(name, O_RDONLY));
  if (!file) return std::optional<Bytes>();
  TENON_TRY(Bytes content, read_whole(*file, folder_.shown(name), max_bytes_));
  return std::optional(std::move(content));
}

Result<Bytes> read_whole(const client::FileDescriptor& file, const std::string& shown, std::size_t max_bytes) {
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) return client::storage_error("cannot be examined", shown);
  const auto size = static_cast<std::uint64_t>(status.st_size);
  if (size > max_bytes) {
    return Error{ErrorCode::kLimit,
                 shown + ": " + std::to_string(size) + " bytes, at most " + std::to_string(max_bytes) + " are read"};
  }
  Bytes content(static_cast<std::size_t>(size));
  TENON_TRY(const std::size_t count, client::read_all(file, 0, content, shown));
  content.resize(count);
  return content;
}

}  // namespace tenon::tests
