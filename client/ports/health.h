// Health: is the system that runs fit to stay?
#pragma once

#include <tenon/metadata/result.h>

#include <string>

namespace tenon::client {

struct HealthReport {
  bool healthy = false;
  std::string reason = {};  // for people: what failed, or what to know of a healthy one
};

class Health {
 public:
  virtual ~Health() = default;
  // check takes as long as its checks may take and no longer: one that does not end in time is a failed one.
  virtual HealthReport check() = 0;
};

}  // namespace tenon::client
