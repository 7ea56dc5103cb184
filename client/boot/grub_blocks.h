// The boot record in two environment blocks of GRUB: the files that grub-editenv makes, and GRUB's load_env and save_env
// know. Each block has the variables of boot_variables.h, and behind them
//
//   BOOT_SEAL        the values of all the others again, in one line
//
// GRUB cannot count a CRC, but it compares text: a block that is part old and part new has a seal of something else. All
// of it lies within the first 512 bytes. In force is the whole block of the higher generation; of two with the same, the
// one with fewer tries left, since GRUB takes a try by writing the record, with one less, to the other block.
// Pure. Thread: any.
#pragma once

#include <tenon/client/boot/boot_variables.h>

#include <array>
#include <cstddef>
#include <string>
#include <string_view>

namespace tenon::client {

inline constexpr std::size_t kGrubBlockBytes = 1024;

// GRUB for BIOS counts with 32 bits and a sign.
inline constexpr std::uint64_t kMaxGrubGeneration = 999'999'999;

using GrubBlocks = std::array<std::string, 2>;

// encode_grub_block gives the bytes of a whole block.
// Errors: E_HW for more tries or a higher generation than GRUB can count.
Result<std::string> encode_grub_block(const BootRecord& record);

// GrubBlockInForce is what a boot script goes by. Without variables it is a factory's.
struct GrubBlockInForce {
  BootVariables variables = {};  // the seven of boot_variables.h
  std::size_t place = 0;         // 0 or 1; the other one is written next
};

// find_grub_block_in_force reads the blocks as GRUB does, down to what it makes of damaged ones: both have to choose the
// same. A block without any of our variables is what a factory leaves, and counts when the other is not whole.
// Errors: E_HW when both are damaged.
Result<GrubBlockInForce> find_grub_block_in_force(const GrubBlocks& blocks);

// is_spoiled tells of one block that it is neither whole nor blank.
bool is_spoiled(std::string_view block);

}  // namespace tenon::client
