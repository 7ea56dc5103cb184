// FakeClock: the time is what the test says.
#pragma once

#include <tenon/client/ports/clock.h>

#include <tests/support/repository_simulator.h>

namespace tenon::tests {

class FakeClock final : public client::Clock {
 public:
  explicit FakeClock(metadata::UtcTime now = test_now()) : time(now) {}
  metadata::UtcTime now() override { return time; }
  void advance_seconds(std::int64_t seconds) { time = time.plus_seconds(seconds); }

  metadata::UtcTime time;
};

}  // namespace tenon::tests
