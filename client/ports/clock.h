// Clock: what time the device believes it is. Nobody signed it.
#pragma once

#include <tenon/metadata/utc_time.h>

namespace tenon::client {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual metadata::UtcTime now() = 0;
};

}  // namespace tenon::client
