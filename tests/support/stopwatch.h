// Stopwatch: for tests that something does not take for ever: the time of the processor that this process has had, so
// that a busy machine fails no test. What grows with the square of its input takes minutes; the bound is far above what
// the slowest machine needs that runs the tests, with a sanitizer.
// Thread: immutable.
#pragma once

#include <chrono>
#include <ctime>

namespace tenon::tests {

inline constexpr std::chrono::seconds kTimeForAnything(20);

class Stopwatch {
 public:
  std::chrono::milliseconds read() const {
    return std::chrono::milliseconds((std::clock() - began_) * 1000 / CLOCKS_PER_SEC);
  }

 private:
  std::clock_t began_ = std::clock();
};

}  // namespace tenon::tests
