#include <tenon/client/boot/running_boot.h>
#include <tenon/client/boot/uboot_boot_control.h>
#include <tenon/metadata/crc32.h>
#include <tenon/metadata/utf8.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <utility>

#include <fcntl.h>
#include <libuboot.h>
#include <unistd.h>

namespace tenon::client {
namespace {

struct ContextDeleter {
  // close also gives the lock back, and does no harm to a context that was never opened.
  void operator()(uboot_ctx* context) const {
    libuboot_close(context);
    libuboot_exit(context);
  }
};
using Context = std::unique_ptr<uboot_ctx, ContextDeleter>;

Error environment_error(std::string_view what, int result) {
  return Error{
      ErrorCode::kHw, "boot environment: " + std::string(what) + ": " + std::strerror(-result),
      "check fw_env.config with fw_printenv; copies that are new or lost are made by `saveenv` in U-Boot, or by "
      "mkenvimage -r in a partition that only the boot script reads"};
}

// libubootenv cuts longer paths off without a word. What follows ':' is the name of a UBI volume.
Result<void> resolve(EnvironmentCopy& copy, const std::filesystem::path& folder) {
  const std::size_t colon = std::min(copy.path.find(DEVNAME_SEPARATOR), copy.path.size());
  const std::string volume = copy.path.substr(colon);
  std::error_code error;
  const auto real = std::filesystem::canonical(folder / copy.path.substr(0, colon), error);
  if (error) {
    return Error{ErrorCode::kHw, printable(copy.path) + ": " + error.message(),
                 "check the path in fw_env.config, and that the partition exists"};
  }
  copy.path = real.string() + volume;
  if (copy.path.size() < DEVNAME_MAX_LENGTH) return {};
  return Error{ErrorCode::kHw, printable(copy.path) + ": is longer than libubootenv can use"};
}

// Opens the environment and takes libubootenv's lock, both until the context ends.
Result<Context> open_environment(std::array<EnvironmentCopy, 2> copies) {
  std::array<uboot_env_device, 2> devices = {};
  for (std::size_t i = 0; i < devices.size(); ++i) {
    devices[i] = {copies[i].path.data(), copies[i].offset, copies[i].size, copies[i].sector_size, copies[i].sectors};
  }
  uboot_ctx* raw = nullptr;
  if (const int result = libuboot_initialize(&raw, devices.data()); result != 0) {
    return environment_error("it cannot be used", result);
  }
  Context context(raw);
  if (const int result = libuboot_open(context.get()); result != 0) {
    return environment_error(result == -ENODATA ? "neither copy is whole" : "it cannot be read", result);
  }
  return context;
}

// CRC-32 of the data, little endian; one byte that counts the writes; the data.
bool is_whole(ByteView copy) {
  constexpr std::size_t kHeader = 5;
  if (copy.size() < kHeader) return false;
  const std::uint32_t crc = crc32(copy.subspan(kHeader));
  for (std::size_t i = 0; i < 4; ++i) {
    if (copy[i] != static_cast<std::uint8_t>(crc >> (8 * i))) return false;
  }
  return true;
}

}  // namespace

Result<UbootBootControl> UbootBootControl::open(const std::filesystem::path& fw_env_config,
                                                std::filesystem::path command_line, std::filesystem::path boot_id) {
  TENON_TRY(const std::string text, read_boot_text(fw_env_config));
  auto copies = parse_fw_env_config(text);
  if (!copies) return std::move(copies).error().context(fw_env_config.string());
  for (EnvironmentCopy& copy : *copies) {
    TENON_TRY_VOID(resolve(copy, fw_env_config.parent_path()).with_context(fw_env_config.string()));
  }
  return UbootBootControl(*std::move(copies), std::move(command_line), std::move(boot_id));
}

Result<Boot> UbootBootControl::running() {
  return read_running_boot(command_line_, boot_id_);
}

Result<BootRecord> UbootBootControl::read() {
  TENON_TRY(const BootVariables variables, read_variables());
  return decode_boot_record(variables);
}

// A copy in a UBI volume is no file: the kernel keeps that whole.
Result<std::string> UbootBootControl::spoiled_copy() {
  for (const EnvironmentCopy& copy : copies_) {
    std::ifstream file(copy.path, std::ios::binary);
    if (!file) continue;
    file.seekg(copy.offset, copy.offset < 0 ? std::ios::end : std::ios::beg);
    Bytes bytes(copy.size);
    file.read(reinterpret_cast<char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    if (!file || !is_whole(bytes)) return copy.path + " at " + std::to_string(copy.offset);
  }
  return std::string();
}

Result<void> UbootBootControl::write(const BootRecord& record) {
  TENON_TRY(const BootVariables variables, encode_boot_record(record));
  TENON_TRY_VOID(store(variables));
  TENON_TRY_VOID(settle());
  TENON_TRY(const BootVariables found, read_variables());
  if (found == variables) return {};
  return Error{ErrorCode::kHw, "boot environment: what was written does not come back",
               "the flash behind it is worn out or write-protected, or fw_env.config names the wrong place"};
}

// Neither can be told from here: whether U-Boot needs variables of its own in its environment, without which it would boot
// nothing, nor whether these places ever held one, or fw_env.config names somebody else's bytes.
Result<void> UbootBootControl::restore(const BootRecord& /*record*/) {
  return Error{ErrorCode::kHw, "U-Boot's environment is not made anew"};
}

Result<BootVariables> UbootBootControl::read_variables() const {
  TENON_TRY(const Context context, open_environment(copies_));
  BootVariables variables;
  for (const std::string_view name : kBootVariableNames) {
    const std::string key(name);
    const std::unique_ptr<char, decltype(&std::free)> value(libuboot_get_env(context.get(), key.c_str()), &std::free);
    if (value) variables[key] = value.get();
  }
  return variables;
}

Result<void> UbootBootControl::store(const BootVariables& variables) const {
  TENON_TRY(const Context context, open_environment(copies_));
  for (const auto& [name, value] : variables) {
    const int result = libuboot_set_env(context.get(), name.c_str(), value.c_str());
    if (result != 0) return environment_error(name + " cannot be set; is it read-only by its .flags?", result);
  }
  if (const int result = libuboot_env_store(context.get()); result != 0) {
    return environment_error("it cannot be written", result);
  }
  return {};
}

// libubootenv does not look at what its fsync returns. So the cache is dropped, and the comparison after it sees what
// the medium really has.
Result<void> UbootBootControl::settle() const {
  for (const EnvironmentCopy& copy : copies_) {
    const int file = ::open(copy.path.c_str(), O_RDONLY | O_CLOEXEC);
    if (file < 0) continue;  // a UBI volume: libubootenv writes it past the page cache
    const bool failed = ::fsync(file) != 0 && errno != EINVAL && errno != EROFS;
    const int error = errno;
    static_cast<void>(::posix_fadvise(file, 0, 0, POSIX_FADV_DONTNEED));
    ::close(file);
    if (failed) return environment_error("it cannot be made durable", -error);
  }
  return {};
}

}  // namespace tenon::client
