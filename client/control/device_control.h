// DeviceControl: what can be asked of a device, by the methods of the interface org.tenon.Update. Whoever does the work, this process or a
// daemon at the other end of a socket, gives the same answers.
#pragma once

#include <tenon/client/ports/reporter.h>
#include <tenon/metadata/json.h>
#include <tenon/metadata/result.h>

#include <string>
#include <string_view>

namespace tenon::client {

inline constexpr std::string_view kControlInterface = "org.tenon.Update";

struct ControlCall {
  std::string method;  // "Install"
  json::Object parameters = {};
  int file = -1;  // a bundle to take the repository from, opened for reading; -1: none. The caller keeps it.
};

class DeviceControl {
 public:
  virtual ~DeviceControl() = default;

  // call runs a method to its end; the reporter is told what goes on meanwhile.
  // Errors: E_USAGE for a method or parameter that is not known; those of the method.
  virtual Result<json::Object> call(const ControlCall& call, Reporter& reporter) = 0;
};

}  // namespace tenon::client
