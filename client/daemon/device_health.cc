#include <tenon/client/daemon/device_health.h>

namespace tenon::client {
namespace {

constexpr auto kCourierPatience = std::chrono::seconds(30);

}  // namespace

HealthReport DeviceHealth::check() {
  const Result<ErrandSocket> way = courier_.connect(std::chrono::steady_clock::now() + kCourierPatience);
  if (!way) return {.healthy = false, .reason = "courier: " + way.error().message};
  return commands_.check();
}

}  // namespace tenon::client
