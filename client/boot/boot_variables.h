// The boot record as variables of U-Boot's or GRUB's environment, where a boot script can read them. Pure.
//
//   BOOT_ORDER       "A B" or "B A"
//   BOOT_A_STATE     good | trial | bad | empty          BOOT_B_STATE likewise
//   BOOT_A_LEFT      tries left, 0 to 9                  BOOT_B_LEFT likewise; the boot script counts them down
//   BOOT_GENERATION  decimal, rises with every write
//   BOOT_CHECK       CRC-32 over "GENERATION ORDER STATE_A STATE_B", 8 hex digits: not over the tries
//
// The check is no secret and stops no attacker: it shows that somebody else, a person or another updater, changed a
// part of the record, which then means nothing any more.
// Thread: any.
#pragma once

#include <tenon/client/ports/boot_control.h>

#include <array>
#include <map>
#include <string>
#include <string_view>

namespace tenon::client {

using BootVariables = std::map<std::string, std::string, std::less<>>;

inline constexpr std::array<std::string_view, 7> kBootVariableNames = {
    "BOOT_ORDER", "BOOT_A_STATE", "BOOT_B_STATE", "BOOT_A_LEFT", "BOOT_B_LEFT", "BOOT_GENERATION", "BOOT_CHECK"};

// U-Boot's setexpr counts in hexadecimal; up to 9 that is the same.
inline constexpr std::uint32_t kMaxTries = 9;

// encode_boot_record gives all seven variables. Errors: E_HW for more tries than a boot script can count.
Result<BootVariables> encode_boot_record(const BootRecord& record);

// decode_boot_record reads the seven out of an environment that may hold others. What a factory leaves is generation 0:
// order and states without BOOT_GENERATION and BOOT_CHECK; or none of the seven at all, which is A good and B empty.
// Errors: E_HW, naming the variable that is missing, unreadable or changed by somebody else.
Result<BootRecord> decode_boot_record(const BootVariables& environment);

// boot_check is what BOOT_CHECK has to be. Its CRC-32 is that of zlib, PNG and U-Boot's crc32 command.
std::string boot_check(std::string_view generation, std::string_view order, std::string_view state_a,
                       std::string_view state_b);

}  // namespace tenon::client
