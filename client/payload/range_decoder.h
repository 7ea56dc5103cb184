// RangeDecoder: reads bits that were written with their probabilities, as a PieceModel wants them. The other half is
// RangeEncoder in repo-tools. docs/payload-format.md, "Bits". Thread: one.
#pragma once

#include <tenon/metadata/bytes.h>

#include <cstdint>
#include <functional>

namespace tenon::client {

class RangeDecoder {
 public:
  // more gives further bytes, valid until it is called again; none at the end: then zeros are read, and ran_out() says so.
  explicit RangeDecoder(std::function<ByteView()> more) : more_(std::move(more)) {}

  // begin reads the first four bytes. Called once, before code().
  void begin() {
    for (int i = 0; i < 4; ++i) value_ = value_ << 8 | next_byte();
  }

  bool code(bool, std::uint32_t probability) {
    const std::uint32_t middle =
        low_ + static_cast<std::uint32_t>(static_cast<std::uint64_t>(high_ - low_) * probability >> 16);
    const bool bit = value_ <= middle;
    if (bit) {
      high_ = middle;
    } else {
      low_ = middle + 1;
    }
    while ((low_ ^ high_) >> 24 == 0) {
      low_ <<= 8;
      high_ = high_ << 8 | 0xFF;
      value_ = value_ << 8 | next_byte();
    }
    return bit;
  }

  bool ran_out() const { return ran_out_; }
  // used_up says whether the bytes given so far were all read.
  bool used_up() const { return at_ == held_.size(); }

 private:
  std::uint8_t next_byte() {
    if (at_ == held_.size()) [[unlikely]] {
      if (!ran_out_) held_ = more_();
      at_ = 0;
      ran_out_ = held_.empty();
      if (ran_out_) return 0;
    }
    return held_[at_++];
  }

  std::function<ByteView()> more_;
  ByteView held_;
  std::size_t at_ = 0;
  std::uint32_t low_ = 0;
  std::uint32_t high_ = 0xFFFFFFFF;
  std::uint32_t value_ = 0;
  bool ran_out_ = false;
};

}  // namespace tenon::client
