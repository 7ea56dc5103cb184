// The two places where U-Boot keeps its environment, as fw_env.config names them for fw_printenv. Pure.
// Thread: any.
#pragma once

#include <tenon/metadata/result.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tenon::client {

// EnvironmentCopy is one line: a device or file and the part of it that holds one copy. Units: bytes.
struct EnvironmentCopy {
  std::string path;
  std::int64_t offset = 0;  // negative counts from the end of the device, as U-Boot has it
  std::size_t size = 0;
  std::size_t sector_size = 0;  // 0: as the device says
  unsigned long sectors = 0;    // 0: as many as size needs
  bool operator==(const EnvironmentCopy&) const = default;
};

// parse_fw_env_config wants exactly two copies of one size in different places: with a single one a power cut during a
// write would leave none.
// Errors: E_HW
Result<std::array<EnvironmentCopy, 2>> parse_fw_env_config(std::string_view text);

}  // namespace tenon::client
