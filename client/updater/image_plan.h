// ImagePlan: from which payloads this device can make an image, the one of the fewest bytes first, and why not from the others.
// A delta is of use where the slot that runs holds its base, byte for byte, and where decoding fits the device's memory.
// Thread: one.
#pragma once

#include <tenon/client/ports/reporter.h>
#include <tenon/client/ports/slots.h>
#include <tenon/metadata/fresh.h>
#include <tenon/policies/release.h>

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace tenon::client {

struct PlannedPayload {
  policies::Payload payload;
  metadata::VerifiedTarget target;  // its length is what is fetched at most
  std::uint64_t memory = 0;         // bytes, to decode it
};

struct PassedOver {
  policies::Payload payload;
  std::string why;
};

struct ImagePlan {
  std::vector<PlannedPayload> payloads;  // one at least
  std::vector<PassedOver> passed_over;
};

using FindPayload = std::function<Result<metadata::VerifiedTarget>(const policies::Label& file)>;

// plan_image reads `base`, the slot that runs, once through if there is a delta that may start from it; null: there is none to
// read. memory: what decoding may take, bytes.
// Errors: E_POLICY when no payload is of use; what `find` returned but for E_POLICY, with which a payload is passed over.
Result<ImagePlan> plan_image(const policies::Image& image, Slot* base, std::uint64_t memory, const FindPayload& find,
                             Reporter& reporter);

}  // namespace tenon::client
