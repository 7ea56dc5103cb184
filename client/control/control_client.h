// ControlClient: a device's daemon, asked over its socket.
// Thread: one call at a time.
#pragma once

#include <tenon/client/control/control_stream.h>
#include <tenon/client/control/device_control.h>

#include <memory>

namespace tenon::client {

class ControlClient final : public DeviceControl {
 public:
  explicit ControlClient(std::unique_ptr<ControlStream> stream) : stream_(std::move(stream)) {}

  // call Errors: also E_POLICY for a caller who may not act, E_NET when the daemon ends meanwhile.
  Result<json::Object> call(const ControlCall& call, Reporter& reporter) override;

 private:
  std::unique_ptr<ControlStream> stream_;
};

}  // namespace tenon::client
