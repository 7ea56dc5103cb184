// RangeEncoder: writes bits with their probabilities, for client::RangeDecoder to read. Thread: one.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstdint>

namespace tenon::repo_tools {

class RangeEncoder {
 public:
  bool code(bool bit, std::uint32_t probability) {
    const std::uint32_t middle =
        low_ + static_cast<std::uint32_t>(static_cast<std::uint64_t>(high_ - low_) * probability >> 16);
    if (bit) {
      high_ = middle;
    } else {
      low_ = middle + 1;
    }
    while ((low_ ^ high_) >> 24 == 0) {
      put_byte();
      high_ |= 0xFF;
    }
    return bit;
  }

  // needed is how many bytes a decoder has read by now.
  std::size_t needed() const { return bytes_.size() + 4; }
  // finish gives all bytes. The encoder then takes no more.
  Bytes finish() {
    for (int i = 0; i < 4; ++i) put_byte();
    return std::move(bytes_);
  }

 private:
  void put_byte() {
    bytes_.push_back(static_cast<std::uint8_t>(low_ >> 24));
    low_ <<= 8;
    high_ <<= 8;
  }

  Bytes bytes_;
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0xFFFFFFFF;
};

}  // namespace tenon::repo_tools
