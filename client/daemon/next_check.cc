#include <tenon/client/daemon/next_check.h>

#include <algorithm>

namespace tenon::client {
namespace {

using std::chrono::seconds;

constexpr seconds kLeastPause{10};
constexpr seconds kClockPause = std::chrono::minutes(15);  // a check asks the sources, too

seconds share_of(seconds whole, double chance) {
  return seconds(static_cast<seconds::rep>(static_cast<double>(whole.count()) * chance));
}

}  // namespace

seconds until_next_check(const DeviceConfig& config, const Awaited& awaited, double chance) {
  const seconds interval = std::chrono::minutes(config.interval_minutes);
  const seconds spread = interval / 10;
  const seconds regular = interval + share_of(spread, chance);
  // Half of the window is left to install in.
  const seconds half_window = config.window ? seconds(std::chrono::minutes(config.window->length_minutes)) / 2 : spread;
  if (awaited.in) {
    const seconds then = std::max(*awaited.in, seconds::zero()) + share_of(std::min(spread, half_window), chance);
    return std::min(regular, std::max(then, kLeastPause));
  }
  if (!awaited.is_window || !config.window) return regular;
  // The clock may be set at any time, and then the window may be open.
  return std::min(regular, std::max(half_window, kClockPause));
}

}  // namespace tenon::client
