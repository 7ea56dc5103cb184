// What the kernel tells of this boot: the group that the boot script named, and the id of the boot.
// Thread: any.
#pragma once

#include <tenon/client/ports/boot_control.h>

#include <filesystem>
#include <string>

namespace tenon::client {

// read_boot_text gives a file wholly. Errors: E_HW when it cannot be read or is empty.
Result<std::string> read_boot_text(const std::filesystem::path& path);

// read_running_boot reads where the kernel has its command line and boot id. Errors: E_HW
Result<Boot> read_running_boot(const std::filesystem::path& command_line, const std::filesystem::path& boot_id);

}  // namespace tenon::client
