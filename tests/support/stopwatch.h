// Stopwatch: for tests that something does not take for ever. What grows with the square of its input takes minutes;
// the bounds are far above what the slowest machine needs that runs the tests, with a sanitizer.
// Thread: immutable.
#pragma once

#include <chrono>

namespace tenon::tests {

inline constexpr std::chrono::seconds kTimeForAnything(20);

class Stopwatch {
 public:
  std::chrono::milliseconds read() const {
    return std::chrono::duration_cast<std::chrono::milliseconds>(std::chrono::steady_clock::now() - began_);
  }

 private:
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
};

}  // namespace tenon::tests
