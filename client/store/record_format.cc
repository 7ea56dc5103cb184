#include <tenon/client/store/record_format.h>

#include <algorithm>
#include <string>

namespace tenon::client {
namespace {

constexpr std::array<std::uint8_t, 4> kMagic = {'T', 'N', 'R', 'C'};
constexpr std::uint32_t kFormatVersion = 1;
constexpr std::size_t kVersionAt = 4;
constexpr std::size_t kSequenceAt = 8;
constexpr std::size_t kLengthAt = 16;
constexpr std::size_t kCrcAt = 20;

template <class Number>
void put(std::span<std::uint8_t> block, std::size_t at, Number number) {
  for (std::size_t i = 0; i < sizeof(Number); ++i) block[at + i] = static_cast<std::uint8_t>(number >> (8 * i));
}

template <class Number>
Number get(ByteView block, std::size_t at) {
  Number number = 0;
  for (std::size_t i = 0; i < sizeof(Number); ++i) number |= static_cast<Number>(block[at + i]) << (8 * i);
  return number;
}

std::uint32_t record_crc(ByteView block, ByteView content) {
  const std::array<ByteView, 2> parts = {block.first(kCrcAt), content};
  return crc32c(parts);
}

}  // namespace

Result<RecordBlock> encode_record(std::uint64_t sequence, ByteView content) {
  if (content.size() > kRecordCapacity) {
    return Error{ErrorCode::kLimit, "a record of " + std::to_string(content.size()) + " bytes is above the " +
                                        std::to_string(kRecordCapacity) + " that fit"};
  }
  RecordBlock block = {};
  std::ranges::copy(kMagic, block.begin());
  put(block, kVersionAt, kFormatVersion);
  put(block, kSequenceAt, sequence);
  put(block, kLengthAt, static_cast<std::uint32_t>(content.size()));
  std::ranges::copy(content, block.begin() + kRecordHeaderBytes);
  put(block, kCrcAt, record_crc(block, content));
  return block;
}

std::optional<StoredRecord> decode_record(ByteView block) {
  if (block.size() != kRecordBytes || !std::ranges::equal(block.first(kMagic.size()), kMagic)) return std::nullopt;
  if (get<std::uint32_t>(block, kVersionAt) != kFormatVersion) return std::nullopt;
  const auto length = get<std::uint32_t>(block, kLengthAt);
  if (length > kRecordCapacity) return std::nullopt;
  const ByteView content = block.subspan(kRecordHeaderBytes, length);
  if (get<std::uint32_t>(block, kCrcAt) != record_crc(block, content)) return std::nullopt;
  return StoredRecord{get<std::uint64_t>(block, kSequenceAt), Bytes(content.begin(), content.end())};
}

// Bit by bit: records are small and rare, and a table would cost more to load than it saves.
std::uint32_t crc32c(std::span<const ByteView> parts) {
  constexpr std::uint32_t kReversedPolynomial = 0x82F63B78;
  std::uint32_t crc = 0xFFFFFFFF;
  for (const ByteView part : parts) {
    for (const std::uint8_t byte : part) {
      crc ^= byte;
      for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kReversedPolynomial : 0);
    }
  }
  return ~crc;
}

}  // namespace tenon::client
