// UbootBootControl: the boot record in U-Boot's redundant environment, through libubootenv: the same bytes that
// fw_printenv and the boot script see. A write goes to the copy that is not in force and takes effect with its
// checksum, so a cut leaves the record as it was. Other variables stay as they are.
// Thread: one at a time. Other programs that use libubootenv are kept out by its lock file while it reads or writes.
#pragma once

#include <tenon/client/boot/boot_variables.h>
#include <tenon/client/boot/fw_env_config.h>
#include <tenon/client/ports/boot_control.h>

#include <array>
#include <filesystem>

namespace tenon::client {

class UbootBootControl final : public BootControl {
 public:
  // open reads fw_env.config, which has to name two copies. A relative path in it is below the file's own folder.
  // command_line and boot_id are where the kernel tells what was booted.
  // Errors: E_HW
  static Result<UbootBootControl> open(const std::filesystem::path& fw_env_config,
                                       std::filesystem::path command_line = "/proc/cmdline",
                                       std::filesystem::path boot_id = "/proc/sys/kernel/random/boot_id");

  Result<Boot> running() override;
  Result<BootRecord> read() override;
  Result<std::string> spoiled_copy() override;
  // write Errors: E_HW, for more than nine tries too.
  Result<void> write(const BootRecord& record) override;
  // restore Errors: E_HW, always: a person has to know what else belongs into that environment.
  Result<void> restore(const BootRecord& record) override;

 private:
  UbootBootControl(std::array<EnvironmentCopy, 2> copies, std::filesystem::path command_line,
                   std::filesystem::path boot_id)
      : copies_(std::move(copies)), command_line_(std::move(command_line)), boot_id_(std::move(boot_id)) {}

  Result<BootVariables> read_variables() const;
  Result<void> store(const BootVariables& variables) const;
  Result<void> settle() const;

  std::array<EnvironmentCopy, 2> copies_;
  std::filesystem::path command_line_;
  std::filesystem::path boot_id_;
};

}  // namespace tenon::client
