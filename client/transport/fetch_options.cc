#include <tenon/client/transport/fetch_options.h>

#include <algorithm>

namespace tenon::client {

// Bounded, so that a length that somebody claims does not overflow a clock.
std::chrono::seconds longest_time(const FetchOptions& options, std::uint64_t length) {
  constexpr std::uint64_t kMaxSeconds = 365 * 86'400;
  const std::uint64_t at_slowest = length / std::max<std::uint64_t>(options.slowest_bytes_per_second, 1);
  return options.connect_timeout + options.stall_time +
         std::chrono::seconds(static_cast<std::int64_t>(std::min(at_slowest, kMaxSeconds)));
}

}  // namespace tenon::client
