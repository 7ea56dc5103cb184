// Limits: how much of anything is read or walked. All are arguments; the defaults and their reasons stand here.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace tenon::metadata {

struct Limits {
  // Bytes of a file whose length no trusted file lists; python-tuf, go-tuf and tuf-js use the same but for timestamp.
  std::size_t root_bytes = 512'000;      // ten ML-DSA-87 signatures and eleven keys are 132,000
  std::size_t timestamp_bytes = 65'536;  // two ML-DSA-87 signatures are 18,500
  std::size_t snapshot_bytes = 2'000'000;
  std::size_t targets_bytes = 5'000'000;
  // Bytes of a file whose length is listed: a larger claim is refused before any request.
  std::size_t listed_bytes = 16u << 20;
  std::size_t signatures = 64;          // verifying costs; no role of ours needs more
  std::size_t roots_per_refresh = 256;  // as the other clients; the next refresh continues
  std::size_t roles_per_search = 32;    // as the other clients; also bounds the downloads of one search
  std::chrono::hours session_age{24};   // a paused update must not extend what expires
};

}  // namespace tenon::metadata
