// Clock: what time the device believes it is, which nobody signed, and how long things take.
#pragma once

#include <tenon/metadata/utc_time.h>

#include <chrono>

namespace tenon::client {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual metadata::UtcTime now() = 0;
  // is_synchronised is true when the system says that its clock follows others.
  virtual bool is_synchronised() = 0;
  // since_boot never jumps, and counts the time asleep.
  virtual std::chrono::seconds since_boot() = 0;
  // wait lets time pass, by chance between the two: devices that failed together do not try again together.
  virtual void wait(std::chrono::milliseconds least, std::chrono::milliseconds most) = 0;
};

}  // namespace tenon::client
