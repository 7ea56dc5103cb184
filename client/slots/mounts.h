// What the kernel says is mounted, from the text of /proc/self/mountinfo. Pure.
// Thread: any.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tenon::client {

// Mount is one line: which device is mounted where. A file system of its own numbering (btrfs, overlay) shows its
// device only by the path in source.
struct Mount {
  std::uint32_t device_major = 0;
  std::uint32_t device_minor = 0;
  std::string mount_point;
  std::string source;
  bool operator==(const Mount&) const = default;
};

// parse_mounts leaves out lines of another form than proc(5) has.
std::vector<Mount> parse_mounts(std::string_view mountinfo);

}  // namespace tenon::client
