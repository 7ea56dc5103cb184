// FakeClock: the time is what the test says.
#pragma once

#include <tenon/client/ports/clock.h>

#include <utility>
#include <vector>

#include <tests/support/repository_simulator.h>

namespace tenon::tests {

class FakeClock final : public client::Clock {
 public:
  explicit FakeClock(metadata::UtcTime now = test_now()) : time(now) {}
  metadata::UtcTime now() override { return time; }
  bool is_synchronised() override { return synchronised; }
  std::chrono::seconds since_boot() override { return uptime; }
  void wait(std::chrono::milliseconds least, std::chrono::milliseconds most) override {
    waits.emplace_back(least, most);
    advance_seconds(std::chrono::ceil<std::chrono::seconds>(least).count());
  }
  // advance_seconds lets time pass; setting `time` alone sets the clock.
  void advance_seconds(std::int64_t seconds) {
    time = time.plus_seconds(seconds);
    uptime += std::chrono::seconds(seconds);
  }

  metadata::UtcTime time;
  bool synchronised = true;
  std::chrono::seconds uptime{1000};
  std::vector<std::pair<std::chrono::milliseconds, std::chrono::milliseconds>> waits = {};
};

}  // namespace tenon::tests
