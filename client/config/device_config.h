// DeviceConfig: /etc/tenon/device.toml, what the maker of a device tells Tenon about it. Strict: a key that is not
// known is an error that names the line.
//
//   [device]      product, hardware, channel, group, id_file, data, release_file
//   [repository]  url, mirrors (more addresses of the same, in the order in which they are tried), root
//   [network]     proxy, ca_file, kib_per_second, attempts, not_found (the statuses that mean so)
//   [courier]     socket (where tenon-courier listens; without one it is started), user (whom it becomes as root)
//   [slots.A]     one path or partition for each slot class, for example rootfs = "PARTLABEL=rootfs-a"
//   [slots.B]
//   [slots.recovery]  likewise, if there is a recovery system: no update writes there
//   [boot]        fw_env_config (U-Boot) or grub_env (GRUB: two files), cmdline, boot_id, tries, reboot (a command)
//   [payloads]    memory_mib (what a delta or a local payload may take)
//   [check]       interval_minutes, window (of the day, in UTC, in which to arm and reboot), metered (a command)
//   [app_data]    folder (of the application's data, in editions), migrate (this image's command, which changes a copy of them),
//                 timeout_seconds, limit_mib (more is not copied)
//   [control]     socket (where tenond answers `tenon`), group (whose members may act; everybody may look)
//   [[health]]    name, command, timeout_seconds
//   [[hook]]      when ("staged", "confirmed", "rolled_back"), command, timeout_seconds
#pragma once

#include <tenon/client/config/app_data_config.h>
#include <tenon/client/health/command_health.h>
#include <tenon/client/health/command_hooks.h>
#include <tenon/client/slots/file_slots.h>
#include <tenon/client/transport/fetch_options.h>
#include <tenon/policies/label.h>
#include <tenon/policies/maintenance_window.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tenon::client {

struct DeviceConfig {
  policies::Label product;
  policies::Label hardware;
  policies::Label channel;
  std::optional<policies::Label> group = {};  // of a rollout: "lab"
  std::string id_file = "/etc/machine-id";    // its first line tells this device from all others
  std::string data = "/var/lib/tenon";
  std::string release_file = "/etc/tenon-release";
  std::vector<std::string> sources = {};  // url, then the mirrors
  FetchOptions fetch = {};                // of each of them
  std::uint32_t attempts = 4;             // how often they are asked in turn before a step gives up
  std::string courier_socket = {};        // "": each program starts a courier of its own
  std::string courier_user = "nobody";
  std::uint64_t payload_memory = 32u << 20;  // bytes that a delta or a local payload may take
  std::string root = "/etc/tenon/root.json";
  SlotPaths slots = {};
  KeptPaths recovery = {};
  std::string fw_env_config = "/etc/fw_env.config";
  std::optional<std::array<std::string, 2>> grub_env = {};  // the bootloader is GRUB, and not U-Boot
  std::string cmdline = "/proc/cmdline";
  std::string boot_id = "/proc/sys/kernel/random/boot_id";
  std::uint32_t tries = 3;               // 1 to 9: the boot script counts with one digit
  std::vector<std::string> reboot = {};  // empty: somebody else reboots
  std::uint32_t interval_minutes = 60;
  std::optional<policies::MaintenanceWindow> window = {};  // none: any time will do
  std::vector<std::string> metered = {};                   // says by exit status 0 that the link is; empty: it never is
  std::string control_socket = {};                         // empty: none, and `tenon` acts by itself
  std::string control_group = "tenon";
  std::vector<HealthCommand> health = {};
  std::vector<HookCommand> hooks = {};
  std::optional<AppDataConfig> app_data = {};

  // parse Errors: E_USAGE, naming file and line.
  static Result<DeviceConfig> parse(std::string_view text, const std::string& file_name);
  // load reads a file. Errors: E_USAGE
  static Result<DeviceConfig> load(const std::string& path);
};

// device_id_in gives the id in the text of an id_file: its first line. A device tree's serial number ends with a NUL.
std::string device_id_in(std::string_view text);

}  // namespace tenon::client
