// FetchOptions: how a source is asked over the network, and how long that may take. Pure.
// Thread: any.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <vector>

namespace tenon::client {

struct FetchOptions {
  std::chrono::seconds connect_timeout{30};   // name, connection, proxy and TLS together
  std::uint64_t stall_bytes_per_second = 16;  // slower than this ...
  std::chrono::seconds stall_time{60};        // ... for so long is a stall
  // A fetch, redirects included, ends after the time of a connection and a stall and what its bytes take at this rate;
  // what was written before is not lost. A source that drips is left in the end.
  std::uint64_t slowest_bytes_per_second = 256;
  std::uint64_t most_bytes_per_second = 0;      // 0 is no limit
  std::string proxy = {};                       // "" is none, whatever the environment says
  std::string ca_file = {};                     // "" are the certificate authorities of the system
  std::vector<int> not_found_statuses = {404};  // an S3 bucket that cannot be listed says 403
};

// longest_time is when a fetch of so many bytes ends at the latest, redirects included.
std::chrono::seconds longest_time(const FetchOptions& options, std::uint64_t length);

}  // namespace tenon::client
