// AppDataConfig: [app_data] of device.toml, as the running image has it.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tenon::client {

struct AppDataConfig {
  std::string folder;
  std::vector<std::string> migrate = {};  // empty: this release takes the data as they are
  std::chrono::milliseconds timeout{600'000};
  std::uint64_t most_bytes = std::uint64_t{1} << 50;  // of a copy
};

}  // namespace tenon::client
