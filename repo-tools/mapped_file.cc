#include <tenon/hsm/file_descriptor.h>
#include <tenon/metadata/utf8.h>
#include <tenon/repo_tools/file_streams.h>
#include <tenon/repo_tools/mapped_file.h>

#include <cerrno>

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

namespace tenon::repo_tools {

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const hsm::FileDescriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  struct stat status = {};
  if (!fd || ::fstat(fd.get(), &status) != 0) return storage_error(path, "cannot be read", errno);
  if (!S_ISREG(status.st_mode)) return Error{ErrorCode::kStorage, printable(path.native()) + ": is no regular file"};
  const auto size = static_cast<std::size_t>(status.st_size);
  if (size == 0) return MappedFile({});
  void* const memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, fd.get(), 0);
  if (memory == MAP_FAILED) return storage_error(path, "cannot be mapped", errno);
  return MappedFile(std::span(static_cast<std::uint8_t*>(memory), size));
}

MappedFile::~MappedFile() {
  if (!bytes_.empty()) ::munmap(bytes_.data(), bytes_.size());
}

}  // namespace tenon::repo_tools
