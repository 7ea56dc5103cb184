// GrubBootControl: the boot record in two environment blocks of GRUB, files on a file system that GRUB can write: the same
// bytes that grub-editenv and the boot script see. A write goes to the block that is not in force, in place, so a cut leaves
// the record as it was; nothing is renamed, no size changes, and GRUB finds the same sectors again.
// Thread: one at a time. GRUB's tools take no lock: what they write at the same moment is noticed when the write is read back.
#pragma once

#include <tenon/client/boot/grub_blocks.h>
#include <tenon/client/ports/boot_control.h>

#include <array>
#include <filesystem>

namespace tenon::client {

using GrubBlockPaths = std::array<std::filesystem::path, 2>;

class GrubBootControl final : public BootControl {
 public:
  // open Errors: E_HW unless both are there, plain files of their own, each of the size of a block.
  static Result<GrubBootControl> open(GrubBlockPaths blocks, std::filesystem::path command_line = "/proc/cmdline",
                                      std::filesystem::path boot_id = "/proc/sys/kernel/random/boot_id");

  Result<Boot> running() override;
  Result<BootRecord> read() override;
  Result<std::string> spoiled_copy() override;
  // write Errors: E_HW, for what encode_grub_block refuses and a generation that would not come into force too.
  Result<void> write(const BootRecord& record) override;
  Result<void> restore(const BootRecord& record) override;

 private:
  GrubBootControl(GrubBlockPaths blocks, std::filesystem::path command_line, std::filesystem::path boot_id)
      : blocks_(std::move(blocks)), command_line_(std::move(command_line)), boot_id_(std::move(boot_id)) {}

  Result<GrubBlocks> read_blocks() const;
  // overwrite makes the file at that place what wanted says, and reads both back.
  Result<void> overwrite(const GrubBlocks& wanted, std::size_t place) const;

  GrubBlockPaths blocks_;
  std::filesystem::path command_line_;
  std::filesystem::path boot_id_;
};

}  // namespace tenon::client
