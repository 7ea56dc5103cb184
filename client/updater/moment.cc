#include <tenon/client/updater/moment.h>

namespace tenon::client {

policies::DeviceFacts for_writing(policies::DeviceFacts facts) {
  facts.window.reset();
  facts.deferred_until.reset();
  return facts;
}

policies::DeviceFacts for_arming(policies::DeviceFacts facts) {
  facts.is_metered.reset();
  return facts;
}

policies::DeviceFacts without_wishes(policies::DeviceFacts facts) {
  return for_arming(for_writing(std::move(facts)));
}

std::string reason_code(std::string_view rule) {
  return (rule == "deferred" ? "user." : "policy.") + std::string(rule);
}

}  // namespace tenon::client
