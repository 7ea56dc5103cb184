// ByteProgram: the fuzzer's input read as a program, one small decision after the other. Past its end every decision
// is 0, so that each prefix of a program is a program.
#pragma once

#include <tenon/metadata/bytes.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace tenon::fuzz {

class ByteProgram {
 public:
  explicit ByteProgram(ByteView bytes) : rest_(bytes) {}

  bool done() const { return rest_.empty(); }
  std::uint8_t byte() {
    if (rest_.empty()) return 0;
    const std::uint8_t first = rest_.front();
    rest_ = rest_.subspan(1);
    return first;
  }
  bool flag() { return (byte() & 1) != 0; }
  // below Pre: 0 < n. Values from 0 to n-1, of which only the first 256 are reached.
  std::size_t below(std::size_t n) { return byte() % n; }
  // position is below n, over all of it. Pre: 0 < n.
  std::size_t position(std::size_t n) { return (static_cast<std::size_t>(byte()) << 8 | byte()) % n; }
  // pick gives one of a fixed choice.
  template <class Choice>
  const auto& pick(const Choice& choice) {
    return choice[below(std::size(choice))];
  }
  ByteView take(std::size_t size) {
    const ByteView taken = rest_.first(std::min(size, rest_.size()));
    rest_ = rest_.subspan(taken.size());
    return taken;
  }
  ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

}  // namespace tenon::fuzz
