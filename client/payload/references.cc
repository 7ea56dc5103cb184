#include <tenon/client/payload/little_endian.h>
#include <tenon/client/payload/references.h>

#include <algorithm>

namespace tenon::client {
namespace {

constexpr std::uint32_t kMaxDistance = 1u << 26;   // a reference reaches no further
constexpr std::uint64_t kLeastAddress = 0x400;     // below are numbers, not addresses
constexpr std::uint64_t kAddressEnd = 1ull << 28;  // programs that are larger are rare
constexpr unsigned kSurroundings = 10;             // bits

// What the two bytes before a number say of it, in programs for x86-64.
Reference::Kind kind_after(std::array<std::uint8_t, 2> before) {
  if (before[0] == 0xE8) return Reference::Kind::kCall;
  if (before[0] == 0xE9) return Reference::Kind::kJump;
  if (before[1] == 0x0F && (before[0] & 0xF0) == 0x80) return Reference::Kind::kBranch;
  if ((before[0] & 0xC7) == 0x05) return Reference::Kind::kData;  // ModRM: relative to the instruction pointer
  return Reference::Kind::kNone;
}

bool is_distance(std::uint32_t value) {
  const auto distance = static_cast<std::int32_t>(value);
  return distance < static_cast<std::int32_t>(kMaxDistance) && distance > -static_cast<std::int32_t>(kMaxDistance);
}

// What begins at base[at]. Pre: at + 4 <= length.
Reference::Kind kind_at(const std::uint8_t* base, std::size_t at, std::size_t length, std::uint64_t base_offset,
                        std::array<std::uint8_t, 2> before) {
  const Reference::Kind kind = kind_after(before);
  if (kind != Reference::Kind::kNone) return is_distance(load_le32(base + at)) ? kind : Reference::Kind::kNone;
  if ((base_offset + at) % 8 != 0 || length - at < 8) return Reference::Kind::kNone;
  const std::uint64_t address = load_le32(base + at) | static_cast<std::uint64_t>(load_le32(base + at + 4)) << 32;
  return address >= kLeastAddress && address < kAddressEnd ? Reference::Kind::kAddress : Reference::Kind::kNone;
}

}  // namespace

References::References() : places_(1u << kIndexBits), surroundings_(1u << kIndexBits), addresses_(1u << kIndexBits) {}

std::size_t References::index_of(std::uint64_t key) {
  return static_cast<std::size_t>(key * 0x9E3779B97F4A7C15ull >> (64 - kIndexBits));
}

void References::confirm(Move& move, std::int32_t distance) {
  move.confirmed = move.distance == distance ? std::min(move.confirmed + 1, 3u) : 0;
  move.distance = distance;
}

Reference References::at(const std::uint8_t* base, std::size_t at, std::size_t length, std::uint64_t base_offset,
                         std::array<std::uint8_t, 2> before, std::uint32_t moved) const {
  Reference found;
  found.kind = kind_at(base, at, length, base_offset, before);
  if (found.kind == Reference::Kind::kNone) return found;
  found.old_value = found.prediction = load_le32(base + at);
  if (found.kind == Reference::Kind::kAddress) {
    found.target = found.old_value;
    const Move& known = addresses_[index_of(found.target >> kSurroundings)];
    if (known.distance == kUnknown) return found;
    found.trust = static_cast<std::uint8_t>(1 + known.confirmed);
    found.prediction = found.old_value + static_cast<std::uint32_t>(known.distance);
    return found;
  }
  const auto distance = static_cast<std::int32_t>(found.old_value);
  found.target = base_offset + at + 4 + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance));
  const Move& place = places_[index_of(found.target)];
  const Move& around = surroundings_[index_of(found.target >> kSurroundings)];
  const Move& known = place.distance != kUnknown ? place : around;
  if (known.distance == kUnknown) return found;
  found.trust = static_cast<std::uint8_t>((&known == &place ? 1 : 5) + known.confirmed);
  found.prediction = found.old_value + static_cast<std::uint32_t>(known.distance) - moved;
  return found;
}

bool References::begins_in(std::size_t count, const std::uint8_t* base, std::size_t at, std::size_t length,
                           std::uint64_t base_offset, std::array<std::uint8_t, 2> before) {
  for (const std::size_t end = at + count; at < end && length - at >= 4; ++at) {
    if (kind_at(base, at, length, base_offset, before) != Reference::Kind::kNone) return true;
    before = {base[at], before[0]};
  }
  return false;
}

void References::learn(const Reference& reference, std::uint32_t new_value, std::uint32_t moved) {
  const std::uint32_t change = new_value - reference.old_value;
  if (reference.kind == Reference::Kind::kAddress) {
    confirm(addresses_[index_of(reference.target >> kSurroundings)], static_cast<std::int32_t>(change));
    return;
  }
  const auto distance = static_cast<std::int32_t>(change + moved);
  confirm(places_[index_of(reference.target)], distance);
  confirm(surroundings_[index_of(reference.target >> kSurroundings)], distance);
}

}  // namespace tenon::client
