// FakeHealth: the system is as fit as the test says.
#pragma once

#include <tenon/client/ports/health.h>

#include <cstddef>

namespace tenon::tests {

class FakeHealth final : public client::Health {
 public:
  client::HealthReport check() override {
    ++checks;
    return report;
  }

  client::HealthReport report = {.healthy = true};
  std::size_t checks = 0;
};

}  // namespace tenon::tests
