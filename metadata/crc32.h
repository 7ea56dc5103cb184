// CRC-32 as zlib, PNG, GPT and U-Boot's crc32 command count it. It finds accidents, and stops no attacker.
// Thread: any.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstdint>

namespace tenon {

// crc32 goes on from the one of the bytes before. Source: ISO 3309, RFC 1952 section 8
std::uint32_t crc32(ByteView bytes, std::uint32_t before = 0);

}  // namespace tenon
