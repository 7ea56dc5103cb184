#include <tenon/client/boot/grub_boot_control.h>
#include <tenon/client/boot/running_boot.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace tenon::client {
namespace {

class BlockFile {
 public:
  explicit BlockFile(int descriptor) : descriptor_(descriptor) {}
  BlockFile(BlockFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  BlockFile& operator=(BlockFile&&) = delete;
  ~BlockFile() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

Error errno_error(const std::filesystem::path& path, std::string_view what) {
  const int error = errno;
  return Error{ErrorCode::kHw,
               "boot environment: " + path.string() + " " + std::string(what) + ": " + std::strerror(error),
               "check grub_env in the configuration, and that its file system is mounted for writing"};
}

Result<BlockFile> open_block(const std::filesystem::path& path, int flags) {
  BlockFile file(::open(path.c_str(), flags | O_CLOEXEC | O_NONBLOCK));
  if (file.get() < 0) return errno_error(path, "cannot be opened");
  struct stat status = {};
  if (::fstat(file.get(), &status) != 0) return errno_error(path, "cannot be examined");
  if (S_ISREG(status.st_mode) && status.st_size == kGrubBlockBytes) return file;
  return Error{
      ErrorCode::kHw,
      "boot environment: " + path.string() + " is no plain file of " + std::to_string(kGrubBlockBytes) + " bytes",
      "a new device needs `grub-editenv FILE create`, once for each of the two"};
}

// A block that cannot be read is a damaged one: the other may be in force, and a write may heal it.
std::string content_of(const BlockFile& file) {
  std::string content(kGrubBlockBytes, '\0');
  const ssize_t count = ::pread(file.get(), content.data(), content.size(), 0);
  return count == static_cast<ssize_t>(content.size()) ? content : std::string();
}

}  // namespace

Result<GrubBootControl> GrubBootControl::open(GrubBlockPaths blocks, std::filesystem::path command_line,
                                              std::filesystem::path boot_id) {
  for (const std::filesystem::path& path : blocks) {
    TENON_TRY([[maybe_unused]] const BlockFile file, open_block(path, O_RDONLY));
  }
  std::error_code error;
  if (std::filesystem::equivalent(blocks[0], blocks[1], error) || error) {
    return Error{ErrorCode::kHw,
                 "boot environment: " + blocks[0].string() + " and " + blocks[1].string() + " are one file",
                 "two are needed: a power cut while the only one is written would leave none"};
  }
  return GrubBootControl(std::move(blocks), std::move(command_line), std::move(boot_id));
}

Result<Boot> GrubBootControl::running() {
  return read_running_boot(command_line_, boot_id_);
}

Result<BootRecord> GrubBootControl::read() {
  TENON_TRY(const GrubBlocks blocks, read_blocks());
  TENON_TRY(const GrubBlockInForce in_force, find_grub_block_in_force(blocks));
  return decode_boot_record(in_force.variables);
}

Result<std::string> GrubBootControl::spoiled_copy() {
  TENON_TRY(const GrubBlocks blocks, read_blocks());
  for (std::size_t place = 0; place < blocks.size(); ++place) {
    if (is_spoiled(blocks[place])) return blocks_[place].string();
  }
  return std::string();
}

Result<void> GrubBootControl::write(const BootRecord& record) {
  TENON_TRY(const std::string block, encode_grub_block(record));
  TENON_TRY(GrubBlocks blocks, read_blocks());
  TENON_TRY(const GrubBlockInForce in_force, find_grub_block_in_force(blocks));
  const std::size_t next = 1 - in_force.place;
  blocks[next] = block;
  TENON_TRY(const GrubBlockInForce expected, find_grub_block_in_force(blocks));
  if (expected.place == next) return overwrite(blocks, next);
  return Error{ErrorCode::kHw,
               "boot environment: generation " + std::to_string(record.generation) + " is not above that of " +
                   blocks_[in_force.place].string(),
               "make both blocks anew with grub-editenv"};
}

// The second block is made whole by the next write, before GRUB can have to count in it.
Result<void> GrubBootControl::restore(const BootRecord& record) {
  TENON_TRY(std::string block, encode_grub_block(record));
  TENON_TRY(GrubBlocks blocks, read_blocks());
  if (find_grub_block_in_force(blocks)) {
    return Error{ErrorCode::kHw, "boot environment: a block is whole, so there is nothing to restore",
                 "look at both with grub-editenv FILE list"};
  }
  if (blocks[0].empty() || blocks[1].empty()) {
    return Error{ErrorCode::kHw, "boot environment: a block cannot be read now, and may be whole",
                 "check the disk; start again"};
  }
  blocks[0] = std::move(block);
  return overwrite(blocks, 0);
}

Result<GrubBlocks> GrubBootControl::read_blocks() const {
  TENON_TRY(const BlockFile first, open_block(blocks_[0], O_RDONLY));
  TENON_TRY(const BlockFile second, open_block(blocks_[1], O_RDONLY));
  return GrubBlocks{content_of(first), content_of(second)};
}

// The cache is dropped, so that what is read afterwards comes from the medium.
Result<void> GrubBootControl::overwrite(const GrubBlocks& wanted, std::size_t place) const {
  const std::filesystem::path& path = blocks_[place];
  const std::string& block = wanted[place];
  {
    TENON_TRY(const BlockFile file, open_block(path, O_RDWR));
    const ssize_t count = ::pwrite(file.get(), block.data(), block.size(), 0);
    if (count < 0) return errno_error(path, "cannot be written");
    if (count != static_cast<ssize_t>(block.size())) {
      errno = ENOSPC;
      return errno_error(path, "was written in part");
    }
    if (::fdatasync(file.get()) != 0) return errno_error(path, "cannot be made durable");
    static_cast<void>(::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED));
  }
  TENON_TRY(const GrubBlocks found, read_blocks());
  if (found == wanted) return {};
  return Error{ErrorCode::kHw, "boot environment: what was written to " + path.string() + " does not come back",
               "somebody else writes it, or the disk behind it is worn out or write-protected"};
}

}  // namespace tenon::client
